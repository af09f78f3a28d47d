#include "admin/command_table.h"
#include "admin/user_name.h"
#include "proxy/base/unique_fd.h"
#include "tests/unit/admin/admin_rig.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

namespace bonedry::admin {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using test::Client;

/// The name by which the server knows the user that runs this test.
std::string my_name() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return "?";
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  return peer_name(ours.get());
}

class CommandsTest : public testing::Test {
 protected:
  Json status_of(const std::string& name) {
    const Json status = Json::parse(rig.ask("status json"));
    for (const Json& node : status.at("pools").at(0).at("nodes")) {
      if (node.at("name") == name) return node;
    }
    return nullptr;
  }

  test::AdminRig rig;
};

TEST_F(CommandsTest, StatusShowsEveryNode) {
  rig.add_user("shop/alice", 1);
  rig.add_crawler("shop/alice", 2);
  const std::string text = rig.ask("status");
  EXPECT_NE(text.find("shop/alice  127.0.0.1:9001  active"), std::string::npos) << text;
  EXPECT_NE(text.find("shop/bob    127.0.0.1:9002  active"), std::string::npos) << text;
  EXPECT_EQ(status_of("alice").at("sessions"), Json({{"live", 1}, {"pending", 1}}));
}

TEST_F(CommandsTest, StatusOfOnePool) {
  EXPECT_EQ(Json::parse(rig.ask("status shop json")).at("pools").size(), 1U);
  EXPECT_EQ(rig.ask("status nix"), "error: unknown pool 'nix'; known pools: shop\n");
  EXPECT_EQ(rig.ask("status nix json"), rig.ask("status nix"));
}

TEST_F(CommandsTest, ABleedSaysWhoIsStillThereAndIsWrittenDown) {
  rig.add_user("shop/alice", 1);
  const std::string answer = rig.ask(R"(bleed alice --deadline 30m --reason "update 4.2")");
  EXPECT_TRUE(answer.starts_with("shop/alice is bleeding")) << answer;
  const Json alice = status_of("alice");
  EXPECT_EQ(alice.at("state"), "bleeding");
  EXPECT_EQ(alice.at("bleeding").at("reason"), "update 4.2");
  EXPECT_EQ(alice.at("bleeding").at("by"), my_name());
  EXPECT_EQ(alice.at("bleeding").at("deadline"), "2023-11-14T22:43:20Z");
  EXPECT_EQ(alice.at("dry_blocked_by"), Json({"1 live session"}));
}

TEST(PeerName, IsRootForRoot) {
  if (::getuid() != 0) GTEST_SKIP() << "takes root";
  EXPECT_EQ(my_name(), "root");
}

TEST_F(CommandsTest, AChangeInJsonIsAMessage) {
  const Json answer = Json::parse(rig.ask("bleed alice json"));
  EXPECT_EQ(answer.at("ok"), true);
  EXPECT_TRUE(answer.at("message").get<std::string>().starts_with("shop/alice is bleeding"));
}

TEST_F(CommandsTest, AChangeIsAnsweredOnlyWhenAllWorkersHaveIt) {
  rig.workers.pace = test::FakeWorkers::Pace::asleep;
  Client client(rig.path());
  client.send("bleed alice\n");
  rig.run_a_little();
  EXPECT_EQ(rig.control->topology()->version, 2U);
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(client.answer(), "");
  rig.workers.pace = test::FakeWorkers::Pace::prompt;
  ASSERT_TRUE(rig.finish(client));
  EXPECT_TRUE(client.answer().starts_with("shop/alice is bleeding"));
}

TEST_F(CommandsTest, AnAnswerThatComesAfterItsClientHasLeftHarmsNobody) {
  rig.workers.pace = test::FakeWorkers::Pace::asleep;
  {
    Client client(rig.path());
    client.send("bleed alice\n");
    rig.run_a_little();
  }
  ASSERT_TRUE(rig.run_until([this] { return rig.server->connections() == 0; }));
  rig.stop_server();
  rig.workers.pace = test::FakeWorkers::Pace::prompt;
  rig.run_a_little();
}

