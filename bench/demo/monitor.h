#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/expected_sessions.h"
#include "bench/demo/loop.h"
#include "bench/demo/status.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bonedry::demo {

/// A difference between a reported and the expected number of sessions.
struct CountDifference {
  std::int64_t sessions = -1;   ///< negative: nothing was compared yet
  std::int64_t in_transit = 0;  ///< sessions in transit at that moment
};

/// The result of comparing the proxies' status with the expected sessions, over the whole demo.
struct ComparisonResult {
  std::uint64_t comparisons = 0;
  std::uint64_t wrong_counts = 0;  ///< outside the possible range
  CountDifference largest;         ///< of counts that the proxy called exact
  CountDifference largest_wrong;   ///< the largest among the wrong counts
  std::string first_wrong;         ///< a description of the first wrong count
  std::uint64_t false_dry = 0;     ///< a node was reported dry while it had sessions
};

/// Requests one proxy's status all the time and compares it with the expected sessions.
///
///     ended <--proxy_ends()-- starting --it serves--> serving --proxy_ends()--> ended
///     ended --proxy_starts()--> starting
class Monitor {
 public:
  /// For a proxy that starts. `result` gets what is compared; it must outlive the monitor.
  Monitor(Loop& loop, AdminClient& admin, ExpectedSessions& expected, std::string proxy,
          std::string pool, ComparisonResult& result);

  /// Until the other is called, the proxy is not asked.
  void proxy_ends();
  /// Until it serves, it need not answer.
  void proxy_starts();
  [[nodiscard]] bool serving() const { return state_ == State::serving; }

  /// The last status; empty before the first.
  [[nodiscard]] const std::optional<Status>& status() const { return status_; }
  /// Of the last status; a node without values if there is none.
  [[nodiscard]] NodeStatus status_of(const std::string& node) const;
  /// The number of sessions that the node should have, as of the last comparison.
  [[nodiscard]] ExpectedCount expected_count(const std::string& node) const;
  /// Users moved or rescued, according to the proxy in all its lives.
  [[nodiscard]] std::uint64_t displaced() const { return displaced_; }
  /// Why the proxy's status cannot be read; empty while it can, and while it starts.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// Checks the proxy's response to any command that the node is dry.
  void check_dry(const std::string& node);

 private:
  enum class State : std::uint8_t { starting, serving, ended };

  void request_status();
  void on_response(const AdminResponse& response);
  void fail(const std::string& why);
  void take(Status status);
  void compare(const std::string& node, const NodeStatus& reported, Counted counted);
  void count_displaced(const std::string& node, const NodeStatus& reported);

  Loop& loop_;
  AdminClient& admin_;
  ExpectedSessions& expected_;
  std::string proxy_;
  std::string pool_;
  ComparisonResult& result_;
  State state_ = State::starting;
  unsigned life_ = 1;  // of the proxy: an answer to a question to an earlier one is not looked at
  std::optional<Status> status_;
  std::map<std::string, ExpectedCount> expected_counts_;
  std::uint64_t displaced_ = 0;
  std::string error_;
  std::optional<Instant> requested_;  // set while a request is in progress
  Timer timer_;
};

}  // namespace bonedry::demo
