// bonedryctl: its output, and the exit codes that scripts depend on.
#include "tests/scenario/story.h"

#include <future>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class CtlStory : public ShopStory {
 protected:
  CtlStory() { launch(config({"idle_timeout = \"2s\""})); }

  [[nodiscard]] std::future<RunResult> start(std::vector<std::string> arguments) const {
    return std::async(std::launch::async,
                      [this, arguments = std::move(arguments)] { return ctl().run(arguments); });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, CtlStory, worker_counts(), name_of_workers);

TEST_P(CtlStory, AnswersGoToStandardOutput) {
  const RunResult status = ctl().run({"status"});
  EXPECT_EQ(status.code, 0);
  EXPECT_THAT(status.out, AllOf(HasSubstr("shop/alice"), HasSubstr("shop/bob")));
  EXPECT_EQ(status.err, "");
  EXPECT_EQ(status.out.find('\x1b'), std::string::npos) << "no colour but on a terminal";
}

TEST_P(CtlStory, JsonIsForScripts) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"--json", "status"},
                                                  {"status", "--json"},
                                                  {"--json", "version"},
                                                  {"--json", "events"},
                                                  {"--json", "sessions", "alice"},
                                                  {"--json", "bleed", "alice"},
                                                  {"--json", "wait", "alice"},
                                                  {"--json", "activate", "alice"},
                                                  {"--json", "reload"}}) {
    const RunResult result = ctl().run(command);
    EXPECT_EQ(result.code, 0) << command.back() << result.err;
    EXPECT_TRUE(nlohmann::json::accept(result.out)) << command.back() << ": " << result.out;
  }
}

TEST_P(CtlStory, WaitInJsonNamesNodeAndResult) {
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  const RunResult dry = ctl().run({"--json", "wait", "alice"});
  EXPECT_EQ(dry.code, 0);
  EXPECT_EQ(nlohmann::json::parse(dry.out).at("result"), "dry");
  EXPECT_EQ(nlohmann::json::parse(dry.out).at("node"), "shop/alice");
  EXPECT_THAT(bonedry_->admin("wait alice"), StartsWith("dry"));
  EXPECT_EQ(bonedry_->admin_json("wait alice json").at("result"), "dry");
}

TEST_P(CtlStory, RefusalsExitWithOneAndGoToStandardError) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"bleed", "nobody"},
                                                  {"maintain", "alice"},
                                                  {"activate", "nobody"},
                                                  {"sessions", "nobody"},
                                                  {"wait", "nobody"},
                                                  {"status", "nowhere"}}) {
    const RunResult result = ctl().run(command);
    EXPECT_EQ(result.code, 1) << command[0];
    EXPECT_EQ(result.out, "") << command[0];
    EXPECT_THAT(result.err, HasSubstr("error: ")) << command[0];
  }
}

TEST_P(CtlStory, WrongUsageExitsWithTwo) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{},
                                                  {"frobnicate"},
                                                  {"bleed"},
                                                  {"bleed", "alice", "bob"},
                                                  {"bleed", "alice", "--frobnicate"},
                                                  {"wait"},
                                                  {"status", "--deadline", "3s"},
                                                  {"bleed", "alice", "--deadline"},
                                                  {"bleed", "alice", "--deadline", "soon"},
                                                  {"wait", "alice", "--timeout", "0x3"}}) {
    const RunResult result = ctl().run(command);
    EXPECT_EQ(result.code, 2) << (command.empty() ? "nothing" : command.back()) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err, "");
  }
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(CtlStory, AWaitThatTakesTooLongExitsWithThree) {
  User user = live_user_on(alice_);
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  const TestTime start = TestClock::now();
  const RunResult result = ctl().run({"wait", "alice", "--timeout", "500ms"});
  EXPECT_EQ(result.code, 3);
  EXPECT_GE(elapsed_since(start), Millis{450});
  EXPECT_EQ(user.click().status, 200);
  const RunResult json = ctl().run({"--json", "wait", "alice", "--timeout", "1ms"});
  EXPECT_EQ(json.code, 3);
  EXPECT_EQ(nlohmann::json::parse(json.out).at("result"), "timed_out");
}

TEST_P(CtlStory, AWaitThatCannotSucceedExitsWithFour) {
  EXPECT_EQ(ctl().code({"wait", "alice"}), 4) << "it was never bled";
  User user = live_user_on(alice_);
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  auto waiting = start({"wait", "alice"});
  auto waiting_json = start({"--json", "wait", "alice"});
  EXPECT_EQ(waiting.wait_for(Millis{300}), std::future_status::timeout);
  EXPECT_EQ(waiting_json.wait_for(Millis{100}), std::future_status::timeout);
  ASSERT_EQ(ctl().code({"activate", "alice"}), 0);
  EXPECT_EQ(waiting.get().code, 4);
  const RunResult json = waiting_json.get();
  EXPECT_EQ(json.code, 4);
  EXPECT_EQ(nlohmann::json::parse(json.out).at("result"), "activated");
}

TEST_P(CtlStory, AWaitForANodeThatIsTakenAwayExitsWithFour) {
  launch(config());  // no user leaves in time
  User user = live_user_on(alice_);
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  auto waiting = start({"--json", "wait", "alice"});
  EXPECT_EQ(waiting.wait_for(Millis{300}), std::future_status::timeout);
  TestConfig without = config();
  without.pools.push_back({.name = "blog", .nodes = {alice_}});
  without.pools.erase(without.pools.begin());
  without.pools[0].name = "shop";
  without.pools[0].nodes = {bob_};
  bonedry_->configure(without);
  ASSERT_EQ(ctl().code({"reload"}), 0);
  if (waiting.wait_for(Millis{1000}) == std::future_status::timeout) {
    // A user remains until his session ends: only a deadline ends the wait before.
    ASSERT_EQ(ctl().code({"bleed", "alice", "--deadline", "100ms"}), 0);
  }
  const RunResult result = waiting.get();
  const std::string how = nlohmann::json::parse(result.out).at("result");
  EXPECT_TRUE((how == "gone" && result.code == 4) || (how == "dry" && result.code == 0))
      << how << ' ' << result.code;
}

