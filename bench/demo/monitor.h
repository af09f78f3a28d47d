#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/loop.h"
#include "bench/demo/status.h"
#include "bench/demo/truth.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bonedry::demo {

/// The largest difference found between a reported count and the true one.
struct Difference {
  std::int64_t sessions = -1;  ///< negative: nothing was compared yet
  std::int64_t transit = 0;    ///< users in transit at that moment
};

/// The result of comparing the proxy's status with the truth, over the whole story.
struct Findings {
  std::uint64_t comparisons = 0;
  std::uint64_t wrong_counts = 0;  ///< outside the possible range
  Difference largest;
  Difference worst;             ///< the largest among the wrong ones
  std::string first_wrong;      ///< the first wrong count, in words
  std::uint64_t false_dry = 0;  ///< a node was reported dry while users were on it
};

/// Requests the proxy's status all the time and compares it with the truth.
class Monitor {
 public:
  Monitor(Loop& loop, AdminClient& admin, const Truth& truth, std::string pool);

  /// The last status; empty before the first.
  [[nodiscard]] const std::optional<Status>& status() const { return status_; }
  /// The number of users on the node, as of the last comparison.
  [[nodiscard]] TrueCount true_count(const std::string& node) const;
  [[nodiscard]] const Findings& findings() const { return findings_; }
  /// Why the proxy's status cannot be read; empty while it can.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  /// Checks the proxy's report, from any command, that the node is dry.
  void check_dry(const std::string& node);

 private:
  void ask();
  void answered(const AdminAnswer& answer);
  void compare(const std::string& node, const NodeStatus& reported);

  Loop& loop_;
  AdminClient& admin_;
  const Truth& truth_;
  std::string pool_;
  std::optional<Status> status_;
  std::map<std::string, TrueCount> counts_;
  Findings findings_;
  std::string trouble_;
  std::optional<Instant> asked_;  // set while a request is in progress
  Timer timer_;
};

}  // namespace bonedry::demo
