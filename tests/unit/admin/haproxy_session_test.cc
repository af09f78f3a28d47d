#include "admin/haproxy/command_table.h"
#include "tests/unit/admin/admin_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using test::AdminRig;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class HaproxySession : public testing::Test {
 protected:
  /// What the node's row of `show stat` has in a column.
  std::string stat(const std::string& server, const std::string& column) {
    const std::vector<std::string> lines = split(rig.ask("show stat"), '\n');
    const std::vector<std::string> names = split(lines.front().substr(2), ',');
    const auto at = std::ranges::find(names, column) - names.begin();
    for (const std::string& line : lines) {
      if (!line.starts_with("shop," + server + ",")) continue;
      return split(line, ',').at(static_cast<std::size_t>(at));
    }
    return "no such row";
  }

  static std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == separator) {
        parts.emplace_back();
      } else {
        parts.back() += c;
      }
    }
    return parts;
  }

  nlohmann::json bleeding(const std::string& name) {
    const nlohmann::json status = nlohmann::json::parse(rig.ask("status json"));
    for (const auto& node : status.at("pools").at(0).at("nodes")) {
      if (node["name"] == name) return node["bleeding"];
    }
    return nullptr;
  }

  /// The text of the last event of this kind.
  std::string last_event(const std::string& kind) const {
    std::string text;
    for (const Event& event : rig.events.recent()) {
      if (event.kind == kind) text = event.text;
    }
    return text;
  }

  AdminRig rig;
};

TEST_F(HaproxySession, DrainIsABleed) {
  rig.add_user("shop/alice", 1);
  rig.add_crawler("shop/alice", 2);
  EXPECT_EQ(rig.ask("set server shop/alice state drain"), "\n");
  EXPECT_EQ(stat("alice", "status"), "DRAIN");
  EXPECT_EQ(stat("alice", "scur"), "2");
  EXPECT_EQ(bleeding("alice")["reason"], "HAProxy: set server state drain");
  rig.everybody_leaves();
  ASSERT_TRUE(rig.run_until([this] { return stat("alice", "dry") == "1"; }));
  EXPECT_EQ(stat("alice", "scur"), "0");
}

TEST_F(HaproxySession, AnotherDrainKeepsTheOperatorsReason) {
  rig.ask("bleed alice --reason \"update 4.2\"");
  EXPECT_EQ(rig.ask("set server shop/alice state drain"), "\n");
  EXPECT_EQ(bleeding("alice")["reason"], "update 4.2");
}

TEST_F(HaproxySession, TheGuardsRefusalIsAnError) {
  rig.ask("set server shop/alice state drain");
  const std::string refusal = rig.ask("set server shop/bob state drain");
  EXPECT_THAT(refusal, HasSubstr("min_active is 1"));
  EXPECT_THAT(refusal, EndsWith("\n\n"));
  EXPECT_EQ(stat("bob", "status"), "no check");
  EXPECT_THAT(rig.ask("set severity-output number;set server shop/bob state drain"),
              StartsWith("\n[3]: without bob"));
}

TEST_F(HaproxySession, ADryServerIsTakenOutWithoutForce) {
  rig.ask("set server shop/alice state drain");
  ASSERT_TRUE(rig.run_until([this] { return stat("alice", "dry") == "1"; }));
  EXPECT_EQ(rig.ask("get weight shop/alice; disable server shop/alice"), "100 (initial 100)\n\n\n");
  EXPECT_EQ(stat("alice", "status"), "MAINT");
  EXPECT_EQ(stat("alice", "scur"), "0");
  EXPECT_THAT(last_event("maintain"), HasSubstr("reason: HAProxy: disable server"));
  EXPECT_THAT(last_event("maintain"), testing::Not(HasSubstr("forced")));
}

TEST_F(HaproxySession, AServerWithUsersIsTakenOutByForce) {
  rig.add_user("shop/alice", 1);
  EXPECT_EQ(rig.ask("disable server shop/alice"), "\n");
  EXPECT_EQ(stat("alice", "status"), "MAINT");
  EXPECT_THAT(last_event("maintain"), HasSubstr("forced"));
  EXPECT_EQ(rig.ask("disable server shop/alice"), "\n") << "again";
  EXPECT_EQ(rig.ask("enable server shop/alice"), "\n");
  EXPECT_EQ(stat("alice", "status"), "no check");
  EXPECT_THAT(last_event("activate"), HasSubstr("reason: HAProxy: enable server"));
}