TEST_F(CommandsTest, TheGuardRefusesAndForceOverrides) {
  rig.ask("bleed alice");
  for (const std::string line : {"bleed bob", "bleed bob json"}) {
    const std::string refusal = rig.ask(line);
    EXPECT_TRUE(refusal.starts_with("error: ")) << refusal;
    EXPECT_EQ(refusal.find('\n'), refusal.size() - 1);
  }
  EXPECT_EQ(status_of("bob").at("state"), "active");
  EXPECT_TRUE(rig.ask("bleed bob --force").starts_with("shop/bob is bleeding"));
}

TEST_F(CommandsTest, TheWholeStoryOfANode) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  EXPECT_TRUE(rig.ask("maintain alice").starts_with("error: shop/alice is not dry"));
  rig.everybody_leaves();
  EXPECT_EQ(rig.ask("wait alice"), "dry: no users left on shop/alice\n");
  EXPECT_EQ(rig.ask("maintain alice"), "shop/alice is in maintenance\n");
  EXPECT_EQ(status_of("alice").at("state"), "maintenance");
  EXPECT_EQ(rig.ask("activate alice"), "shop/alice is active\n");
  EXPECT_EQ(status_of("alice").at("bleeding"), nullptr);
}

TEST_F(CommandsTest, UnknownNodesAreRefusedEverywhere) {
  for (const std::string command : {"sessions", "bleed", "wait", "maintain", "activate", "pass"}) {
    EXPECT_EQ(rig.ask(command + " carol"),
              "error: unknown node 'carol'; known nodes: shop/alice, shop/bob\n");
    EXPECT_TRUE(rig.ask(command + " \"\xff\" json").starts_with("error: unknown node '\\xff'"));
  }
}

TEST_F(CommandsTest, APassIsForABrowserOrForAProgram) {
  const std::string url = rig.ask("pass alice");
  EXPECT_TRUE(url.starts_with("?bonedry-pass=")) << url;
  EXPECT_TRUE(
      url.ends_with("\nappended to a URL, it takes a browser to shop/alice for 15m; "
                    "?bonedry-pass=off ends that\n"))
      << url;
  const std::string header = rig.ask("pass alice --ttl 1h --header");
  EXPECT_TRUE(header.starts_with("Bonedry-Pass: ")) << header;
  EXPECT_EQ(header.find('\n'), header.size() - 1);
}

TEST_F(CommandsTest, APassInJsonHasAllForms) {
  for (const std::string line :
       {"pass alice --ttl 90s json", "pass alice --header --ttl=90s json"}) {
    const Json pass = Json::parse(rig.ask(line));
    const auto token = pass.at("token").get<std::string>();
    EXPECT_EQ(token.size(), 48U);
    EXPECT_EQ(pass, Json({{"pool", "shop"},
                          {"node", "alice"},
                          {"expires_s", 90.0},
                          {"token", token},
                          {"query", "bonedry-pass=" + token},
                          {"header", "Bonedry-Pass: " + token}}));
  }
}

TEST_F(CommandsTest, PassesAreRevoked) {
  EXPECT_EQ(rig.ask("pass alice --revoke"), "all passes for shop/alice are void\n");
  EXPECT_EQ(Json::parse(rig.ask("pass alice --revoke json")),
            Json({{"ok", true}, {"message", "all passes for shop/alice are void"}}));
  EXPECT_EQ(rig.ask("pass alice --revoke --ttl 1m"),
            "error: --revoke makes no pass: it takes no other option\n");
  EXPECT_EQ(rig.ask("pass alice --revoke --header"),
            "error: --revoke makes no pass: it takes no other option\n");
}

TEST_F(CommandsTest, APassOfAStrangeDurationIsRefused) {
  EXPECT_EQ(rig.ask("pass alice --ttl 25h"), "error: --ttl takes 1s to 1d, not 1d1h\n");
  EXPECT_TRUE(rig.ask("pass alice --ttl x").starts_with("error: --ttl takes a duration"));
  EXPECT_TRUE(rig.ask("pass").starts_with("error: pass needs a node"));
}

