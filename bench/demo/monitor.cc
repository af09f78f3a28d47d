#include "bench/demo/monitor.h"

#include <cstdlib>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kInterval{250};
constexpr Millis kTimeLimit = std::chrono::seconds{5};

std::string describe(const std::string& node, const NodeStatus& reported, const TrueCount& truth) {
  return node + " reported " + std::to_string(reported.live) + " live and " +
         std::to_string(reported.pending) + " pending sessions, expected " +
         std::to_string(truth.certain) + " to " + std::to_string(truth.certain + truth.transit);
}

}  // namespace

Monitor::Monitor(Loop& loop, AdminClient& admin, const Truth& truth, std::string pool)
    : loop_(loop), admin_(admin), truth_(truth), pool_(std::move(pool)), timer_(loop, [this] {
        ask();
      }) {
  timer_.start_repeating(kInterval);
}

TrueCount Monitor::true_count(const std::string& node) const {
  const auto count = counts_.find(node);
  return count == counts_.end() ? TrueCount{} : count->second;
}

void Monitor::ask() {
  if (asked_) {
    if (loop_.now() > *asked_ + kTimeLimit) trouble_ = "`status json` was not answered in 5 s";
    return;
  }
  asked_ = loop_.now();
  admin_.send("status json", [this](const AdminAnswer& answer) { answered(answer); });
}

void Monitor::answered(const AdminAnswer& answer) {
  std::optional<Status> status = read_status(answer.text, pool_);
  if (!answer.error.empty()) {
    trouble_ = "`status json`: " + answer.error;
  } else if (!status) {
    trouble_ = "unexpected answer to `status json`: " + answer.text.substr(0, 200);
  } else {
    for (const auto& [node, reported] : status->nodes) compare(node, reported);
    status_ = std::move(status);
  }
  asked_.reset();
}

void Monitor::compare(const std::string& node, const NodeStatus& reported) {
  const TrueCount truth = truth_.count(node, *asked_, loop_.now());
  counts_[node] = truth;
  ++findings_.comparisons;
  const Difference found{std::abs(reported.sessions() - truth.now), truth.transit};
  if (found.sessions > findings_.largest.sessions) findings_.largest = found;
  const bool possible =
      reported.sessions() >= truth.certain && reported.sessions() <= truth.certain + truth.transit;
  if (!possible) {
    if (findings_.wrong_counts++ == 0) findings_.first_wrong = describe(node, reported, truth);
    if (found.sessions > findings_.worst.sessions) findings_.worst = found;
  }
  if (reported.dry && truth.certain > 0) ++findings_.false_dry;
}

void Monitor::check_dry(const std::string& node) {
  const std::optional<Truth::RunsOut> last = truth_.last_runs_out(node);
  const bool somebody_left = last && last->earliest > loop_.now();
  if (somebody_left || truth_.clicking_on(node)) ++findings_.false_dry;
}

}  // namespace bonedry::demo
