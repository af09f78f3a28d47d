// `bonedryctl roll`: a pool is updated node by node while its users click, and a roll that was
// killed at any point goes on where it stopped.
#include "tests/scenario/crowd.h"
#include "tests/scenario/story.h"

#include <algorithm>
#include <csignal>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

/// A pool of three nodes with health checks, whose users are gone 2 s after their last click.
class RollStory : public Story {
 protected:
  void launch() {
    TestConfig config = shop(workers(), {alice_, bob_, carol_}, {"idle_timeout = \"2s\""});
    config.pools.front().health = {"path = \"/health\"", "interval = \"100ms\""};
    alice_.on("/health", [this](NodeExchange& exchange) { exchange.respond(alice_health_, "-"); });
    bonedry_ = std::make_unique<BonedryProcess>(std::move(config));
    ASSERT_TRUE(eventually([this] { return healths() == "up up up"; }));
  }

  [[nodiscard]] std::string healths() const {
    return bonedry_->node("alice").health + " " + bonedry_->node("bob").health + " " +
           bonedry_->node("carol").health;
  }

  /// The arguments of a roll whose command leaves a line with the node's name in a file.
  [[nodiscard]] std::vector<std::string> roll(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> words{"--json", "roll", "shop"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(),
                 {"--", "sh", "-c", "echo $BONEDRY_NODE $BONEDRY_ADDRESS >> " + log()});
    return words;
  }
  [[nodiscard]] std::string log() const { return directory_ / "updates"; }

  /// How often the command ran to its end for each node.
  [[nodiscard]] std::map<std::string, int> updates() const {
    std::map<std::string, int> counts;
    std::istringstream lines(read_file(log()));
    std::string name;
    std::string address;
    while (lines >> name >> address) ++counts[name];
    return counts;
  }

  /// The events of a run, "alice dry" or "begin".
  static std::vector<std::string> events_of(const std::string& out) {
    std::vector<std::string> events;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
      const json event = json::parse(line);
      const std::string node =
          event["node"].is_null() ? "" : event["node"].get<std::string>() + " ";
      events.push_back(node + event["event"].get<std::string>());
    }
    return events;
  }

  [[nodiscard]] RunResult run(const std::vector<std::string>& arguments) const {
    return Ctl{*bonedry_}.run(arguments, kDeadline * 6);
  }

  /// A roll that runs beside the test.
  [[nodiscard]] std::unique_ptr<ChildProcess> start_roll() {
    out_ = directory_ / ("out" + std::to_string(++runs_));
    ChildProcess::Command command{{bonedryctl_program(), "--socket", bonedry_->socket_path()}};
    const std::vector<std::string> words = roll();
    command.arguments.insert(command.arguments.end(), words.begin(), words.end());
    command.out_path = out_;
    return std::make_unique<ChildProcess>(command);
  }

  /// Waits until the roll that was started last tells an event that no roll has told before.
  [[nodiscard]] std::string next_event() {
    std::string found;
    EXPECT_TRUE(eventually(
        [&] {
          // A line that is not complete yet is not an event.
          const std::string text = read_file(out_);
          for (const std::string& event : events_of(text.substr(0, text.rfind('\n') + 1))) {
            if (!seen_.contains(event)) {
              found = event;
              return true;
            }
          }
          return false;
        },
        kDeadline * 3, Millis{1}));
    seen_.insert(found);
    return found;
  }

  /// Nodes whose update the proxy knows to be done must not be updated again.
  void note_reported_updates() {
    const json roll = bonedry_->admin_json("roll shop json");
    for (const json& node : roll.at("nodes")) {
      const std::string step = node.at("step");
      const bool reported = step == "testing" || step == "settling" || step == "done";
      const std::string name = node.at("name");
      if (reported) reported_.emplace(name, updates()[name]);
    }
  }

  void expect_each_updated_until_reported() const {
    for (const char* name : {"alice", "bob", "carol"}) {
      EXPECT_GE(updates()[name], 1) << name;
      // Once, and once more for each of two kills: while it ran, and before its end was reported.
      EXPECT_LE(updates()[name], 3) << name;
    }
    for (const auto& [name, count] : reported_) EXPECT_EQ(updates()[name], count) << name;
    EXPECT_EQ(reported_.size(), 3U);
  }

  [[nodiscard]] std::string roll_state() const {
    return bonedry_->admin_json("roll shop json").at("state");
  }

  TempDir directory_;
  std::atomic<int> alice_health_{200};  // before alice_, whose threads read it
  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  FakeNode carol_{"carol"};
  std::unique_ptr<BonedryProcess> bonedry_;
  int runs_ = 0;
  std::string out_;                      // of the roll that was started last
  std::set<std::string> seen_;           // events of all rolls
  std::map<std::string, int> reported_;  // how often a node was updated when that was reported
};

