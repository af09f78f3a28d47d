#include "bench/demo/monitor.h"

#include <cstdlib>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kInterval{250};
constexpr Millis kTimeLimit = std::chrono::seconds{5};

std::string describe(const std::string& node, const NodeStatus& reported,
                     const ExpectedCount& expected) {
  return node + " reported " + std::to_string(reported.live) + " live and " +
         std::to_string(reported.pending) + " pending sessions, expected " +
         std::to_string(expected.certain) + " to " +
         std::to_string(expected.certain + expected.in_transit);
}

}  // namespace

Monitor::Monitor(Loop& loop, AdminClient& admin, const ExpectedSessions& expected, std::string pool)
    : loop_(loop), admin_(admin), expected_(expected), pool_(std::move(pool)), timer_(loop, [this] {
        request_status();
      }) {
  timer_.start_repeating(kInterval);
}

ExpectedCount Monitor::expected_count(const std::string& node) const {
  const auto count = expected_counts_.find(node);
  return count == expected_counts_.end() ? ExpectedCount{} : count->second;
}

void Monitor::request_status() {
  if (requested_) {
    if (loop_.now() > *requested_ + kTimeLimit) error_ = "no response to `status json` in 5 s";
    return;
  }
  requested_ = loop_.now();
  admin_.send("status json", [this](const AdminResponse& response) { on_response(response); });
}

void Monitor::on_response(const AdminResponse& response) {
  std::optional<Status> status = parse_status(response.text, pool_);
  if (!response.error.empty()) {
    error_ = "`status json`: " + response.error;
  } else if (!status) {
    error_ = "unexpected response to `status json`: " + response.text.substr(0, 200);
  } else {
    for (const auto& [node, reported] : status->nodes) compare(node, reported);
    status_ = std::move(status);
  }
  requested_.reset();
}

void Monitor::compare(const std::string& node, const NodeStatus& reported) {
  const ExpectedCount expected = expected_.count(node, *requested_, loop_.now());
  expected_counts_[node] = expected;
  ++result_.comparisons;
  const CountDifference found{std::abs(reported.sessions() - expected.estimate),
                              expected.in_transit};
  if (found.sessions > result_.largest.sessions) result_.largest = found;
  const bool possible = reported.sessions() >= expected.certain &&
                        reported.sessions() <= expected.certain + expected.in_transit;
  if (!possible) {
    if (result_.wrong_counts++ == 0) result_.first_wrong = describe(node, reported, expected);
    if (found.sessions > result_.largest_wrong.sessions) result_.largest_wrong = found;
  }
  if (reported.dry && expected.certain > 0) ++result_.false_dry;
}

void Monitor::check_dry(const std::string& node) {
  const std::optional<ExpectedSessions::ExpiryRange> last = expected_.last_expiry(node);
  const bool has_session = last && last->earliest > loop_.now();
  if (has_session || expected_.has_open_request(node)) ++result_.false_dry;
}

}  // namespace bonedry::demo
