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

/// The result of comparing the proxy's status with the expected sessions, over the whole demo.
struct ComparisonResult {
  std::uint64_t comparisons = 0;
  std::uint64_t wrong_counts = 0;  ///< outside the possible range
  CountDifference largest;
  CountDifference largest_wrong;  ///< the largest among the wrong counts
  std::string first_wrong;        ///< a description of the first wrong count
  std::uint64_t false_dry = 0;    ///< a node was reported dry while it had sessions
};

/// Requests the proxy's status all the time and compares it with the expected sessions.
class Monitor {
 public:
  Monitor(Loop& loop, AdminClient& admin, const ExpectedSessions& expected, std::string pool);

  /// The last status; empty before the first.
  [[nodiscard]] const std::optional<Status>& status() const { return status_; }
  /// The number of sessions that the node should have, as of the last comparison.
  [[nodiscard]] ExpectedCount expected_count(const std::string& node) const;
  [[nodiscard]] const ComparisonResult& result() const { return result_; }
  /// Why the proxy's status cannot be read; empty while it can.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// Checks the proxy's response to any command that the node is dry.
  void check_dry(const std::string& node);

 private:
  void request_status();
  void on_response(const AdminResponse& response);
  void compare(const std::string& node, const NodeStatus& reported);

  Loop& loop_;
  AdminClient& admin_;
  const ExpectedSessions& expected_;
  std::string pool_;
  std::optional<Status> status_;
  std::map<std::string, ExpectedCount> expected_counts_;
  ComparisonResult result_;
  std::string error_;
  std::optional<Instant> requested_;  // set while a request is in progress
  Timer timer_;
};

}  // namespace bonedry::demo