TEST_F(CommandsTest, WaitTimesOutWithTheFigures) {
  rig.add_user("shop/alice", 1);
  rig.add_crawler("shop/alice", 2);
  rig.ask("bleed alice");
  Client text(rig.path());
  Client json(rig.path());
  text.send("wait alice --timeout 3s\n");
  json.send("wait alice --timeout 3s json\n");
  rig.run_a_little();
  EXPECT_FALSE(text.ended());
  rig.clock.advance(3s);
  ASSERT_TRUE(rig.finish(text) && rig.finish(json));
  EXPECT_EQ(text.answer(),
            "error: timed out after 3s: shop/alice still has 1 live and 1 pending sessions\n");
  EXPECT_EQ(json.answer(),
            R"({"node":"shop/alice","result":"timed_out","live":1,"pending":1,)"
            R"("exchanges_open":0,"forecast_s":null,"forecast_low_s":null,"forecast_high_s":null,)"
            R"("dry_blocked_by":["1 live session","1 pending session"],"last_check":null})"
            "\n");
}

TEST_F(CommandsTest, WaitEndsWhenTheNodeIsActivated) {
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Client waiting(rig.path());
  waiting.send("wait alice json\n");
  rig.run_a_little();
  rig.ask("activate alice");
  ASSERT_TRUE(rig.finish(waiting));
  EXPECT_EQ(Json::parse(waiting.answer()).at("result"), "activated");
  EXPECT_EQ(rig.ask("wait alice"), "error: shop/alice is active: it will not become dry\n");
}

TEST_F(CommandsTest, SessionsAreListed) {
  EXPECT_EQ(rig.ask("sessions alice"), "shop/alice: 0 live and 0 pending sessions\n");
  rig.add_user("shop/alice", 0x01234567);
  rig.clock.advance(5s);
  rig.add_crawler("shop/alice", 2);
  const std::string text = rig.ask("sessions alice --limit 1");
  EXPECT_NE(text.find("01234567  live"), std::string::npos) << text;
  EXPECT_NE(text.find("1 live and 1 pending sessions; showing 1 to 1, longest idle first; next "
                      "page: --page 2\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(rig.ask("sessions alice --limit 1 --page 2").find("01234567"), std::string::npos);
  const Json json = Json::parse(rig.ask("sessions shop/alice json"));
  EXPECT_EQ(json.at("sessions").size(), 2U);
  EXPECT_EQ(json.at("sessions").at(0).at("id"), "01234567");
  EXPECT_EQ(json.at("sessions").at(0).at("age_s"), 5.0);
  EXPECT_EQ(json.at("total"), 2);
  EXPECT_EQ(json.at("offset"), 0);
  EXPECT_EQ(json.at("limit"), 100);
}

TEST_F(CommandsTest, SessionsAreListedInTheOrderThatIsAskedFor) {
  rig.add_user("shop/alice", 0x1);
  rig.clock.advance(5s);
  rig.add_user("shop/alice", 0x2);
  rig.clock.advance(5s);
  for (int i = 0; i < 3; ++i) rig.add_user("shop/alice", 0x1);  // oldest, busiest, not longest idle
  const auto first = [this](const std::string& options) {
    return Json::parse(rig.ask("sessions alice " + options + " json"))
        .at("sessions")
        .at(0)
        .at("id");
  };
  EXPECT_EQ(first(""), "00000002");
  EXPECT_EQ(first("--sort idle"), "00000002");
  EXPECT_EQ(first("--sort age"), "00000001");
  EXPECT_EQ(first("--sort exchanges"), "00000001");
  EXPECT_EQ(first("--sort age --limit 1 --page 2"), "00000002");
}

TEST_F(CommandsTest, APageOfSessionsHasABound) {
  EXPECT_EQ(rig.ask("sessions alice --limit 10000 --page 10"),
            "shop/alice: 0 live and 0 pending sessions\n");
  const std::string refused = rig.ask("sessions alice --limit 10000 --page 11");
  EXPECT_EQ(refused.find("error: page 11 of 10000 sessions each reaches beyond the first 100000"),
            0U)
      << refused;
  EXPECT_EQ(rig.ask("sessions alice --sort size"),
            "error: --sort takes one of idle|age|exchanges, not 'size'\n");
  EXPECT_EQ(rig.ask("sessions alice --sort ''").find("error: --sort takes one of"), 0U);
}

TEST_F(CommandsTest, StatusSaysWhenTheLastPendingSessionOfABleedEnds) {
  rig.add_crawler("shop/alice", 2);
  rig.clock.advance(60s);
  rig.ask("bleed alice");
  rig.run_a_little();
  const Json left = status_of("alice").at("bleeding").at("pending_ends_in_s");
  ASSERT_TRUE(left.is_number());
  rig.clock.advance(10s);
  EXPECT_EQ(status_of("alice").at("bleeding").at("pending_ends_in_s"), left.get<double>() - 10);
  EXPECT_NE(rig.ask("status").find("  the last pending session ends within "), std::string::npos);
  rig.everybody_leaves();
  rig.run_a_little();
  EXPECT_TRUE(status_of("alice").at("bleeding").at("pending_ends_in_s").is_null());
}

TEST_F(CommandsTest, ReloadPassesTheErrorOn) {
  EXPECT_EQ(rig.ask("reload"), "reloaded by root: nothing has changed\n");
  rig.reload_error = "bonedry.toml:3:1: unknown key \x1b[31m";
  EXPECT_EQ(rig.ask("reload"),
            "error: the config was not reloaded: bonedry.toml:3:1: unknown key \\x1b[31m\n");
}

TEST_F(CommandsTest, ReopenAnswersWhenItIsDone) {
  ChangeCallback done;
  rig.reopen_log = [&done](const ChangeCallback& callback) { done = callback; };
  Client client(rig.path());
  client.send("reopen\n");
  ASSERT_TRUE(rig.run_until([&] { return done != nullptr; }));
  EXPECT_FALSE(client.ended());
  done(ChangeResult(ReopenResult{"/a/log"}));
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), "reopened the access log, /a/log\n");
}