INSTANTIATE_TEST_SUITE_P(Workers, RollStory, worker_counts(), name_of_workers);

/// One node of a roll, from its first event to its last.
std::vector<std::string> whole(const std::string& node) {
  std::vector<std::string> events;
  for (const char* event : {"bleeding", "dry", "maintenance", "updating", "updating-done",
                            "healthy", "active", "done"}) {
    events.push_back(node + " " + event);
  }
  return events;
}

TEST_P(RollStory, AHundredUsersNoticeNothing) {
  launch();
  Crowd crowd(bonedry_->address(), 7);
  crowd.start(
      {.users = 100, .ramp_up = Millis{4000}, .min_stay = Millis{1000}, .max_stay = Millis{5000}});
  const RunResult rolled = run(roll());
  EXPECT_EQ(rolled.code, 0) << rolled.out << rolled.err;
  std::vector<std::string> expected{"begin"};
  for (const char* node : {"alice", "bob", "carol"}) {
    const auto events = whole(node);
    expected.insert(expected.end(), events.begin(), events.end());
  }
  expected.emplace_back("end");
  EXPECT_EQ(events_of(rolled.out), expected);
  const auto sessions = crowd.wait_until_all_left();
  EXPECT_EQ(sessions.size(), 100U);
  EXPECT_THAT(sessions, Each(Field(&ObservedSession::error, IsEmpty())));
  EXPECT_EQ(read_file(log()), "alice " + alice_.address() + "\nbob " + bob_.address() + "\ncarol " +
                                  carol_.address() + "\n");
  EXPECT_EQ(roll_state(), "finished");
}

