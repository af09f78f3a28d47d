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
/// What two generations of the program say to each other while one takes over from the other.
///
///   new --> old   hello                  it is there, and is a bonedry: it may have what follows;
///                                        with a pidfd of it, as a script may have started it
///   old --> new   lock                   with the state directory's lock
///                 admin PATH             where the admin socket is
///                 health                 with what was node_health of the nodes
///                 listener N ADDRESS     with a socket of the N-th listener; one for each
///                 go                     from here on the old one decides nothing any more
///   new --> old   follow N               with the N-th RoutingState: route by it
///   old --> new   followed N             all its workers do, by that one or a later one
///             or  not-followed N         it cannot: it is asked again
///   new --> old   ready                  it accepts: the old one stops accepting
///             or  failed WHY             it ends; the old one goes on as if nothing had been
///
/// Both then go on, with `follow`, until the old one has nobody left. The end of the line is the
/// end of a process; that of the new one its pidfd tells, too, as what a script started beside it
/// may hold the line longer.
// clang-format on
namespace bonedry::proxy::handover {

/// Where the new one finds its end of the line: the number of a descriptor.
constexpr const char* kVariable = "BONEDRY_PREDECESSOR";

constexpr std::string_view kHello = "hello";
constexpr std::string_view kLock = "lock";
constexpr std::string_view kAdmin = "admin ";
constexpr std::string_view kHealth = "health";
constexpr std::string_view kListener = "listener ";
constexpr std::string_view kGo = "go";
constexpr std::string_view kFollow = "follow ";
constexpr std::string_view kFollowed = "followed ";
constexpr std::string_view kNotFollowed = "not-followed ";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kFailed = "failed ";

/// How long one waits for the other to say or take something that it can say or take at once.
constexpr Millis kTimeLimit = std::chrono::seconds{10};

/// What the old process needs to route as the new one does, beside the records on the disk.
struct RoutingState {
  std::set<std::string> shut;          ///< nodes whose doors are shut
  std::string config;                  ///< the config file as the new one has read it
  std::set<std::string> opening = {};  ///< nodes that no new user may be sent to yet
};

/// What the old process has node_health of a node that is checked.
struct NodeHealth {
  std::string key;      ///< "shop/alice"
  std::string address;  ///< where: it is not true of another machine
  balancer::Health health = balancer::Health::unknown;
};

/// The number after `word` in `text`; 0: it is not of that form.
[[nodiscard]] std::uint64_t number_after(std::string_view word, std::string_view text);

/// As a file without a name: it may be larger than a message.
[[nodiscard]] Result<UniqueFd> write(const RoutingState& routing_state);
[[nodiscard]] Result<RoutingState> read(const UniqueFd& file);
[[nodiscard]] Result<UniqueFd> write_health(const std::vector<NodeHealth>& nodes);
[[nodiscard]] Result<std::vector<NodeHealth>> read_health(const UniqueFd& file);

}  // namespace bonedry::proxy::handover