TEST_F(CommandsTest, ReopenSaysWhyItFailed) {
  rig.reopen_log = [](const ChangeCallback& callback) {
    callback(fail(ErrorCode::failed, "the disk is gone"));
  };
  EXPECT_EQ(rig.ask("reopen"), "error: the disk is gone\n");
}

TEST_F(CommandsTest, EventsShowThePastAndFollowTellsTheFuture) {
  rig.ask("bleed alice --reason tea");
  const std::string past = rig.ask("events");
  EXPECT_NE(past.find("bleed shop/alice: "), std::string::npos) << past;
  EXPECT_EQ(Json::parse(rig.ask("events json")).at("events").at(0).at("kind"), "bleed");

  Client follower(rig.path());
  follower.send("events --follow json\n");
  rig.run_a_little();
  rig.ask("activate alice");
  EXPECT_FALSE(follower.ended());
  const std::string told = follower.answer();
  EXPECT_NE(told.find(R"("kind":"bleed")"), std::string::npos) << told;
  EXPECT_NE(told.find(R"("kind":"activate")"), std::string::npos) << told;
}

TEST_F(CommandsTest, VersionAndHelp) {
  EXPECT_EQ(rig.ask("version"), "bonedry " BONEDRY_VERSION "\n");
  EXPECT_EQ(Json::parse(rig.ask("version json")).at("message"), "bonedry " BONEDRY_VERSION);
  EXPECT_EQ(rig.ask("help"), help_overview());
  EXPECT_EQ(rig.ask("help wait"), help_page(*find_command("wait")));
  EXPECT_EQ(rig.ask("help wiat"), "error: unknown command 'wiat'; did you mean 'wait'?\n");
  EXPECT_EQ(Json::parse(rig.ask("help json")).at("commands").size(), command_table().size());
  EXPECT_EQ(Json::parse(rig.ask("help wait json")).at("commands").at(0).at("name"), "wait");
}

}  // namespace
}  // namespace bonedry::admin
