#include "tests/unit/admin/admin_rig.h"
#include "tests/unit/admin/child.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// The real bonedryctl against the real admin socket.
namespace bonedry::admin {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using test::AdminRig;
using test::Child;

class BonedryctlTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> with_socket(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--socket", rig.path()});
    return arguments;
  }

  bool finish(Child& child) {
    return rig.run_until([&child] { return child.ended(); });
  }

  /// Turns until the child has written `text` to stderr.
  bool until_said(Child& child, const std::string& text) {
    return rig.run_until([&child, &text] {
      (void)child.ended();
      return child.err().find(text) != std::string::npos ||
             child.out().find(text) != std::string::npos;
    });
  }

  AdminRig rig;
};

TEST_F(BonedryctlTest, PrintsTheAnswer) {
  Child status(with_socket({"status"}));
  ASSERT_TRUE(finish(status));
  EXPECT_EQ(status.code(), 0);
  EXPECT_TRUE(status.out().starts_with("NODE        ADDRESS")) << status.out();
  EXPECT_EQ(status.err(), "");
}

TEST_F(BonedryctlTest, TakesTheSocketFromTheEnvironmentAndJsonAnywhere) {
  Child first({"--json", "status", "shop"}, Child::Output::pipes, {"BONEDRY_SOCKET=" + rig.path()});
  Child last({"status", "shop", "--json"}, Child::Output::pipes, {"BONEDRY_SOCKET=" + rig.path()});
  ASSERT_TRUE(finish(first) && finish(last));
  EXPECT_EQ(Json::parse(first.out()).at("pools").size(), 1U);
  EXPECT_EQ(first.out(), last.out());
}

TEST_F(BonedryctlTest, WordsReachTheProxyAsTheyWereGiven) {
  const std::string reason = R"([it's] "4.2" \ {json} %x)";
  Child bleed(with_socket({"bleed", "shop/alice", "--reason", reason, "--deadline", "30m"}));
  ASSERT_TRUE(finish(bleed));
  EXPECT_EQ(bleed.code(), 0) << bleed.err();
  const Json status = Json::parse(rig.ask("status json"));
  EXPECT_EQ(status.at("pools").at(0).at("nodes").at(0).at("bleeding").at("reason"), reason);
}

TEST_F(BonedryctlTest, ANodeMayBeCalledLikeACommand) {
  for (const std::string name : {"status", "help", "json", "--wait"}) {
    Child sessions(with_socket({"sessions", "--", name}));
    ASSERT_TRUE(finish(sessions));
    EXPECT_EQ(sessions.err(),
              "error: unknown node '" + name + "'; known nodes: shop/alice, shop/bob\n");
    EXPECT_EQ(sessions.code(), 1);
  }
}

TEST_F(BonedryctlTest, RefusalsGoToStderrWithCode1) {
  rig.ask("bleed alice");
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments{"bleed", "bob"};
    if (json) arguments.emplace_back("--json");
    Child bleed(with_socket(arguments));
    ASSERT_TRUE(finish(bleed));
    EXPECT_EQ(bleed.code(), 1);
    EXPECT_EQ(bleed.out(), "");
    EXPECT_TRUE(bleed.err().starts_with("error: ")) << bleed.err();
  }
}

TEST_F(BonedryctlTest, MistakesAreCode2AndNeverReachTheProxy) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{}, "Usage: bonedryctl"},
      {{"bled", "alice"}, "error: unknown command 'bled'; did you mean 'bleed'?"},
      {{"bleed"}, "error: NODE is required"},
      {{"bleed", "alice", "bob"}, "error: The following argument was not expected: bob"},
      {{"bleed", "alice", "--deadline", "soon"}, "error: --deadline takes a duration"},
      {{"bleed", "alice", "--timeout", "3s"}, "error: --timeout requires --wait"},
      {{"bleed", "alice", "--wait", "--timeout", "x"}, "error: --timeout takes a duration"},
      {{"bleed", "alice", "--reason", "two\nlines"}, "control character"},
      {{"bleed", "alice", "--force", "--force", "--nix"}, "error: unknown option '--nix'"},
      {{"bleed", "alice", "--dedline", "5m"}, "did you mean '--deadline'?"},
      {{"sessions", "alice", "--limit", "0"}, "error: --limit takes a number"},
      {{"wait", ""}, "error: wait needs a node, not an empty word"},
      {{"help", "wiat"}, "did you mean 'wait'?"},
      {{"--nix"}, "error: unknown option '--nix'"},
      {{"--json"}, "error: A subcommand is required"}};
  for (const auto& [arguments, complaint] : mistakes) {
    Child child(arguments, Child::Output::pipes, {"BONEDRY_SOCKET=" + rig.path()});
    ASSERT_TRUE(finish(child));
    EXPECT_EQ(child.code(), 2) << complaint;
    EXPECT_EQ(child.out(), "");
    EXPECT_NE(child.err().find(complaint), std::string::npos) << child.err();
  }
  EXPECT_EQ(rig.control->topology()->version, 1U);
}