TEST_F(HaproxySession, AServerInMaintenanceCanBeDrainedAgain) {
  rig.ask("set server shop/alice state drain");
  ASSERT_TRUE(rig.run_until([this] { return stat("alice", "dry") == "1"; }));
  rig.ask("set server shop/alice state maint");
  EXPECT_EQ(rig.ask("set server shop/alice state drain"), "\n");
  EXPECT_EQ(stat("alice", "status"), "DRAIN");
  EXPECT_EQ(stat("alice", "scur"), "0") << "it stays dry";
  EXPECT_EQ(rig.ask("bleed alice json").find("maintenance"), std::string::npos);
  EXPECT_EQ(rig.ask("set server shop/alice state ready"), "\n");
  EXPECT_EQ(stat("alice", "status"), "no check");
}

TEST_F(HaproxySession, AServerWhoseUsersWereMovedStaysShutWhenItIsDrained) {
  rig.add_user("shop/alice", 1);
  rig.ask("disable server shop/alice");
  EXPECT_EQ(rig.ask("set server shop/alice state drain"), "\n");
  const auto* alice = rig.control->topology()->find_node({"shop", "alice"});
  EXPECT_EQ(alice->door, balancer::Door::shut);
  EXPECT_TRUE(rig.run_until([this] { return stat("alice", "dry") == "1"; }));
}

TEST_F(HaproxySession, OurOwnBleedLeavesMaintenanceAlone) {
  rig.ask("maintain alice --force");
  rig.ask("bleed alice");
  EXPECT_EQ(stat("alice", "status"), "MAINT");
}

TEST_F(HaproxySession, AChangeIsAnsweredWhenAllWorkersHaveIt) {
  rig.workers.pace = test::FakeWorkers::Pace::asleep;
  test::Client client(rig.path());
  client.send("set server shop/alice state drain;get weight shop/alice\n");
  rig.run_a_little();
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(client.answer(), "");
  rig.workers.pace = test::FakeWorkers::Pace::prompt;
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), "\n100 (initial 100)\n\n");
}

TEST_F(HaproxySession, AClientThatHasLeftGetsNoAnswer) {
  rig.workers.pace = test::FakeWorkers::Pace::asleep;
  {
    test::Client client(rig.path());
    client.send("set server shop/alice state drain;set server shop/bob state drain\n");
    rig.run_a_little();
  }
  ASSERT_TRUE(rig.run_until([this] { return rig.server->connections() == 0; }));
  rig.workers.pace = test::FakeWorkers::Pace::prompt;
  rig.run_a_little();
  EXPECT_EQ(stat("alice", "status"), "DRAIN");
  EXPECT_EQ(stat("bob", "status"), "no check") << "not begun";
}

TEST_F(HaproxySession, WeightsStayWhatTheyAre) {
  EXPECT_EQ(rig.ask("get weight shop/alice"), "100 (initial 100)\n\n");
  for (const std::string same : {"100", "100%"}) {
    EXPECT_EQ(rig.ask("set weight shop/alice " + same), "\n");
    EXPECT_EQ(rig.ask("set server shop/alice weight " + same), "\n");
  }
  for (const std::string other : {"0", "10", "50%", "256"}) {
    EXPECT_THAT(rig.ask("set weight shop/alice " + other),
                StartsWith("The weight of shop/alice is 100, as in the config file"));
  }
  EXPECT_EQ(rig.ask("set weight shop/alice 257"),
            "Absolute weight can only be between 0 and 256 inclusive.\n\n");
  EXPECT_EQ(rig.ask("set weight shop/alice -1%"), "Relative weight must be positive.\n\n");
  EXPECT_EQ(rig.ask("set weight shop/alice"), "Require <weight> or <weight%>.\n\n");
  EXPECT_EQ(rig.ask("set weight shop/alice x"), "'x' is not a weight.\n\n");
}

