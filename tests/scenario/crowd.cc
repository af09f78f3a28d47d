#include "tests/scenario/crowd.h"

#include <random>
#include <utility>

namespace bonedry::test {
namespace {

constexpr Millis kExpiryTolerance{250};
// A session may be counted for longer than it lasts when the thread that ends it waits for a CPU,
// but never for a shorter time.
const Millis kMaxLateExpiry = scaled(std::chrono::seconds{1});
constexpr Millis kSampleInterval{250};

/// The possible numbers of sessions on a node.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// Adds one session.
void add(Range& range, bool certain, bool possible) {
  range.min += certain ? 1 : 0;
  range.max += possible ? 1 : 0;
}

struct Expected {
  Range live;
  Range pending;
};

Expected expected_at(const StatusSampler::Sample& sample,
                     const std::vector<ObservedSession>& sessions, Millis idle_timeout,
                     const std::string& node, Millis behind) {
  Expected expected;
  const TestTime from = sample.requested - behind;
  const TestTime to = sample.received;
  for (const ObservedSession& session : sessions) {
    if (session.node != node) continue;
    const bool certainly_alive = session.last_received + idle_timeout - kExpiryTolerance > to;
    const bool possibly_alive = session.last_received + idle_timeout + kMaxLateExpiry > from;
    const bool certainly_begun = session.first_received < from;
    const bool possibly_begun = session.first_sent < to;
    const bool certainly_live = session.second_received && *session.second_received < from;
    const bool possibly_live = session.second_sent && *session.second_sent < to;
    add(expected.live, certainly_alive && certainly_live, possibly_alive && possibly_live);
    add(expected.pending, certainly_alive && certainly_begun && !possibly_live,
        possibly_alive && possibly_begun && !certainly_live);
  }
  return expected;
}

/// One browser with a connection to each address, and one cookie for all.
class RoamingUser {
 public:
  explicit RoamingUser(const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses) users_.emplace_back(address);
  }

  void set_cookie(const std::string& value) { cookie_ = value; }
  Response click(std::size_t through, const std::string& target) {
    User& user = users_[through];
    if (!cookie_.empty()) user.set_cookie("bonedry", cookie_);
    Response response = user.click(target);
    cookie_ = user.cookie();
    node_ = user.node();
    return response;
  }
  [[nodiscard]] const std::string& cookie() const { return cookie_; }
  [[nodiscard]] const std::string& node() const { return node_; }

 private:
  std::vector<User> users_;
  std::string cookie_;
  std::string node_;
};

std::string to_text(const Range& range) {
  return std::to_string(range.min) + " to " + std::to_string(range.max);
}

}  // namespace

Crowd::~Crowd() {
  for (std::thread& thread : threads_) thread.join();
}

void Crowd::start(const Plan& plan) {
  for (std::size_t i = 0; i < plan.users; ++i) {
    threads_.emplace_back([this, plan, seed = ++seed_] { run_user(plan, seed); });
  }
}

std::vector<ObservedSession> Crowd::wait_until_all_left() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return sessions_;
}

void Crowd::run_user(const Plan& plan, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const auto pause = [&random](Millis min, Millis max) {
    return Millis{std::uniform_int_distribution<Millis::rep>{min.count(), max.count()}(random)};
  };
  std::this_thread::sleep_for(pause(Millis{0}, plan.ramp_up));
  const TestTime leaves = TestClock::now() + pause(plan.min_stay, plan.max_stay);
  ObservedSession session;
  try {
    RoamingUser user{addresses_};
    user.set_cookie(plan.cookie);
    do {
      const std::size_t through =
          std::uniform_int_distribution<std::size_t>{0, addresses_.size() - 1}(random);
      const TestTime sent = TestClock::now();
      const Response response = user.click(through, "/click" + std::to_string(session.clicks));
      session.last_sent = sent;
      session.last_received = TestClock::now();
      if (++session.clicks == 1) {
        session.node = user.node();
        session.first_sent = session.last_sent;
        session.first_received = session.last_received;
        session.cookie = user.cookie();
        if (!set_cookie_value(response)) session.error += "no cookie came; ";
      } else {
        if (set_cookie_value(response)) session.error += "a second cookie came; ";
      }
      if (session.clicks == 2) {
        session.second_sent = session.last_sent;
        session.second_received = session.last_received;
      }
      if (response.status != 200) {
        session.error += "got a " + std::to_string(response.status) + "; ";
      }
      if (user.node() != session.node) session.error += "was moved to " + user.node() + "; ";
      std::this_thread::sleep_for(pause(Millis{0}, plan.max_think_time));
    } while (TestClock::now() < leaves);
  } catch (const std::exception& error) {
    session.error += error.what();
  }
  const std::lock_guard lock{mutex_};
  sessions_.push_back(std::move(session));
}

StatusSampler::StatusSampler(const BonedryProcess& bonedry)
    : bonedry_(bonedry), thread_([this] { take_samples(); }) {}

void StatusSampler::take_samples() {
  do {
    try {
      Sample sample;
      sample.requested = TestClock::now();
      sample.status = bonedry_.status();
      sample.received = TestClock::now();
      samples_.push_back(std::move(sample));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "status json failed: " << error.what();
    }
  } while (!stop_.wait(kSampleInterval));
}

void StatusSampler::stop() {
  stop_.open();
  if (thread_.joinable()) thread_.join();
}

void expect_counts_agree(const std::vector<StatusSampler::Sample>& samples,
                         const std::vector<ObservedSession>& sessions, Millis idle_timeout,
                         const std::vector<std::string>& nodes, Millis behind) {
  for (const StatusSampler::Sample& sample : samples) {
    for (const std::string& name : nodes) {
      const NodeView view = node_view(sample.status, name);
      const Expected expected = expected_at(sample, sessions, idle_timeout, name, behind);
      EXPECT_TRUE(expected.live.min <= view.live && view.live <= expected.live.max)
          << name << " reports " << view.live << " live sessions, there were "
          << to_text(expected.live);
      EXPECT_TRUE(expected.pending.min <= view.pending && view.pending <= expected.pending.max)
          << name << " reports " << view.pending << " pending sessions, there were "
          << to_text(expected.pending);
    }
  }
}

}  // namespace bonedry::test
