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

/// What a comparison of the proxy's word with the truth brought to light, over the whole story.
struct Findings {
  std::uint64_t comparisons = 0;
  std::uint64_t wrong_counts = 0;  ///< outside of what can truly be
  Difference largest;
  Difference worst;             ///< the largest among the wrong ones
  std::string first_wrong;      ///< the first of them, in words
  std::uint64_t false_dry = 0;  ///< a node was called dry while users were on it
};

/// Asks the proxy for its status all the time and holds it against the truth.
class Monitor {
 public:
  Monitor(Loop& loop, AdminClient& admin, const Truth& truth, std::string pool);

  /// The last status; empty before the first.
  [[nodiscard]] const std::optional<Status>& status() const { return status_; }
  /// How many users are on the node, as of the last comparison.
  [[nodiscard]] TrueCount true_count(const std::string& node) const;
  [[nodiscard]] const Findings& findings() const { return findings_; }
  /// Why the proxy's status cannot be had; empty while it can.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  /// The proxy has just said, by whatever way, that the node is dry.
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
  std::optional<Instant> asked_;  // set while a question is open
  Timer timer_;
};

}  // namespace bonedry::demo
