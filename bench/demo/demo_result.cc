#include "bench/demo/demo_result.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bonedry::demo {
namespace {

// From the expiry of the last session to the report "dry", the proxy notices the expiry, checks its
// counts, and responds.
constexpr Millis kMaxDryDelay{1500};
// Of several: what the one says, the others hear at the next beat, and dryness takes three rounds.
constexpr Millis kMaxSharedDryDelay{3000};

std::string seconds(Millis duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f s", static_cast<double>(duration.count()) / 1000);
  return text.data();
}

void print_row(const std::string& label, const std::string& value, const std::string& remark) {
  std::printf("  %-46s %7s%s%s\n", label.c_str(), value.c_str(), remark.empty() ? "" : "  ",
              remark.c_str());
}

/// Prints the rows of the table that can fail, and counts those that do.
class Checks {
 public:
  void must_be_zero(const std::string& label, std::uint64_t count) {
    print(label, std::to_string(count), "", count == 0);
  }
  void must_not_exceed(const std::string& label, Millis value, Millis limit) {
    print(label, seconds(value), "at most " + seconds(limit), value <= limit);
  }
  void counts_must_agree(const ComparisonResult& comparison) {
    const bool passed = comparison.wrong_counts == 0;
    must_be_zero("wrong session counts", comparison.wrong_counts);
    const CountDifference& shown = passed ? comparison.largest : comparison.largest_wrong;
    print("largest difference between reported and true",
          std::to_string(std::max<std::int64_t>(shown.sessions, 0)),
          std::to_string(shown.in_transit) + " in transit at that time", passed);
  }

  [[nodiscard]] std::size_t failures() const { return failures_; }

 private:
  void print(const std::string& label, const std::string& value, const std::string& remark,
             bool passed) {
    if (!passed) ++failures_;
    print_row(label, value, passed ? remark : remark + (remark.empty() ? "" : "  ") + "<-- FAILED");
  }

  std::size_t failures_ = 0;
};

void print_statistics(const DemoResult& result) {
  const auto row = [](const std::string& label, auto value) {
    print_row(label, std::to_string(value), "");
  };
  const UserCounters& counters = result.counters;
  row("users served", counters.users);
  row("fewest concurrent users", result.min_shoppers);
  row("clicks", counters.clicks);
  if (result.proxies > 1) {
    row("clicks repeated at another proxy", counters.clicks_repeated);
    row("returned to a bleeding node, in doubt", result.taken_back);
    print_row("longest click", seconds(counters.longest_click), "");
  }
  row("requests by crawlers", counters.crawler_requests);
  row("users who left and came back", counters.returns);
  row("... while their node was bleeding", counters.returns_to_other_node);
  for (const DemoResult::Bleed& bleed : result.bleeds) {
    row("sessions on " + bleed.node + " when the bleed began", bleed.sessions);
  }
  row("session counts compared with the true ones", result.comparison.comparisons);
}

/// Returns the number of failed checks.
std::size_t print_checks(const DemoResult& result) {
  const UserCounters& counters = result.counters;
  Checks checks;
  checks.must_be_zero("failed clicks", counters.failed_clicks);
  checks.must_be_zero("carts lost", counters.carts_lost);
  checks.must_be_zero("users moved or given a new session", counters.sessions_lost);
  checks.must_be_zero("users who saw the release change", counters.release_changes);
  checks.must_be_zero("moved or rescued according to bonedry", result.displaced);
  checks.must_be_zero("new users on a bleeding node", result.misrouted);
  checks.must_be_zero("nodes reported dry too early",
                      result.comparison.false_dry + result.dry_unheard);
  checks.counts_must_agree(result.comparison);
  for (const auto& [node, sessions, dry_delay] : result.bleeds) {
    if (dry_delay) {
      checks.must_not_exceed("dry after the last idle timeout, " + node, *dry_delay,
                             result.proxies == 1 ? kMaxDryDelay : kMaxSharedDryDelay);
    }
  }
  if (counters.failed_clicks > 0) {
    std::printf("\n  the first failed click: %s\n", counters.first_failed_click.c_str());
  }
  if (result.comparison.wrong_counts > 0) {
    std::printf("\n  the first wrong count: %s\n", result.comparison.first_wrong.c_str());
  }
  if (result.proxies > 1) {
    std::printf(
        "\n  dry after the last idle timeout, or after the proxy that ended serves again\n");
  }
  std::printf("\n  in transit: first request not finished, or session within %s of its end\n",
              seconds(ExpectedSessions::kExpiryTolerance).c_str());
  return checks.failures();
}

}  // namespace

bool print_report(const DemoResult& result) {
  std::printf("\n");
  print_statistics(result);
  std::printf("\n");
  const std::size_t failures = print_checks(result);
  std::printf("\n");
  if (!result.abort_reason.empty()) {
    std::printf("  The demo was aborted: %s.\n", result.abort_reason.c_str());
  }
  const bool complete = result.abort_reason.empty() && result.bleeds.size() == result.nodes;
  if (complete && failures == 0) {
    std::printf("  All checks passed: both shops were updated in %s, and no user was affected.\n",
                seconds(result.duration).c_str());
  } else if (failures > 0) {
    std::printf("  %zu %s: see the table.\n", failures,
                failures == 1 ? "check failed" : "checks failed");
  }
  return complete && failures == 0;
}

}  // namespace bonedry::demo