TEST_F(BonedryctlTest, HelpAndVersionNeedNoProxy) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"help"},
                                                    {"--version"},
                                                    {"bleed", "--help"},
                                                    {"help", "bleed"}}) {
    Child child(arguments);
    ASSERT_TRUE(finish(child));
    EXPECT_EQ(child.code(), 0);
    EXPECT_EQ(child.err(), "");
    EXPECT_NE(child.out(), "");
  }
  Child page({"help", "bleed"});
  ASSERT_TRUE(finish(page));
  EXPECT_NE(page.out().find("--deadline D"), std::string::npos) << page.out();
}

TEST_F(BonedryctlTest, AProxyThatIsNotThereIsCode5AndSaysWhere) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"status"},
                                                    {"wait", "alice"},
                                                    {"events", "--follow"},
                                                    {"bleed", "alice", "--wait"}}) {
    auto elsewhere = arguments;
    elsewhere.insert(elsewhere.begin(), {"--socket", "/tmp/no/such.sock"});
    Child child(elsewhere);
    ASSERT_TRUE(finish(child));
    EXPECT_EQ(child.code(), 5);
    EXPECT_TRUE(child.err().starts_with(
        "error: cannot reach bonedry at /tmp/no/such.sock: No such file or directory; is bonedry "
        "running"))
        << child.err();
  }
}

TEST_F(BonedryctlTest, WaitIsCode0WhenTheNodeIsDryAndNotBefore) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live, 0 pending, 0 open"));
  EXPECT_EQ(wait.code(), -1);
  rig.everybody_leaves();
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 0);
  EXPECT_TRUE(wait.out().starts_with("dry: no users left on shop/alice (waited ")) << wait.out();
  EXPECT_EQ(wait.err().find("\x1b"), std::string::npos);
}

TEST_F(BonedryctlTest, WaitInJsonKeepsStdoutForTheVerdict) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"--json", "wait", "shop/alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.everybody_leaves();
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 0);
  EXPECT_EQ(Json::parse(wait.out()).at("result"), "dry");
}

TEST_F(BonedryctlTest, WaitIsCode3WhenTimeIsUp) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice", "--timeout", "1h"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  // The node always has a session: each one begins before the last has run out.
  rig.clock.advance(19min);
  rig.add_user("shop/alice", 2);
  rig.clock.advance(19min);
  rig.add_user("shop/alice", 3);
  rig.clock.advance(19min);
  rig.add_user("shop/alice", 4);
  rig.clock.advance(4min);
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 3);
  EXPECT_EQ(wait.out(), "");
  EXPECT_NE(wait.err().find("error: timed out after 1h: shop/alice still has "), std::string::npos)
      << wait.err();
}

TEST_F(BonedryctlTest, WaitIsCode4WhenItCannotSucceed) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.ask("activate alice");
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 4);
  EXPECT_NE(wait.err().find("error: shop/alice was activated or removed"), std::string::npos);
}

TEST_F(BonedryctlTest, WaitForAnUnknownNodeIsCode1) {
  Child wait(with_socket({"wait", "carol"}));
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 1);
  EXPECT_EQ(wait.err(), "error: unknown node 'carol'; known nodes: shop/alice, shop/bob\n");
}

TEST_F(BonedryctlTest, BleedCanWait) {
  rig.add_user("shop/alice", 1);
  Child bleed(with_socket({"bleed", "alice", "--wait", "--timeout", "1h"}));
  ASSERT_TRUE(until_said(bleed, "1 live,"));
  rig.everybody_leaves();
  ASSERT_TRUE(finish(bleed));
  EXPECT_EQ(bleed.code(), 0);
  EXPECT_TRUE(bleed.out().starts_with("shop/alice is bleeding")) << bleed.out();
  EXPECT_NE(bleed.out().find("\ndry: no users left on shop/alice"), std::string::npos);
}

