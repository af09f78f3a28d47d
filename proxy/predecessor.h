#pragma once

#include "balancer/topology.h"
#include "proxy/handover.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/fd_channel.h"
#include "proxy/io/read_watcher.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// The previous process, which this one takes over from. Main thread.
class Predecessor final : private io::ReadWatcher::Handler {
 public:
  /// Announces this process and receives what the previous process hands over. Blocks until the
  /// handover is complete.
  [[nodiscard]] static Result<std::unique_ptr<Predecessor>> connect(UniqueFd line);
  /// Reports why this process ends without having taken anything over.
  static void decline(UniqueFd line, const std::string& why) {
    Predecessor(std::move(line)).give_up(why);
  }

  /// The lock of the state directory.
  [[nodiscard]] UniqueFd take_lock() { return std::move(lock_); }
  [[nodiscard]] const std::string& admin_path() const { return admin_path_; }
  /// Sets the health of the nodes that it checks and that this process has under the same address:
  /// one that is down gets no new users before this process has checked it.
  void hand_over_health(const balancer::Topology& topology) const;
  /// The keys of TLS session tickets, as tls::TicketKeys serializes them; empty: none.
  [[nodiscard]] const std::string& ticket_keys() const { return ticket_keys_; }
  /// Calls `on_totals` with each report of what the previous process has counted (JSON of
  /// ProcessTotals): at once with the one that it handed over, if it did, and with the later ones
  /// after `replace`.
  void follow_totals(std::function<void(const std::string&)> on_totals);
  /// Takes the sockets of the first listener with this address that has not been taken yet.
  [[nodiscard]] std::vector<UniqueFd> take_sockets(const std::string& address);

  /// Makes the previous process route by `routing_state`, and blocks until it does.
  [[nodiscard]] Result<> sync_routing_state(const handover::RoutingState& routing_state);
  /// Reports why this process ends; the previous process passes it on to the operator.
  void give_up(const std::string& why);
  /// This process accepts clients now. `on_gone` is called once, when the previous process has
  /// ended (or if it already has); never from inside this call.
  void replace(io::EventLoop& loop, std::function<void()> on_gone);
  /// Like `sync_routing_state`, but after `replace` and without blocking. Calls `followed` when the
  /// previous process routes by the state, or has ended; never from inside this call.
  void send_routing_state(const handover::RoutingState& routing_state,
                          std::function<void()> followed);

  /// Makes the previous process reopen its access log, too; after `replace`. Does not block.
  /// Whether that succeeds is in the log of that process.
  void reopen_access_log();

  [[nodiscard]] pid_t pid() const { return channel_.maker(); }
  /// Whether the previous process has not applied the latest routing state yet.
  [[nodiscard]] bool is_lagging() const { return !waiting_.empty(); }
  [[nodiscard]] bool is_gone() const { return gone_ == Exited::yes; }

 private:
  struct Socket {
    std::size_t listener;
    std::string address;
    UniqueFd fd;
  };
  enum class Exited : std::uint8_t { no, yes };

  explicit Predecessor(UniqueFd line) : channel_(std::move(line)) {}
  [[nodiscard]] Result<> take(io::FdChannel::Message& message);
  void take_totals(const UniqueFd& file);
  void on_readable() override;
  void lose();
  void ask();
  void retry_later(const std::string& why);
  void on_followed(std::uint64_t number);

  // Many: what was handed over, and the state that the other process is to apply.
  io::FdChannel channel_;
  UniqueFd lock_;
  std::string admin_path_;
  std::vector<handover::NodeHealth> health_;
  std::string ticket_keys_;
  std::string totals_;  // the latest report; empty: none
  std::function<void(const std::string&)> on_totals_;
  std::deque<Socket> sockets_;
  std::optional<io::ReadWatcher> watcher_;
  struct PendingSync {
    std::uint64_t number;
    std::function<void()> followed;
  };
  std::deque<PendingSync> waiting_;       // by number; a reply also settles all earlier ones
  handover::RoutingState latest_state_;   // the one to be applied
  std::uint64_t number_ = 0;              // of latest_state_
  std::uint64_t in_flight_ = 0;           // the request without a reply yet; 0: none
  std::optional<io::Timer> retry_timer_;  // after a request that failed
  std::string logged_error_;              // logged last; cleared when a request succeeds
  std::function<void()> on_gone_;
  Exited gone_ = Exited::no;
};

}  // namespace bonedry::proxy