TEST_P(CtlStory, AProxyThatIsNotThereExitsWithFive) {
  const RunResult nowhere = Ctl{"/tmp/no-such-directory/socket"}.run({"status"});
  EXPECT_EQ(nowhere.code, 5);
  EXPECT_THAT(nowhere.err, HasSubstr("/tmp/no-such-directory/socket"));
  bonedry_->stop();
  EXPECT_EQ(ctl().code({"status"}), 5);
  EXPECT_EQ(ctl().code({"wait", "alice"}), 5);
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 5);
}

TEST_P(CtlStory, TheSocketMayBeNamedByTheEnvironment) {
  const RunResult result =
      run_program({bonedryctl_program(), "status"}, {"BONEDRY_SOCKET=" + bonedry_->socket_path()});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("shop/alice"));
}

TEST_P(CtlStory, HelpAndVersionNeedNoProxy) {
  for (const char* option : {"--help", "--version"}) {
    const RunResult result = run_program({bonedryctl_program(), option});
    EXPECT_EQ(result.code, 0) << option;
    EXPECT_THAT(result.out, HasSubstr("bonedryctl")) << option;
  }
  const RunResult help = run_program({bonedryctl_program(), "--help"});
  for (const char* command : {"status", "sessions", "bleed", "wait", "maintain", "activate",
                              "reload", "upgrade", "events", "version", "help"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
  }
}

TEST_P(CtlStory, AWaitShowsItsProgressInPlainLines) {
  User user = live_user_on(alice_);
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  const RunResult result = ctl().run({"wait", "alice"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, StartsWith("dry"));
  EXPECT_THAT(result.err, HasSubstr("1 live"));
  EXPECT_EQ((result.out + result.err).find('\r'), std::string::npos) << "no drawing in a log";
  EXPECT_EQ((result.out + result.err).find('\x1b'), std::string::npos);
}

TEST_P(CtlStory, AWaitOutlivesARestartOfTheProxy) {
  const TestTime before = TestClock::now();
  User user = live_user_on(alice_);
  ASSERT_EQ(ctl().code({"bleed", "alice"}), 0);
  auto waiting = start({"wait", "alice"});
  EXPECT_EQ(waiting.wait_for(Millis{300}), std::future_status::timeout);
  bonedry_->kill9();
  bonedry_->start();
  const RunResult result = waiting.get();
  if (result.code == 5)
    return;  // it may also report that the proxy is gone, but never that all is dry
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_GE(result.ended, before + Millis{1900}) << "the user is known, and had his time";
}

TEST_P(CtlStory, FollowedEventsAreStreamed) {
  const TempDir dir;
  ChildProcess follower{{.arguments = {bonedryctl_program(), "--socket", bonedry_->socket_path(),
                                       "events", "--follow"},
                         .out_path = dir / "out"}};
  ASSERT_EQ(ctl().code({"bleed", "alice", "--reason", "update"}), 0);
  EXPECT_TRUE(eventually(
      [&] { return read_file(dir / "out").find("bleed shop/alice") != std::string::npos; }));
  EXPECT_TRUE(follower.running());
}

TEST_P(CtlStory, FollowedEventsGoOnThroughAnUpgradeAndNoneComesTwice) {
  const TempDir dir;
  ChildProcess follower{{.arguments = {bonedryctl_program(), "--socket", bonedry_->socket_path(),
                                       "events", "--follow"},
                         .out_path = dir / "out"}};
  const auto told = [&](const std::string& text) {
    const std::string out = read_file(dir / "out");
    std::size_t times = 0;
    for (auto at = out.find(text); at != std::string::npos; at = out.find(text, at + 1)) ++times;
    return times;
  };
  order("bleed alice --reason before");
  EXPECT_TRUE(eventually([&] { return told("reason: before") == 1; }));
  bonedry_->upgrade();
  order("bleed alice --reason after");
  EXPECT_TRUE(eventually([&] { return told("reason: after") == 1; }));
  EXPECT_EQ(told("reason: before"), 1U);
  EXPECT_TRUE(follower.running());
}

TEST_P(CtlStory, EventsOutliveTheProxy) {
  order("bleed alice --reason \"update 4.2\"");
  bonedry_->restart();
  const nlohmann::json events = bonedry_->admin_json("events --node alice --since 1h json");
  const auto& first = events.at("events").front();
  EXPECT_EQ(first.at("kind"), "bleed");
  EXPECT_EQ(first.at("reason"), "update 4.2");
  EXPECT_FALSE(first.at("by").get<std::string>().empty());
  EXPECT_THAT(bonedry_->admin("events --node bob"), testing::Not(HasSubstr("alice")));
}

TEST_P(CtlStory, WhyExplains) {
  const User user = live_user_on(alice_);
  order("bleed alice --reason \"update 4.2\"");
  const RunResult why = ctl().run({"why", "alice"});
  EXPECT_EQ(why.code, 0);
  EXPECT_THAT(why.out,
              AllOf(HasSubstr("shop/alice is bleeding"), HasSubstr("reason: update 4.2"),
                    HasSubstr("It has 1 live"), HasSubstr("It is not dry: 1 live session")));
  EXPECT_EQ(ctl().code({"why", "zoe"}), 1);
}

}  // namespace
}  // namespace bonedry::test
