#pragma once

#include "balancer/node.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// clang-format off
/// The messages between two processes of the program while the new one takes over from the old one.
///
///   new --> old   hello                  it is a bonedry and may have what follows; with its
///                                        pidfd, as a script may have started it
///   old --> new   lock                   with the descriptor of the state directory's lock
///                 admin PATH             path of the admin socket
///                 health                 with the health of the nodes that are checked
///                 tickets                with the keys of TLS session tickets, if TLS is used
///                 listener N ADDRESS     with a socket of the N-th listener; one per message
///                 go                     from here on the old process makes no more decisions; with
///                                        its totals
///   new --> old   follow N               with the N-th RoutingState: route by it
///   old --> new   followed N             all its workers route by it, or by a later one
///             or  not-followed N         it cannot: the new process tries again
///   new --> old   ready                  it accepts clients: the old process stops accepting
///             or  failed WHY             it exits; the old process goes on as before
///
///   new --> old   reopen                 it has reopened its access log: so does the old one
///   old --> new   totals                 with its totals, at once, once a second and at its end
///
/// A process of an older version sends no totals, and pays no attention to them.
///
/// Both then go on, with `follow` and `reopen`, until the old process has no clients left. When the
/// connection closes, the other process has exited. The exit of the new one is also seen by its
/// pidfd, since what a script started beside it may keep the connection open longer.
// clang-format on
namespace bonedry::proxy::handover {

/// Environment variable of the new process: the number of the descriptor of its connection.
constexpr const char* kVariable = "BONEDRY_PREDECESSOR";

constexpr std::string_view kHello = "hello";
constexpr std::string_view kLock = "lock";
constexpr std::string_view kAdmin = "admin ";
constexpr std::string_view kHealth = "health";
constexpr std::string_view kTickets = "tickets";
constexpr std::string_view kListener = "listener ";
constexpr std::string_view kGo = "go";
constexpr std::string_view kFollow = "follow ";
constexpr std::string_view kFollowed = "followed ";
constexpr std::string_view kNotFollowed = "not-followed ";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kReopen = "reopen";
constexpr std::string_view kTotals = "totals";
constexpr std::string_view kFailed = "failed ";

/// Time-out for what the other process can send or receive without delay.
constexpr Millis kTimeLimit = std::chrono::seconds{10};

/// What the old process needs, besides the records on disk, to route like the new one.
struct RoutingState {
  std::set<std::string> shut;          ///< nodes whose doors are shut
  std::string config;                  ///< content of the config file as the new process read it
  std::set<std::string> opening = {};  ///< nodes that no new user may be sent to yet
  std::set<std::string> held = {};     ///< nodes whose doors are held
};

/// The health that the old process measured of a node with active checks.
struct NodeHealth {
  std::string key;      ///< "shop/alice"
  std::string address;  ///< that was checked; the health is not valid for another
  balancer::Health health = balancer::Health::unknown;
};

/// The number after `word` in `text`; 0 if `text` is not of that form.
[[nodiscard]] std::uint64_t number_after(std::string_view word, std::string_view text);

/// Written to a memfd, because it may be larger than a message. A node that is held is listed both
/// as shut and as opening, which no other node is: a process of a version that knows no held doors
/// shuts it.
[[nodiscard]] Result<UniqueFd> write(const RoutingState& routing_state);
[[nodiscard]] Result<RoutingState> read(const UniqueFd& file);
[[nodiscard]] Result<UniqueFd> write_health(const std::vector<NodeHealth>& nodes);
[[nodiscard]] Result<std::vector<NodeHealth>> read_health(const UniqueFd& file);
/// The bytes of tls::TicketKeys.
[[nodiscard]] Result<UniqueFd> write_ticket_keys(std::string_view keys);
[[nodiscard]] Result<std::string> read_ticket_keys(const UniqueFd& file);

/// The JSON of ProcessTotals.
[[nodiscard]] Result<UniqueFd> write_totals(std::string_view json);
[[nodiscard]] Result<std::string> read_totals(const UniqueFd& file);

}  // namespace bonedry::proxy::handover