TEST_F(HaproxySession, EveryCommandAboutAServerSaysWhichItDoesNotFind) {
  for (const std::string command : {"get weight", "set weight", "set server", "enable server",
                                    "disable server", "enable health", "disable health",
                                    "enable agent", "disable agent", "shutdown sessions server"}) {
    EXPECT_EQ(rig.ask(command), "Require 'backend/server'.\n\n") << command;
    EXPECT_EQ(rig.ask(command + " alice"), "Require 'backend/server'.\n\n") << command;
    EXPECT_EQ(rig.ask(command + " blog/alice"), "No such backend.\n\n") << command;
    EXPECT_EQ(rig.ask(command + " shop/carol"), "No such server.\n\n") << command;
  }
}

TEST_F(HaproxySession, WhatCannotBeChangedIsAnError) {
  for (const std::string command : {"set server shop/alice",
                                    "set server shop/alice frob",
                                    "set server shop/alice state",
                                    "set server shop/alice state up",
                                    "set server shop/alice health",
                                    "set server shop/alice health up",
                                    "set server shop/alice health maybe",
                                    "set server shop/alice addr",
                                    "set server shop/alice addr 10.0.0.1",
                                    "set server shop/alice addr 127.0.0.1 port 1",
                                    "set server shop/alice check-port 1",
                                    "set server shop/alice ssl on",
                                    "enable health shop/alice",
                                    "enable agent shop/alice",
                                    "shutdown sessions server shop/alice",
                                    "clear counters all",
                                    "show stat json",
                                    "show stat 1 2",
                                    "show stat nowhere 4 -1",
                                    "show info json",
                                    "show servers state nowhere",
                                    "set timeout",
                                    "set timeout cli",
                                    "set timeout cli 0",
                                    "set severity-output",
                                    "set severity-output loud",
                                    "add server shop/carol 127.0.0.1:1",
                                    "del server shop/alice",
                                    "enable frontend web",
                                    "show",
                                    "set",
                                    "show sess",
                                    "set ssl cert a <<",
                                    "operator",
                                    "@1 frob",
                                    "help;frob"}) {
    const std::string answer = rig.ask("set severity-output number;" + command);
    EXPECT_THAT(answer, HasSubstr("[3]: ")) << command;
    EXPECT_THAT(answer, EndsWith("\n\n")) << command;
    const std::string plain = rig.ask(command);
    EXPECT_GT(plain.size(), 2U) << command << " is not silent";
    EXPECT_THAT(plain, testing::Not(HasSubstr("[3]"))) << command;
  }
  EXPECT_EQ(stat("alice", "status"), "no check");
}

TEST_F(HaproxySession, WhatChangesNothingSucceeds) {
  for (const std::string command :
       {"disable health shop/alice", "disable agent shop/alice", "clear counters",
        "set timeout cli 60", "enable server shop/alice", "set server shop/alice state ready"}) {
    EXPECT_EQ(rig.ask(command), "\n") << command;
  }
  EXPECT_EQ(rig.ask("set server shop/alice addr 127.0.0.1 port 9001"),
            "no need to change the addr\n\n");
  rig.ask("disable server shop/alice");
  EXPECT_EQ(rig.ask("shutdown sessions server shop/alice"), "\n");
}

TEST_F(HaproxySession, TwoTablesArePartedByOneEmptyLine) {
  const std::string answer = rig.ask("show info;show stat\r");
  const std::size_t part = answer.find("\n\n");
  ASSERT_NE(part, std::string::npos);
  EXPECT_TRUE(answer.substr(part + 2).starts_with("# pxname,")) << answer;
  EXPECT_EQ(answer.find("\n\n", part + 1), answer.size() - 2);
}

TEST_F(HaproxySession, WithinTheDialectHelpIsHaproxys) {
  EXPECT_THAT(rig.ask("help"), HasSubstr("bleed"));
  EXPECT_THAT(rig.ask("set severity-output number;help"),
              StartsWith("\n[6]: The following commands are valid at this level:\n"));
  EXPECT_THAT(rig.ask("help;show version"), HasSubstr("3.0.9-bonedry"));
}

