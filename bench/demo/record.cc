#include "bench/demo/record.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bonedry::demo {
namespace {

// From the last session's end to the report "dry": a sweep, a check of the counts, a reply.
constexpr Millis kDryAtMost{1500};

std::string seconds(Millis duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f s", static_cast<double>(duration.count()) / 1000);
  return text.data();
}

void print_row(const std::string& label, const std::string& value, const std::string& remark) {
  std::printf("  %-46s %7s%s%s\n", label.c_str(), value.c_str(), remark.empty() ? "" : "  ",
              remark.c_str());
}

/// The lower half of the table: each line is a promise, and this records whether all were kept.
class Promises {
 public:
  void never(const std::string& label, std::uint64_t count) {
    judge(label, std::to_string(count), "", count == 0);
  }
  void within(const std::string& label, Millis value, Millis limit) {
    judge(label, seconds(value), "at most " + seconds(limit), value <= limit);
  }
  void exact(const Findings& findings) {
    never("wrong session counts", findings.wrong_counts);
    const Difference& shown = findings.wrong_counts == 0 ? findings.largest : findings.worst;
    judge("largest difference between reported and true",
          std::to_string(std::max<std::int64_t>(shown.sessions, 0)),
          std::to_string(shown.transit) + " in transit at that time", findings.wrong_counts == 0);
  }

  [[nodiscard]] std::size_t broken() const { return broken_; }

 private:
  void judge(const std::string& label, const std::string& value, const std::string& remark,
             bool held) {
    if (!held) ++broken_;
    print_row(label, value, held ? remark : remark + (remark.empty() ? "" : "  ") + "<-- FAILED");
  }

  std::size_t broken_ = 0;
};

void print_facts(const Record& record) {
  const auto fact = [](const std::string& label, auto value, const std::string& remark = "") {
    print_row(label, std::to_string(value), remark);
  };
  const Tally& tally = record.tally;
  fact("users served", tally.users);
  fact("fewest concurrent users", record.fewest_shoppers);
  fact("clicks", tally.clicks);
  fact("requests by crawlers", tally.crawls);
  fact("users who left and came back", tally.returns);
  fact("... while their node was bleeding", tally.returns_elsewhere);
  for (const Record::Bleed& bleed : record.bleeds) {
    fact("sessions on " + bleed.node + " when the bleed began", bleed.users);
  }
  fact("session counts compared with the true ones", record.findings.comparisons);
}

std::size_t print_promises(const Record& record) {
  const Tally& tally = record.tally;
  Promises promises;
  promises.never("failed clicks", tally.failed_clicks);
  promises.never("carts lost", tally.carts_lost);
  promises.never("users moved or given a new session", tally.interrupted);
  promises.never("users who saw the release change", tally.release_changed);
  promises.never("moved or rescued according to bonedry", record.moved + record.rescued);
  promises.never("new users on a bleeding node", record.intruders);
  promises.never("nodes reported dry too early", record.findings.false_dry);
  promises.exact(record.findings);
  for (const auto& [node, users, dry_after] : record.bleeds) {
    if (dry_after) {
      promises.within("dry after the last idle timeout, " + node, *dry_after, kDryAtMost);
    }
  }
  if (record.findings.wrong_counts > 0) {
    std::printf("\n  the first wrong count: %s\n", record.findings.first_wrong.c_str());
  }
  std::printf("\n  in transit: first request not finished, or session within %s of its end\n",
              seconds(Truth::kSlack).c_str());
  return promises.broken();
}

}  // namespace

bool print_report(const Record& record) {
  std::printf("\n");
  print_facts(record);
  std::printf("\n");
  const std::size_t broken = print_promises(record);
  std::printf("\n");
  if (!record.broken_off.empty()) {
    std::printf("  The demo was aborted: %s.\n", record.broken_off.c_str());
  }
  const bool complete = record.broken_off.empty() && record.bleeds.size() == record.nodes;
  if (complete && broken == 0) {
    std::printf("  All checks passed: both shops were updated in %s, and no user was affected.\n",
                seconds(record.lasted).c_str());
  } else if (broken > 0) {
    std::printf("  %zu %s: see the table.\n", broken,
                broken == 1 ? "check failed" : "checks failed");
  }
  return complete && broken == 0;
}

}  // namespace bonedry::demo