TEST_F(BonedryctlTest, BleedAndWaitInJsonIsOneObject) {
  Child bleed(with_socket({"bleed", "alice", "--wait", "--json"}));
  ASSERT_TRUE(finish(bleed));
  EXPECT_EQ(bleed.code(), 0);
  EXPECT_EQ(Json::parse(bleed.out()).at("result"), "dry");
}

TEST_F(BonedryctlTest, AWaitOutlivesARestartOfTheProxy) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.stop_server();
  ASSERT_TRUE(until_said(wait, "lost the connection to bonedry; retrying for up to 30s"));
  rig.run_a_little();
  rig.start_server();
  rig.everybody_leaves();
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 0) << wait.err();
}

TEST_F(BonedryctlTest, TheTimeOfAWaitRunsOnWhileTheProxyIsAway) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice", "--timeout", "1s"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.stop_server();
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 3);
  EXPECT_NE(wait.err().find("error: timed out after 1s: cannot reach bonedry at "),
            std::string::npos)
      << wait.err();
}

TEST_F(BonedryctlTest, ANodeThatARestartLeftOutEndsTheWaitWithCode4) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.stop_server();
  rig.everybody_leaves();  // otherwise alice would stay until she is dry
  rig.restart_without_alice();
  rig.start_server();
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 4) << wait.err();
}

TEST_F(BonedryctlTest, AnInterruptedWaitSaysThatTheNodeStaysAsItIs) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  wait.signal(SIGINT);
  ASSERT_TRUE(finish(wait));
  EXPECT_EQ(wait.code(), 130);
  EXPECT_NE(wait.err().find("shop/alice keeps bleeding"), std::string::npos) << wait.err();
  EXPECT_NE(rig.ask("status").find("bleeding"), std::string::npos);
  EXPECT_TRUE(rig.run_until([this] { return rig.server->connections() == 0; }));
}

TEST_F(BonedryctlTest, PlainProgressIsALineWhenFiguresChange) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}));
  ASSERT_TRUE(until_said(wait, "1 live"));
  rig.add_crawler("shop/alice", 2);
  ASSERT_TRUE(until_said(wait, "1 pending"));
  const auto lines = std::ranges::count(wait.err(), '\n');
  EXPECT_EQ(lines, 2) << wait.err();
}

TEST_F(BonedryctlTest, ProgressOnATerminalIsOneLineDrawnAgain) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Child wait(with_socket({"wait", "alice"}), Child::Output::terminal, {"TERM=xterm"});
  ASSERT_TRUE(until_said(wait, "\rshop/alice: 1 live, 0 pending, 0 open, waited "));
  EXPECT_NE(wait.out().find("not dry: 1 live session\x1b[K"), std::string::npos) << wait.out();
  rig.everybody_leaves();
  ASSERT_TRUE(finish(wait));
  EXPECT_NE(wait.out().find("\r\x1b[Kdry: no users left on shop/alice"), std::string::npos)
      << wait.out();
  EXPECT_EQ(std::ranges::count(wait.out(), '\n'), 1) << wait.out();
}

TEST_F(BonedryctlTest, ColourIsForTerminalsThatWantIt) {
  Child coloured(with_socket({"status"}), Child::Output::terminal, {"TERM=xterm"});
  Child plain(with_socket({"status"}), Child::Output::terminal, {"TERM=xterm", "NO_COLOR=1"});
  Child dumb(with_socket({"status"}), Child::Output::terminal, {"TERM=dumb"});
  ASSERT_TRUE(finish(coloured) && finish(plain) && finish(dumb));
  EXPECT_NE(coloured.out().find("\x1b[32mactive\x1b[0m"), std::string::npos) << coloured.out();
  EXPECT_EQ(plain.out().find('\x1b'), std::string::npos);
  EXPECT_EQ(dumb.out().find('\x1b'), std::string::npos);
}

TEST_F(BonedryctlTest, EventsCanBeFollowedUntilTheProxyEnds) {
  rig.events.add("test", "", "before");
  Child follow(with_socket({"events", "--follow"}));
  ASSERT_TRUE(until_said(follow, "test: before"));
  rig.events.add("test", "", "after");
  ASSERT_TRUE(until_said(follow, "test: after"));
  rig.stop_server();
  ASSERT_TRUE(finish(follow));
  EXPECT_EQ(follow.code(), 5);
  EXPECT_EQ(follow.err(), "error: bonedry is stopping\n");
}

}  // namespace
}  // namespace bonedry::admin
