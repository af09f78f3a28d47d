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

bool is_possible(std::int64_t sessions, const ExpectedCount& expected, Counted counted) {
  const bool too_few = sessions < expected.certain;
  const bool too_many = sessions > expected.certain + expected.in_transit;
  return (!too_few || counted == Counted::at_least) && (!too_many || counted == Counted::at_most);
}

}  // namespace

Monitor::Monitor(Loop& loop, AdminClient& admin, ExpectedSessions& expected, std::string proxy,
                 std::string pool, ComparisonResult& result)
    : loop_(loop),
      admin_(admin),
      expected_(expected),
      proxy_(std::move(proxy)),
      pool_(std::move(pool)),
      result_(result),
      timer_(loop, [this] { request_status(); }) {
  timer_.start_repeating(kInterval);
}

void Monitor::proxy_ends() {
  state_ = State::ended;
  ++life_;
  requested_.reset();
}

void Monitor::proxy_starts() {
  state_ = State::starting;
}

NodeStatus Monitor::status_of(const std::string& node) const {
  if (!status_) return {};
  const auto found = status_->nodes.find(node);
  return found == status_->nodes.end() ? NodeStatus{} : found->second;
}

ExpectedCount Monitor::expected_count(const std::string& node) const {
  const auto count = expected_counts_.find(node);
  return count == expected_counts_.end() ? ExpectedCount{} : count->second;
}

void Monitor::request_status() {
  if (state_ == State::ended) return;
  if (requested_) {
    if (loop_.now() > *requested_ + kTimeLimit) fail("no response to `status json` in 5 s");
    return;
  }
  requested_ = loop_.now();
  admin_.send("status json", [this, life = life_](const AdminResponse& response) {
    if (life == life_) on_response(response);
  });
}

void Monitor::fail(const std::string& why) {
  if (state_ == State::serving) error_ = proxy_ + ": " + why;
}

void Monitor::on_response(const AdminResponse& response) {
  std::optional<Status> status = parse_status(response.text, pool_);
  if (!response.error.empty()) {
    fail("`status json`: " + response.error);
  } else if (!status) {
    fail("unexpected response to `status json`: " + response.text.substr(0, 200));
  } else if (status->serves) {
    take(std::move(*status));
  }
  requested_.reset();
}

void Monitor::take(Status status) {
  state_ = State::serving;
  if (status.counted != Counted::exactly) expected_.doubt(loop_.now());
  for (const auto& [node, reported] : status.nodes) {
    compare(node, reported, status.counted);
    count_displaced(node, reported);
  }
  status_ = std::move(status);
}

void Monitor::compare(const std::string& node, const NodeStatus& reported, Counted counted) {
  const ExpectedCount expected = expected_.count(node, *requested_, loop_.now());
  expected_counts_[node] = expected;
  ++result_.comparisons;
  const CountDifference found{std::abs(reported.sessions() - expected.estimate),
                              expected.in_transit};
  if (counted == Counted::exactly && found.sessions > result_.largest.sessions) {
    result_.largest = found;
  }
  if (!is_possible(reported.sessions(), expected, counted)) {
    if (result_.wrong_counts++ == 0) {
      result_.first_wrong = proxy_ + ": " + describe(node, reported, expected);
    }
    if (found.sessions > result_.largest_wrong.sessions) result_.largest_wrong = found;
  }
  if (reported.dry && expected.certain > 0) ++result_.false_dry;
}

void Monitor::count_displaced(const std::string& node, const NodeStatus& reported) {
  const NodeStatus before = status_of(node);
  const std::uint64_t had = before.moved + before.rescued;
  const std::uint64_t has = reported.moved + reported.rescued;
  displaced_ += has < had ? has : has - had;  // fewer: it was killed, and counts anew
}

void Monitor::check_dry(const std::string& node) {
  const std::optional<ExpectedSessions::ExpiryRange> last = expected_.last_expiry(node);
  const bool has_session = last && last->earliest > loop_.now();
  if (has_session || expected_.has_open_request(node)) ++result_.false_dry;
}

}  // namespace bonedry::demo