TEST_P(RollStory, KilledAtEveryStepItGoesOnWhereItStopped) {
  launch();
  Crowd crowd(bonedry_->address(), 8);
  crowd.start(
      {.users = 40, .ramp_up = Millis{10'000}, .min_stay = Millis{500}, .max_stay = Millis{2500}});
  std::size_t kills = 0;
  while (true) {
    const auto child = start_roll();
    if (next_event() == "end") {
      EXPECT_EQ(child->wait(kDeadline)->code, 0);
      break;
    }
    child->signal(SIGKILL);
    EXPECT_TRUE(child->wait(kDeadline));
    ++kills;
    // The proxy learns of it by the end of the connection.
    ASSERT_TRUE(
        eventually([this] { return bonedry_->admin_json("roll shop json").at("held").is_null(); }));
    note_reported_updates();
    if (roll_state() == "finished") break;  // killed after its last report
    ASSERT_LT(kills, 30U);
  }
  // At least in the steps of each node that take time: while it bleeds, while its update runs, and
  // until it is found healthy. Others may be over before the kill.
  EXPECT_GE(kills, 3U * 3U);
  const auto sessions = crowd.wait_until_all_left();
  EXPECT_EQ(sessions.size(), 40U);
  EXPECT_THAT(sessions, Each(Field(&ObservedSession::error, IsEmpty())));
  expect_each_updated_until_reported();
  EXPECT_EQ(roll_state(), "finished");
}

TEST_P(RollStory, TheProxyMayBeKilledAtEveryStep) {
  launch();
  const auto child = start_roll();
  std::size_t kills = 0;
  while (next_event() != "end") {
    bonedry_->kill9();
    bonedry_->start();
    ++kills;
    note_reported_updates();
    ASSERT_LT(kills, 30U);
  }
  const auto end = child->wait(kDeadline);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << read_file(out_);
  EXPECT_GE(kills, 3 * whole("alice").size() - 6);
  for (const char* name : {"alice", "bob", "carol"}) {
    EXPECT_EQ(updates()[name], 1) << name << ": bonedryctl was never killed";
  }
  EXPECT_EQ(roll_state(), "finished");
}

TEST_P(RollStory, AnUpgradeInItsMiddleDoesNotStopIt) {
  launch();
  const auto child = start_roll();
  while (next_event() != "alice dry") {
  }
  bonedry_->upgrade();
  const auto end = child->wait(kDeadline * 6);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << read_file(out_);
  EXPECT_EQ(updates(), (std::map<std::string, int>{{"alice", 1}, {"bob", 1}, {"carol", 1}}));
  EXPECT_EQ(roll_state(), "finished");
}

TEST_P(RollStory, ARestartInItsMiddleDoesNotStopIt) {
  launch();
  const auto child = start_roll();
  while (next_event() != "alice dry") {
  }
  bonedry_->restart();
  const RunResult second = run(roll());
  EXPECT_EQ(second.code, 1) << "it is still the first one's: " << second.out;
  const auto end = child->wait(kDeadline * 6);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << read_file(out_);
  EXPECT_EQ(updates(), (std::map<std::string, int>{{"alice", 1}, {"bob", 1}, {"carol", 1}}));
}

TEST_P(RollStory, WhenItIsAbandonedItsCommandEnds) {
  launch();
  out_ = directory_ / "abandoned";
  ChildProcess child{{.arguments = {bonedryctl_program(), "--socket", bonedry_->socket_path(),
                                    "--json", "roll", "shop", "--", "sleep", "1000"},
                      .out_path = out_}};
  while (next_event() != "alice updating") {
  }
  EXPECT_EQ(run({"roll", "shop", "--abandon"}).code, 0);
  const auto end = child.wait(kDeadline);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 4);
  EXPECT_THAT(read_file(out_), HasSubstr("the roll was abandoned by"));
}

TEST_P(RollStory, CtrlCStopsItAndTheSameCommandGoesOn) {
  launch();
  const auto child = start_roll();
  while (next_event() != "alice bleeding") {
  }
  child->signal(SIGINT);
  const auto end = child->wait(kDeadline);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 130);
  EXPECT_THAT(read_file(out_), HasSubstr("the same command goes on where it stopped"));
  EXPECT_EQ(run(roll()).code, 0);
  EXPECT_EQ(roll_state(), "finished");
}

TEST_P(RollStory, OfTwoAtOnceOneRuns) {
  launch();
  std::vector<std::future<RunResult>> both;
  both.reserve(2);
  for (int i = 0; i < 2; ++i) {
    both.push_back(std::async(std::launch::async, [this] { return run(roll()); }));
  }
  std::vector<RunResult> ends{both[0].get(), both[1].get()};
  std::ranges::sort(ends, {}, &RunResult::code);
  EXPECT_EQ(ends[0].code, 0) << ends[0].out << ends[0].err;
  EXPECT_EQ(ends[1].code, 1);
  EXPECT_THAT(ends[1].err, HasSubstr("error: shop is being rolled by "));
  EXPECT_EQ(updates(), (std::map<std::string, int>{{"alice", 1}, {"bob", 1}, {"carol", 1}}));
}

TEST_P(RollStory, StopsAtTheFirstFailureWithThatNodeOut) {
  launch();
  const std::string flag = directory_ / "mended";
  const std::vector<std::string> words{
      "--json",
      "roll",
      "shop",
      "--",
      "sh",
      "-c",
      "[ $BONEDRY_NODE = alice ] || [ -e " + flag + " ] || exit 7"};
  const RunResult failed = run(words);
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("\"exit_code\":7"));
  EXPECT_THAT(events_of(failed.out), Contains("bob failed"));
  EXPECT_EQ(bonedry_->node("alice").state, "active");
  EXPECT_EQ(bonedry_->node("bob").state, "maintenance");
  EXPECT_EQ(bonedry_->node("carol").state, "active");
  EXPECT_THAT(bonedry_->admin("roll shop"), HasSubstr("exit code 7"));
  write_file(flag, "");
  EXPECT_THAT(bonedry_->admin("activate bob"), HasSubstr("is active")) << "by somebody else";
  const RunResult again = run(words);
  EXPECT_EQ(again.code, 0) << again.out << again.err;
  EXPECT_THAT(events_of(again.out), Contains("bob dry")) << "not updated under its users";
  EXPECT_THAT(events_of(again.out), testing::Not(Contains("alice bleeding"))) << "done before";
  EXPECT_EQ(bonedry_->node("bob").state, "active");
}

