#include "admin/hooks/hook_queue.h"

#include "admin/hooks/hooks.h"
#include "proxy/base/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Runs nothing: the test says when a hook ends.
class FakeRunner final : public HookRunner {
 public:
  Result<std::unique_ptr<HookRun>> start(const HookCommand& command,
                                         std::function<void(const HookEnd&)> ended) override {
    started.push_back(command.name);
    if (command.words.front() == "/absent") return Failure{std::string("cannot run /absent")};
    ends[command.name] = std::move(ended);
    return std::unique_ptr<HookRun>(std::make_unique<Run>(*this, command.name));
  }
  void end(const std::string& name, const HookEnd& how = {}) {
    const auto ended = std::move(ends.extract(name).mapped());
    ended(how);
  }

  std::vector<std::string> started;
  std::vector<std::string> asked_to_end;
  std::map<std::string, std::function<void(const HookEnd&)>> ends;  ///< of those that run

 private:
  struct Run final : HookRun {
    Run(FakeRunner& runner_, std::string name_) : runner(runner_), name(std::move(name_)) {}
    ~Run() override { runner.ends.erase(name); }
    void end() override { runner.asked_to_end.push_back(name); }
    FakeRunner& runner;
    std::string name;
  };
};

class HookQueueTest : public testing::Test {
 protected:
  HookQueueTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(log);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::info);
    spdlog::set_default_logger(logger);
  }
  ~HookQueueTest() override {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
  }

  static HookCommand command(const std::string& name, const std::string& program = "/bin/true") {
    HookCommand made;
    made.name = name;
    made.words = {program};
    return made;
  }
  void add(int from, int to) {
    for (int i = from; i <= to; ++i) queue.add(command(std::to_string(i)));
  }
  void pass(Millis by) {
    clock.advance(by);
    timers.advance(clock.now());
  }

  std::ostringstream log;
  ManualClock clock;
  io::TimerWheel timers{[this] { return clock.now(); }};
  FakeRunner runner;
  HookQueue queue{runner, timers};
};