TEST_F(HaproxySession, ThePromptKeepsTheConnectionOpen) {
  test::Client client(rig.path());
  client.send("prompt\n");
  ASSERT_TRUE(rig.run_until([&] { return !client.ended() && client.answer() == "\n> "; }));
  client.send("get weight shop/alice;frob\r\n");
  ASSERT_TRUE(rig.run_until(
      [&] { return !client.ended() && client.answer().ends_with("disconnect\n\n> "); }));
  EXPECT_THAT(client.answer(), StartsWith("\n> 100 (initial 100)\n\n> Unknown command 'frob'."));
  client.send("\nquit\nshow stat\n");
  ASSERT_TRUE(rig.finish(client));
  EXPECT_THAT(client.answer(), EndsWith("\n\n> \n> ")) << "nothing after quit";
  EXPECT_TRUE(client.ended_well());
}

TEST_F(HaproxySession, LinesThatComeTogetherAreAnsweredInOrder) {
  test::Client client(rig.path());
  client.send(
      "prompt\nset severity-output string\nget weight a/b\nset timeout cli 60\nget weight "
      "shop/bob");
  client.end_input();
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), "\n> \n> [err]: No such backend.\n\n> \n> 100 (initial 100)\n\n> ");
}

TEST_F(HaproxySession, ManyLinesAtOnceAreAllAnswered) {
  test::Client client(rig.path());
  std::string lines = "prompt\n";
  for (int i = 0; i < 2000; ++i) lines += "get weight a/b\n";
  ASSERT_TRUE(client.send(lines + "quit\n"));
  ASSERT_TRUE(rig.finish(client));
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = client.answer().find("No such backend", at)) != std::string::npos;
       ++at)
    ++answers;
  EXPECT_EQ(answers, 2000U);
}

TEST_F(HaproxySession, ThePromptTurnedOffEndsTheConnection) {
  EXPECT_EQ(rig.ask("prompt;get weight shop/bob;prompt"), "\n> 100 (initial 100)\n\n> \n");
}

TEST_F(HaproxySession, ALineThatIsTooLongIsRefused) {
  const std::string many(9000, 'x');
  EXPECT_THAT(rig.ask("set severity-output number;set ssl cert x <<" + many),
              StartsWith("\n[3]: a command has at most "));
  EXPECT_THAT(rig.ask("show " + many), StartsWith("a command has at most "));
  test::Client client(rig.path());
  client.send("prompt\nshow " + many + "\n");
  ASSERT_TRUE(rig.finish(client));
  EXPECT_THAT(client.answer(), StartsWith("\n> a command has at most "));
}

TEST_F(HaproxySession, AnIdlePromptIsEndedWhenTheProxyStops) {
  test::Client client(rig.path());
  client.send("prompt\nset severity-output number\n");
  ASSERT_TRUE(rig.run_until([&] { return !client.ended() && client.answer() == "\n> \n> "; }));
  rig.stop_server();
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(client.answer(), StartsWith("\n> \n> [3]: bonedry is stopping"));
}

TEST(HaproxySessionTimeout, AnIdlePromptIsClosedInItsOwnTime) {
  AdminRig rig;
  test::Client client(rig.path());
  client.send("prompt\nset timeout cli 100ms\n");
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), "\n> \n> ") << "as HAProxy does it: without a word";
}

TEST(HaproxyHelp, FindsEveryCommandThatItNames) {
  const std::string help = haproxy::help_text();
  for (const haproxy::Words& words : std::vector<haproxy::Words>{{"show", "stat"},
                                                                 {"show", "servers", "state"},
                                                                 {"get", "weight"},
                                                                 {"shutdown", "sessions", "server"},
                                                                 {"clear", "counters"},
                                                                 {"quit"}}) {
    const haproxy::Command* const command = haproxy::find_command(words);
    ASSERT_NE(command, nullptr);
    EXPECT_THAT(help, HasSubstr("\n  " + std::string(command->name)));
  }
  EXPECT_EQ(haproxy::find_command({"show"}), nullptr);
  EXPECT_EQ(haproxy::find_command({"showstat"}), nullptr);
}

}  // namespace
}  // namespace bonedry::admin
