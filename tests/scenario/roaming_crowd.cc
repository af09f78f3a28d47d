#include "tests/scenario/roaming_crowd.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace bonedry::test {

/// One kept connection to each address.
struct RoamingCrowd::Connections {
  explicit Connections(const std::vector<std::string>& addresses)
      : to(addresses), kept(addresses.size()) {}

  [[nodiscard]] HttpClient& keep(std::size_t through) {
    std::unique_ptr<HttpClient>& connection = kept[through];
    if (!connection || !connection->usable()) {
      connection = std::make_unique<HttpClient>(to[through]);
    }
    return *connection;
  }

  const std::vector<std::string>& to;
  std::vector<std::unique_ptr<HttpClient>> kept;
};

RoamingCrowd::RoamingCrowd(std::vector<std::string> addresses, std::string cookie,
                           std::uint64_t seed)
    : addresses_(std::move(addresses)), cookie_(std::move(cookie)), seed_(seed) {}

RoamingCrowd::~RoamingCrowd() {
  for (std::thread& thread : threads_) thread.join();
}

void RoamingCrowd::start(const Plan& plan) {
  for (std::size_t first = 0; first < plan.users; first += kUsersOfAThread) {
    Random random{++seed_};
    const std::size_t end = std::min(first + kUsersOfAThread, plan.users);
    threads_.emplace_back([this, plan, visitors = plan_visits(plan, first, end, random), random] {
      run(plan, visitors, random);
    });
  }
}

std::vector<ObservedSession> RoamingCrowd::wait_until_all_left() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return sessions_;
}

namespace {

Millis between(Millis least, Millis most, std::mt19937_64& random) {
  return Millis{std::uniform_int_distribution<Millis::rep>{least.count(), most.count()}(random)};
}

}  // namespace

std::vector<RoamingCrowd::Visitor> RoamingCrowd::plan_visits(const Plan& plan, std::size_t first,
                                                             std::size_t end,
                                                             Random& random) const {
  const TestTime now = TestClock::now();
  std::vector<Visitor> visitors(end - first);
  for (std::size_t number = first; number < end; ++number) {
    Visitor& visitor = visitors[number - first];
    visitor.through = number % addresses_.size();
    visitor.is_hasty = number % kHasty == 0;
    visitor.next_click = now + between(Millis{0}, plan.ramp_up, random);
    visitor.leaves = visitor.next_click + between(plan.min_stay, plan.max_stay, random);
  }
  return visitors;
}

void RoamingCrowd::run(const Plan& plan, std::vector<Visitor> visitors, Random random) {
  Connections connections{addresses_};
  while (!visitors.empty()) {
    const auto next = std::ranges::min_element(visitors, {}, &Visitor::next_click);
    std::this_thread::sleep_until(next->next_click);
    bool stays = false;
    try {
      stays = visit(plan, *next, connections, random);
    } catch (const std::exception& error) {
      next->seen.error += error.what();
      connections.kept[next->through].reset();
    }
    if (stays) continue;
    {
      const std::lock_guard lock{mutex_};
      sessions_.push_back(std::move(next->seen));
    }
    visitors.erase(next);
  }
}

bool RoamingCrowd::visit(const Plan& plan, Visitor& visitor, Connections& connections,
                         Random& random) const {
  const bool is_last = TestClock::now() >= visitor.leaves;
  const std::string target = is_last ? plan.last_page : "/";
  if (random() % 2 == 0) {
    click(visitor, target, connections.keep(visitor.through));
  } else {
    HttpClient anew(addresses_[visitor.through]);
    click(visitor, target, anew);
  }
  visitor.through = (visitor.through + 1) % addresses_.size();
  const bool soon = visitor.is_hasty && visitor.seen.clicks == 1;
  const Millis think_time =
      soon ? plan.hasty_after : between(Millis{100}, plan.max_think_time, random);
  visitor.next_click = TestClock::now() + think_time;
  return !is_last;
}

void RoamingCrowd::click(Visitor& visitor, const std::string& target, HttpClient& over) const {
  Request request{.target = target};
  if (std::string cookies = visitor.cookies.header(); !cookies.empty()) {
    request.headers.add("Cookie", std::move(cookies));
  }
  const TestTime sent = TestClock::now();
  const Response response = over.exchange(request);
  note(visitor, response, sent);
  for (const std::string& line : response.headers.all("Set-Cookie")) visitor.cookies.take(line);
}

void RoamingCrowd::note(Visitor& visitor, const Response& response, TestTime sent) const {
  ObservedSession& seen = visitor.seen;
  seen.last_sent = sent;
  seen.last_received = TestClock::now();
  const std::string node = response.headers.get("X-Node");
  const auto given = set_cookie_value(response, cookie_);
  if (response.status != 200) seen.error += "got a " + std::to_string(response.status) + "; ";
  if (++seen.clicks == 1) {
    seen.node = node;
    seen.first_sent = sent;
    seen.first_received = seen.last_received;
    if (!given) seen.error += "no cookie came; ";
  } else if (given && !given->empty()) {
    seen.error += "click " + std::to_string(seen.clicks) + " got a second cookie; ";
  }
  if (seen.clicks == 2) {
    seen.second_sent = sent;
    seen.second_received = seen.last_received;
  }
  if (node != seen.node) {
    seen.error += "click " + std::to_string(seen.clicks) + " was moved to " + node + "; ";
  }
}

// -- CountDelay -----------------------------------------------------------------------------------

CountDelay::CountDelay(std::vector<ObservedSession> timed_out,
                       std::vector<ObservedSession> logged_out, Millis idle_timeout) {
  const auto add = [this](std::vector<ObservedSession>& sessions, Millis after) {
    for (ObservedSession& each : sessions) {
      const TestTime first = each.last_sent + after;
      const TestTime last = each.last_received + after;
      stays_.push_back({std::move(each), first, last});
    }
  };
  add(timed_out, idle_timeout);
  add(logged_out, Millis{0});
}

bool CountDelay::agrees(const StatusSampler::Sample& sample, const std::string& node,
                        Millis behind) const {
  const TestTime from = sample.requested - behind;
  const TestTime to = sample.received;
  std::int64_t least[] = {0, 0};  // pending, live
  std::int64_t most[] = {0, 0};
  for (const Stay& stay : stays_) {
    if (stay.session.node != node) continue;
    const bool is_there = stay.session.first_received < from && stay.first_end > to;
    const bool may_be_there = stay.session.first_sent < to && stay.last_end > from;
    const bool is_live = stay.session.second_received && *stay.session.second_received < from;
    const bool may_be_live = stay.session.second_sent && *stay.session.second_sent < to;
    if (is_there && !may_be_live) ++least[0];
    if (is_there && is_live) ++least[1];
    if (may_be_there && !is_live) ++most[0];
    if (may_be_there && may_be_live) ++most[1];
  }
  const NodeView view = node_view(sample.status, node);
  return least[0] <= view.pending && view.pending <= most[0] && least[1] <= view.live &&
         view.live <= most[1];
}

Millis CountDelay::of(const StatusSampler::Sample& sample,
                      const std::vector<std::string>& nodes) const {
  constexpr Millis kStep{50};
  Millis behind{0};
  for (const std::string& node : nodes) {
    while (behind < kNever && !agrees(sample, node, behind)) behind += kStep;
  }
  return behind;
}

Millis CountDelay::greatest(const std::vector<StatusSampler::Sample>& samples,
                            const std::vector<std::string>& nodes) const {
  Millis greatest{0};
  for (const auto& sample : samples) greatest = std::max(greatest, of(sample, nodes));
  return greatest;
}

}  // namespace bonedry::test