TEST_P(RollStory, KeepsGoingIfAskedTo) {
  launch();
  const RunResult failed = run(
      {"--json", "roll", "shop", "--keep-going", "--", "sh", "-c", "[ $BONEDRY_NODE != alice ]"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(bonedry_->node("alice").state, "maintenance");
  EXPECT_EQ(bonedry_->node("bob").state, "active");
  EXPECT_EQ(bonedry_->admin_json("roll shop json").at("nodes")[2].at("step"), "done");
  EXPECT_EQ(roll_state(), "unfinished");
  EXPECT_EQ(run({"roll", "shop", "--abandon"}).code, 0);
  EXPECT_EQ(roll_state(), "abandoned");
}

TEST_P(RollStory, ANodeThatIsNotHealthyAfterTheUpdateStaysOut) {
  launch();
  alice_health_ = 503;
  const RunResult sick =
      run({"roll", "shop", "--only", "alice", "--health-timeout", "1s", "--", "true"});
  EXPECT_EQ(sick.code, 3) << sick.out;
  EXPECT_THAT(sick.out, HasSubstr("alice is not healthy: GET /health: status 503"));
  EXPECT_EQ(bonedry_->node("alice").state, "maintenance");
}

TEST_P(RollStory, TheTestReachesTheNodeWithAPassBeforeAnyUserDoes) {
  launch();
  const std::string seen = directory_ / "seen";
  const std::string test = "curl -fsS -H \"$BONEDRY_PASS_HEADER\" -o " + seen +
                           ".$BONEDRY_NODE http://" + bonedry_->address() + "/";
  const RunResult rolled = run(roll({"--test", test}));
  EXPECT_EQ(rolled.code, 0) << rolled.out << rolled.err;
  EXPECT_THAT(events_of(rolled.out), Contains("alice testing-done"));
  for (const char* name : {"alice", "bob", "carol"}) {
    EXPECT_THAT(read_file(seen + "." + name), HasSubstr(name));
  }
  EXPECT_EQ(bonedry_->node("alice").begun, 0) << "testers are no users";
  const RunResult failed = run(roll({"--test", "exit 4"}));
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("testing failed: exit code 4"));
  EXPECT_EQ(bonedry_->node("alice").state, "maintenance");
  EXPECT_EQ(updates()["alice"], 2);
}

TEST_P(RollStory, TheGuardStopsItBeforeAnythingHappens) {
  launch();
  EXPECT_THAT(bonedry_->admin("bleed bob"), HasSubstr("is bleeding"));
  EXPECT_THAT(bonedry_->admin("bleed carol"), HasSubstr("is bleeding"));
  const RunResult refused = run(roll());
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(events_of(refused.out), Contains("alice failed"));
  EXPECT_EQ(bonedry_->node("alice").state, "active");
  EXPECT_THAT(updates(), IsEmpty());
}

TEST_P(RollStory, MistakesAreToldBeforeAnythingHappens) {
  launch();
  EXPECT_EQ(run({"roll", "shop"}).code, 2);
  EXPECT_EQ(run({"roll", "shop", "--deadline", "soon", "--", "true"}).code, 2);
  EXPECT_EQ(run({"roll", "shop", "--status", "--", "true"}).code, 2);
  EXPECT_EQ(run({"roll", "shop", "--", std::string(2000, 'x')}).code, 2);
  EXPECT_EQ(run({"roll", "nowhere", "--", "true"}).code, 1);
  EXPECT_EQ(run({"roll", "shop", "--only", "zoe", "--", "true"}).code, 1);
  EXPECT_EQ(run({"roll", "shop", "--status"}).code, 1) << "it was never rolled";
  const RunResult plan = run({"roll", "shop", "--dry-run", "--", "./deploy", "a b"});
  EXPECT_EQ(plan.code, 0);
  EXPECT_THAT(plan.out, HasSubstr("./deploy 'a b'"));
  EXPECT_EQ(run({"roll", "shop", "--status"}).code, 1) << "only a plan";
  EXPECT_EQ(bonedry_->node("alice").state, "active");
}

}  // namespace
}  // namespace bonedry::test
