#include "tests/scenario/crowd.h"

#include <random>
#include <utility>

namespace bonedry::test {
namespace {

constexpr Millis kInTransit{250};
// A session may be counted for longer than it lasts when the thread that ends it waits for a CPU,
// but never for less.
const Millis kEndsLate = scaled(std::chrono::seconds{1});
constexpr Millis kSampleEvery{250};

/// The least and the greatest possible number of sessions on a node.
struct Bounds {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

void count(Bounds& bounds, bool surely, bool maybe) {
  bounds.least += surely ? 1 : 0;
  bounds.most += maybe ? 1 : 0;
}

struct Expected {
  Bounds live;
  Bounds pending;
};

Expected expected_at(const StatusSampler::Sample& sample, const std::vector<Visit>& visits,
                     Millis idle_timeout, const std::string& node) {
  Expected expected;
  const TestTime from = sample.asked;
  const TestTime to = sample.answered;
  for (const Visit& visit : visits) {
    if (visit.node != node) continue;
    const bool surely_here = visit.last_answered + idle_timeout - kInTransit > to;
    const bool maybe_here = visit.last_answered + idle_timeout + kEndsLate > from;
    const bool surely_come = visit.first_answered < from;
    const bool maybe_come = visit.first_asked < to;
    const bool surely_back = visit.second_answered && *visit.second_answered < from;
    const bool maybe_back = visit.second_asked && *visit.second_asked < to;
    count(expected.live, surely_here && surely_back, maybe_here && maybe_back);
    count(expected.pending, surely_here && surely_come && !maybe_back,
          maybe_here && maybe_come && !surely_back);
  }
  return expected;
}

std::string told(const Bounds& bounds) {
  return std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
}

}  // namespace

Crowd::~Crowd() {
  for (std::thread& thread : threads_) thread.join();
}

void Crowd::arrive(const Plan& plan) {
  for (std::size_t i = 0; i < plan.users; ++i) {
    threads_.emplace_back([this, plan, seed = ++seed_] { visit(plan, seed); });
  }
}

std::vector<Visit> Crowd::wait_until_all_left() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return visits_;
}

void Crowd::visit(const Plan& plan, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const auto pause = [&random](Millis least, Millis most) {
    return Millis{std::uniform_int_distribution<Millis::rep>{least.count(), most.count()}(random)};
  };
  std::this_thread::sleep_for(pause(Millis{0}, plan.arrive_within));
  const TestTime leaves = TestClock::now() + pause(plan.stay_at_least, plan.stay_at_most);
  Visit visit;
  try {
    User user{address_};
    if (!plan.cookie.empty()) user.set_cookie("bonedry", plan.cookie);
    do {
      const TestTime asked = TestClock::now();
      const Response response = user.click("/click" + std::to_string(visit.clicks));
      visit.last_asked = asked;
      visit.last_answered = TestClock::now();
      if (++visit.clicks == 1) {
        visit.node = user.node();
        visit.first_asked = visit.last_asked;
        visit.first_answered = visit.last_answered;
        visit.cookie = user.cookie();
        if (!set_cookie_value(response)) visit.complaint += "no cookie came; ";
      } else {
        if (set_cookie_value(response)) visit.complaint += "a second cookie came; ";
      }
      if (visit.clicks == 2) {
        visit.second_asked = visit.last_asked;
        visit.second_answered = visit.last_answered;
      }
      if (response.status != 200) {
        visit.complaint += "got a " + std::to_string(response.status) + "; ";
      }
      if (user.node() != visit.node) visit.complaint += "was moved to " + user.node() + "; ";
      std::this_thread::sleep_for(pause(Millis{0}, plan.think_at_most));
    } while (TestClock::now() < leaves);
  } catch (const std::exception& error) {
    visit.complaint += error.what();
  }
  const std::lock_guard lock{mutex_};
  visits_.push_back(std::move(visit));
}

StatusSampler::StatusSampler(const BonedryProcess& bonedry)
    : bonedry_(bonedry), thread_([this] { take_samples(); }) {}

void StatusSampler::take_samples() {
  do {
    try {
      Sample sample;
      sample.asked = TestClock::now();
      sample.status = bonedry_.status();
      sample.answered = TestClock::now();
      samples_.push_back(std::move(sample));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "status json failed: " << error.what();
    }
  } while (!stop_.wait(kSampleEvery));
}

void StatusSampler::stop() {
  stop_.open();
  if (thread_.joinable()) thread_.join();
}

void expect_counts_agree(const std::vector<StatusSampler::Sample>& samples,
                         const std::vector<Visit>& visits, Millis idle_timeout,
                         const std::vector<std::string>& nodes) {
  for (const StatusSampler::Sample& sample : samples) {
    for (const std::string& name : nodes) {
      const NodeView view = node_view(sample.status, name);
      const Expected expected = expected_at(sample, visits, idle_timeout, name);
      EXPECT_TRUE(expected.live.least <= view.live && view.live <= expected.live.most)
          << name << " reports " << view.live << " live sessions, there were "
          << told(expected.live);
      EXPECT_TRUE(expected.pending.least <= view.pending && view.pending <= expected.pending.most)
          << name << " reports " << view.pending << " pending sessions, there were "
          << told(expected.pending);
    }
  }
}

}  // namespace bonedry::test