TEST_F(HookQueueTest, RunsAFewAtATimeInTheirOrder) {
  add(1, 6);
  EXPECT_THAT(runner.started, ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(queue.waiting(), 2U);
  runner.end("3");
  EXPECT_EQ(runner.started.back(), "5");
  runner.end("1");
  EXPECT_EQ(runner.started.back(), "6");
  EXPECT_EQ(queue.running(), HookQueue::kMaxRunning);
  EXPECT_EQ(queue.counts().succeeded, 2U);
  EXPECT_THAT(log.str(), IsEmpty());
}

TEST_F(HookQueueTest, AFailureIsAWarningAndHoldsUpNothing) {
  queue.add(command("dry shop/alice", "/absent"));
  EXPECT_EQ(log.str(), "warning hook dry shop/alice: cannot run /absent\n");
  EXPECT_EQ(queue.running(), 0U);
  add(1, 3);
  runner.end("1", {HookEnd::Kind::exited, 3});
  runner.end("2", {HookEnd::Kind::killed, 9});
  runner.end("3", {HookEnd::Kind::timed_out});
  EXPECT_THAT(log.str(), HasSubstr("warning hook 1: exit code 3\n"
                                   "warning hook 2: killed by signal 9\n"
                                   "warning hook 3: time-out\n"));
  EXPECT_EQ(queue.counts().failed, 4U);
}

TEST_F(HookQueueTest, ThoseThatCannotStartDoNotEndTheQueue) {
  add(1, 4);
  queue.add(command("5", "/absent"));
  queue.add(command("6", "/absent"));
  add(7, 7);
  runner.end("1");
  EXPECT_EQ(runner.started.back(), "7");
  EXPECT_EQ(queue.running(), HookQueue::kMaxRunning);
  EXPECT_EQ(queue.waiting(), 0U);
}

TEST_F(HookQueueTest, WhatDoesNotFitIsDroppedAndCounted) {
  const int room = static_cast<int>(HookQueue::kMaxRunning + HookQueue::kMaxWaiting);
  add(1, room + 3);
  EXPECT_EQ(queue.waiting(), HookQueue::kMaxWaiting);
  EXPECT_EQ(queue.counts().dropped, 3U);
  EXPECT_EQ(log.str(),
            "warning hook " + std::to_string(room + 1) + ": not run: 256 others are waiting\n");
  runner.end("1");
  EXPECT_THAT(log.str(), HasSubstr("\nwarning hooks: 3 were not run, 3 since the start\n"));
  add(room + 4, room + 4);
  EXPECT_EQ(queue.counts().dropped, 3U);
  EXPECT_EQ(queue.waiting(), HookQueue::kMaxWaiting);
}

TEST_F(HookQueueTest, FinishWaitsForAllThatWasAdded) {
  bool idle = false;
  add(1, 5);
  queue.finish([&idle] { idle = true; });
  for (const char* const name : {"1", "2", "3", "4"}) runner.end(name);
  EXPECT_FALSE(idle);
  runner.end("5");
  EXPECT_TRUE(idle);
}

TEST_F(HookQueueTest, FinishWithoutHooksIsAtOnce) {
  bool idle = false;
  queue.finish([&idle] { idle = true; });
  EXPECT_TRUE(idle);
}

TEST_F(HookQueueTest, AStopGivesThoseThatRunAMomentAndDropsTheOthers) {
  bool idle = false;
  add(1, 6);
  queue.stop([&idle] { idle = true; });
  EXPECT_THAT(log.str(), HasSubstr("warning hook 5: not run: bonedry is stopping\n"
                                   "warning hooks: 2 were not run, 2 since the start\n"));
  runner.end("1");
  EXPECT_EQ(queue.waiting(), 0U);
  EXPECT_THAT(runner.asked_to_end, IsEmpty());
  pass(HookQueue::kStopDelay + Millis{100});
  EXPECT_THAT(runner.asked_to_end, ElementsAre("2", "3", "4"));
  EXPECT_FALSE(idle);
  for (const char* const name : {"2", "3", "4"}) runner.end(name, {HookEnd::Kind::killed, 15});
  EXPECT_TRUE(idle);
}

TEST_F(HookQueueTest, AStopDoesNotWaitForHooksThatNothingEnds) {
  bool idle = false;
  add(1, 1);
  queue.stop([&idle] { idle = true; });
  pass(HookQueue::kStopDelay + Millis{100});
  pass(HookRunner::kGrace + Millis{200});
  EXPECT_TRUE(idle);
  EXPECT_EQ(queue.running(), 0U);
  EXPECT_THAT(log.str(), HasSubstr("warning hooks: 1 hook did not end\n"));
}

TEST_F(HookQueueTest, AStopMayComeWhileItFinishes) {
  int finished = 0;
  int stopped = 0;
  add(1, 5);
  queue.finish([&finished] { ++finished; });
  queue.stop([&stopped] { ++stopped; });
  for (const char* const name : {"1", "2", "3", "4"}) runner.end(name);
  EXPECT_EQ(finished, 0);
  EXPECT_EQ(stopped, 1);
}

/// The events for which hooks run.
class HooksTest : public HookQueueTest {
 protected:
  HooksTest() {
    for (auto& words : config.commands) words = {"/bin/true"};
    events.add("dry", "shop/carol", "before");
    hooks.emplace(
        Hooks::Parts{events, runner, timers, [this]() -> const conf::Hooks& { return config; },
                     [this] { return role; },
                     [](const std::string& node) { return "address of " + node; }, "/bin"});
  }

  EventLog events{clock};
  conf::Hooks config;
  Hooks::Role role = Hooks::Role::deciding;
  std::optional<Hooks> hooks;
};

TEST_F(HooksTest, RunForTheirEventsFromNowOn) {
  EXPECT_THAT(runner.started, IsEmpty());
  events.add("bleed", "shop/alice", "bleeding");
  events.add("dry", "shop/alice", "bone dry");
  events.add("forecast", "shop/alice", "dry in 5m");
  events.add("reload", "", "reloaded");
  EXPECT_THAT(runner.started, ElementsAre("bleed shop/alice", "dry shop/alice"));
}

TEST_F(HooksTest, OnlyThoseThatAreConfigured) {
  config.commands[static_cast<std::size_t>(conf::HookEvent::bleed)].clear();
  events.add("bleed", "shop/alice", "bleeding");
  EXPECT_THAT(runner.started, IsEmpty());
}

TEST_F(HooksTest, UpIsForANodeThatWasDown) {
  events.add("health", "shop/alice", "unknown -> up");
  events.add("health", "shop/alice", "up -> down: connection refused");
  events.add("health", "shop/alice", "down -> up");
  events.add("health", "shop/bob", "unknown -> down: status 500");
  EXPECT_THAT(runner.started, ElementsAre("down shop/alice", "up shop/alice", "down shop/bob"));
}

TEST_F(HooksTest, AProcessThatIsReplacedKeepsItsEvents) {
  role = Hooks::Role::standby;
  events.add("dry", "shop/alice", "bone dry");
  hooks->tick();
  EXPECT_THAT(runner.started, IsEmpty());
  role = Hooks::Role::deciding;  // the upgrade has failed
  hooks->tick();
  EXPECT_THAT(runner.started, ElementsAre("dry shop/alice"));
}

TEST_F(HooksTest, AProcessThatHasBeenReplacedRunsOnlyWhatItHasDecided) {
  for (const char* const node : {"1", "2", "3", "4", "5"}) events.add("bleed", node, "bleeding");
  role = Hooks::Role::standby;
  events.add("dry", "shop/alice", "bone dry");
  bool idle = false;
  hooks->finish([&idle] { idle = true; });
  for (const char* const node : {"1", "2", "3", "4", "5"}) {
    EXPECT_FALSE(idle);
    runner.end(std::string("bleed ") + node);
  }
  EXPECT_TRUE(idle);
  EXPECT_THAT(runner.started, Not(testing::Contains("dry shop/alice")));
}

TEST(HookCommandTest, HasTheFactsInItsEnvironmentAndAsJson) {
  conf::Hooks hooks;
  hooks.commands[static_cast<std::size_t>(conf::HookEvent::bleed)] = {"/bin/notify", "arg"};
  const Event event{WallTime{1'700'000'000'000}, "bleed", "shop/alice",
                    "bleeding\nby root",         "root",  "update 4.2"};
  const HookCommand command =
      hook_command(hooks, conf::HookEvent::bleed, event, "127.0.0.1:9001", "/usr/bin:/bin");
  EXPECT_EQ(command.name, "bleed shop/alice");
  EXPECT_THAT(command.words, ElementsAre("/bin/notify", "arg"));
  EXPECT_EQ(command.timeout, std::chrono::seconds{30});
  EXPECT_THAT(command.environment,
              ElementsAre("PATH=/usr/bin:/bin", "BONEDRY_EVENT=bleed", "BONEDRY_POOL=shop",
                          "BONEDRY_NODE=alice", "BONEDRY_ADDRESS=127.0.0.1:9001",
                          "BONEDRY_TIME=2023-11-14T22:13:20.000Z", "BONEDRY_BY=root",
                          "BONEDRY_REASON=update 4.2", "BONEDRY_TEXT=bleeding\\x0aby root"));
  EXPECT_EQ(command.input,
            R"({"id":0,"at":"2023-11-14T22:13:20.000Z","kind":"bleed","node":"shop/alice",)"
            R"("text":"bleeding\nby root","by":"root","reason":"update 4.2"})"
            "\n");
}

}  // namespace
}  // namespace bonedry::admin
