// Crashes, restarts and clock changes of the process and its machine.

#include "tests/unit/control/promise_duel.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace bonedry::admin::test {

using std::chrono::hours;
using std::chrono::seconds;

void PromiseModelRun::act_as_fate() {
  const std::int64_t dice = pick(0, 99);
  if (dice < 40) return jump();
  if (dice < 55) return stand_still();
  restart();
}

/// The process is stopped, or the machine sleeps, while clients send: their requests wait in the
/// sockets. Afterwards workers may be faster or slower than the main thread.
void PromiseModelRun::stand_still() {
  const Millis by = Millis{seconds{pick(1, 200)}};
  note("the process stands still for " + std::to_string(by.count()) + " ms");
  count("process stood still");
  std::vector<std::size_t> waiting;
  for (std::size_t i = 0; i < browsers_.size(); ++i) {
    const bool known = browsers_[i].cookie.genuine || !browsers_[i].jar.cookies().empty();
    if (known && chance(25)) waiting.push_back(i);
  }
  proxy_.clock.advance(by);
  for (int look = 0; look < 6 && wrong_.empty(); ++look) {
    for (int i = 0; i < 3 && !waiting.empty() && wrong_.empty(); ++i) {
      const std::size_t worker = any_worker();
      if (busy_with(worker) != nullptr) continue;
      if (browsers_[waiting.back()].pool == "club") {
        arrive_by(worker, what_browser_sends_of_values(waiting.back()));
      } else {
        arrive(worker, waiting.back(), {browsers_[waiting.back()].cookie});
      }
      waiting.pop_back();
      if (chance(50)) let_busy_worker_go_on(worker);
    }
    if (wrong_.empty()) pass(Millis{300});
    complain(compare());
  }
}

void PromiseModelRun::jump() {
  const std::int64_t dice = pick(0, 9);
  // Long enough for requests to last longer than an unused value of theirs.
  const Millis far = chance(90) ? Millis{seconds{pick(1, 300)}} : Millis{hours{pick(1, 30)}};
  if (dice < 3) {
    note("the machine sleeps");
    count("both clocks far forwards");
    pass(far);
  } else if (dice < 5) {
    note("the monotonic clock goes far forwards");
    count("monotonic clock far forwards");
    proxy_.clock.jump_wall(-far);
    pass(far);
  } else if (dice < 8) {
    note("the calendar is set back");
    count("calendar back");
    proxy_.clock.jump_wall(-far);
  } else {
    note("the calendar is set forwards");
    count("calendar forwards");
    proxy_.clock.jump_wall(far);
  }
}

void PromiseModelRun::restart() {
  if (proxy_.disk_is_broken()) flip_disk();
  if (chance(30)) {
    count("clean restart");
    note("clean restart");
    close_all_requests();
    close_testers();
    proxy_.stop();
    seen_ = now();
  } else {
    count("crash");
    note("crash");
    requests_.clear();
    testers_.clear();
    proxy_.crash();
  }
  model_.restart(seen_);
  const bool lost = chance(15);
  if (chance(50)) proxy_.clock.advance(seconds{pick(1, 20)});
  if (lost) {
    note("the ledger is lost");
    count("ledger lost");
    proxy_.lose_ledger();
    model_.lose_ledger(now());
  }
  const bool damaged = !lost && damage_files();
  proxy_.start();
  if (damaged) find_what_is_left();
  model_.begin_to_look(now());
  drop_at_start();
  plans_.clear();
  plans_[1] = model_.plan(1);
  to_displace_.clear();
  unanswered_.clear();
}

/// Returns true if it damaged the ledger.
bool PromiseModelRun::damage_files() {
  const real::Proxy::Dice dice = [this](std::size_t below) {
    return static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(below) - 1));
  };
  if (chance(30)) {
    count("node records damaged");
    complain(proxy_.damage_records(dice));
  }
  // The ledger does not list displaced sessions, so the test could not tell which of them survived.
  const bool any_displaced =
      std::ranges::any_of(model_.sessions, [](const auto& one) { return one.second.displaced; });
  if (any_displaced || chance(70)) return false;
  const int bits = static_cast<int>(pick(1, 4));
  note("the ledger is damaged: " + std::to_string(bits) + " bits");
  count("ledger damaged");
  proxy_.damage_ledger(dice, bits);
  return true;
}

void PromiseModelRun::find_what_is_left() {
  if (proxy_.ledger_was_set_aside()) {
    count("ledger set aside");
    return model_.lose_ledger(now());
  }
  std::map<session::SessionKey, plain::Key> names = names_;
  for (const auto& [key, session] : model_.sessions) {
    for (const std::string& value : session.values) names[proxy_.key_of("club", value)] = key;
  }
  std::map<plain::Key, plain::Survivor> survivors;
  proxy_.each_session([&](const std::string& node, const session::SessionInfo& info) {
    const auto known = names.find(info.key);
    const plain::Key key = known == names.end() ? 0 : known->second;
    survivors[key] = {node, info.last};
  });
  complain(model_.damage_ledger(survivors, now()));
  for (const auto& [key, session] : model_.sessions) {
    if (!session.recorded) count("session lost by damage");
  }
}

/// A start takes up removed nodes only if they have sessions, or users who may come back.
void PromiseModelRun::drop_at_start() {
  for (const auto& [key, node] : model_.nodes) {
    if (!model_.present(key) || node.configured || proxy_.has(key)) continue;
    const std::string why = node.dry ? "" : why_not_dry(key);
    if (!why.empty()) complain(key + " is not taken up again: " + why);
    model_.drop(key);
    note(key + " is gone");
    count("removed node gone");
  }
}

}  // namespace bonedry::admin::test
