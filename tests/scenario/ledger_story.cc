// The ledger outlives the process: however a process ends, the next one has the same users on the
// same nodes with the same counts.
#include "tests/scenario/story.h"

#include <nlohmann/json.hpp>

#include <atomic>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

constexpr int kUsers = 20;
constexpr int kKills = 5;  // `--gtest_repeat=40` makes them 200

class KeptLedgerStory : public ShopStory {
 protected:
  std::vector<User> live_users() const {
    std::vector<User> users;
    for (int i = 0; i < kUsers; ++i) {
      users.push_back(live_user_on(i % 2 == 0 ? alice_ : bob_));
    }
    return users;
  }

  /// Every user is still on the same node and noticed nothing.
  void expect_unmoved(std::vector<User>& users) {
    for (std::size_t i = 0; i < users.size(); ++i) {
      users[i].go_to(bonedry_->address());
      EXPECT_FALSE(users[i].click().headers.has("Set-Cookie"));
      EXPECT_EQ(users[i].node(), i % 2 == 0 ? "alice" : "bob");
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, KeptLedgerStory, worker_counts(), name_of_workers);

TEST_P(KeptLedgerStory, CountsAndUsersAreTheSameAfterAStopAndAfterAKill) {
  launch(config());
  std::vector<User> users = live_users();
  const User crawler = new_user_on(alice_);
  order("bleed alice");
  const NodeView before = node(alice_);
  EXPECT_EQ(before.live, kUsers / 2);
  for (const bool orderly : {true, false}) {
    orderly ? bonedry_->stop() : bonedry_->kill9();
    bonedry_->start();
    const auto status = bonedry_->status();
    EXPECT_EQ(status.at("ledger").at("complete"), true);
    const NodeView after = node_view(status, "alice");
    EXPECT_EQ(after.state, "bleeding");
    EXPECT_EQ(after.live, before.live);
    EXPECT_EQ(after.pending, before.pending);
    EXPECT_FALSE(after.dry);
    expect_unmoved(users);
  }
}

TEST_P(KeptLedgerStory, WhoLeavesAfterAKillIsMissedInTime) {
  launch(config({"idle_timeout = \"2s\""}));
  const TestTime before = TestClock::now();
  const User user = live_user_on(alice_);
  order("bleed alice");
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_EQ(ctl().code({"wait", "alice"}), 0);
  EXPECT_GE(elapsed_since(before), Millis{2000});
}

TEST_P(KeptLedgerStory, WhoWasAtALongDownloadIsStillThereAfterAKill) {
  launch(config({"idle_timeout = \"5s\""}));
  const Gate gate;
  alice_.on("/film", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", "1000"}}) + "it begins");
    (void)gate.wait();
    exchange.close_after();
  });
  User user = live_user_on(alice_);
  order("bleed alice");
  HttpClient download{bonedry_->address()};
  download.send(
      Request{.target = "/film", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  (void)download.read_head();
  std::this_thread::sleep_for(Millis{5500});  // longer than the idle time-out
  EXPECT_EQ(node(alice_).live, 1);
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_EQ(node(alice_).live, 1);
  user.go_to(bonedry_->address());
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "alice");
  gate.open();
}

TEST_P(KeptLedgerStory, KilledUnderLoadItLosesAndMovesNobody) {
  launch(config());
  std::vector<User> users = live_users();
  order("bleed alice");
  for (int round = 0; round < kKills; ++round) {
    std::atomic<bool> killed{false};
    std::thread load([&] {
      for (std::size_t i = 0; !killed; i = (i + 1) % users.size()) {
        try {
          users[i].click();
        } catch (const std::exception&) {  // it was killed during this click
        }
      }
    });
    std::this_thread::sleep_for(Millis{20 + 7 * round});
    bonedry_->kill9();
    killed = true;
    load.join();
    bonedry_->start();
    const auto status = bonedry_->status();
    const NodeView alice = node_view(status, "alice");
    EXPECT_FALSE(alice.dry);
    EXPECT_EQ(alice.live, kUsers / 2);
    EXPECT_EQ(node_view(status, "bob").live, kUsers / 2);
    expect_unmoved(users);
  }
}

TEST_P(KeptLedgerStory, ALoggedOutUserStaysLoggedOut) {
  launch(config({R"(logout = [{ method = "POST", path = "/logout" }])"}));
  User user = live_user_on(alice_);
  order("bleed alice");
  const std::string cookie = user.cookie();
  HttpClient client{bonedry_->address()};
  client.send(Request{.method = "POST",
                      .target = "/logout",
                      .headers = {{"Cookie", "bonedry=" + cookie}, {"Content-Length", "0"}}}
                  .to_wire());
  EXPECT_EQ(client.read_response().status, 200);
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_EQ(node(alice_).sessions(), 0);
}

TEST_P(KeptLedgerStory, AnotherCapacityLosesNobody) {
  TestConfig shop = config();
  launch(shop);
  std::vector<User> users = live_users();
  shop.ledger = {"sessions = 5000"};
  bonedry_->configure(shop);
  bonedry_->stop();
  bonedry_->start();
  const auto status = bonedry_->status();
  EXPECT_EQ(status.at("ledger").at("capacity"), 5000);
  EXPECT_EQ(status.at("ledger").at("complete"), true);
  expect_unmoved(users);
}

TEST_P(KeptLedgerStory, ANodeTakenOutOfTheConfigMeanwhileKeepsItsUsers) {
  TestConfig shop = config();
  launch(shop);
  std::vector<User> users = live_users();
  std::erase_if(shop.pools[0].nodes, [](const TestNode& node) { return node.name == "alice"; });
  bonedry_->configure(shop);
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).live, kUsers / 2);
  expect_unmoved(users);
  EXPECT_EQ(new_user_on(bob_).node(), "bob");
}

TEST_P(KeptLedgerStory, ADamagedOneMovesNobodyAndWithholdsDryness) {
  launch(config());
  std::vector<User> users = live_users();
  order("bleed alice");
  bonedry_->kill9();
  std::string ledger = read_file(bonedry_->state_dir() + "/ledger");
  for (std::size_t at = ledger.find("shop/alice"); at != std::string::npos;
       at = ledger.find("shop/alice", at + 1)) {
    ledger[at + 5] = 'A';  // even where it is kept twice
  }
  write_file(bonedry_->state_dir() + "/ledger", ledger);
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("its node table is damaged"));
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_TRUE(node(alice_).blocked_by("ledger incomplete"));
  expect_unmoved(users);
  EXPECT_EQ(node(alice_).live, kUsers / 2);
}

TEST_P(KeptLedgerStory, OneThatDoesNotKnowABleedingNodeIsIncomplete) {
  launch(config());
  const std::string ledger = bonedry_->state_dir() + "/ledger";
  std::vector<User> users = live_users();
  order("bleed alice");
  bonedry_->stop();
  const std::string nodes = read_file(bonedry_->state_dir() + "/nodes.json");
  std::filesystem::remove_all(bonedry_->state_dir());
  bonedry_->start();  // with a new secret and a new ledger
  bonedry_->stop();
  std::string renamed = nodes;
  for (std::size_t at = renamed.find("alice"); at != std::string::npos;) {
    renamed.replace(at, 5, "carol");
    at = renamed.find("alice", at);
  }
  const std::size_t check = renamed.find("  \"check\"");
  renamed.erase(check, renamed.find('\n', check) + 1 - check);
  write_file(bonedry_->state_dir() + "/nodes.json", renamed);
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("the ledger does not know shop/carol"));
  EXPECT_EQ(bonedry_->status().at("ledger").at("complete"), false);
}

TEST_P(KeptLedgerStory, OneThatIsOlderThanABleedIsIncomplete) {
  launch(config());
  const std::string ledger = bonedry_->state_dir() + "/ledger";
  bonedry_->stop();
  const std::string older = read_file(ledger);
  bonedry_->start();
  std::vector<User> users = live_users();
  order("bleed alice");
  bonedry_->stop();
  write_file(ledger, older);
  // As if an hour had passed. Without `check`, the dates in an edited file are not trusted to be of
  // this boot.
  auto nodes = nlohmann::json::parse(read_file(bonedry_->state_dir() + "/nodes.json"));
  auto& since = nodes.at("nodes").at("shop/alice").at("since_ms");
  since = since.get<std::int64_t>() + 3'600'000;
  nodes.erase("check");
  write_file(bonedry_->state_dir() + "/nodes.json", nodes.dump());
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("the ledger is older than nodes.json"));
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_TRUE(node(alice_).blocked_by("ledger incomplete"));
  expect_unmoved(users);
}

TEST_P(KeptLedgerStory, TruncatedUnderARunningProcessItEndsWithAWord) {
  launch(config());
  std::vector<User> users = live_users();
  order("bleed alice");
  std::filesystem::resize_file(bonedry_->state_dir() + "/ledger", 0);
  EXPECT_TRUE(eventually([this] { return !bonedry_->running(); }));
  EXPECT_THAT(bonedry_->err(), HasSubstr("/ledger was truncated while in use"));
  bonedry_->start();
  EXPECT_FALSE(node(alice_).dry);
  expect_unmoved(users);
}

TEST_P(KeptLedgerStory, WhoCameWhileItWasStoppedIsNotMoved) {
  launch(config({"idle_timeout = \"2s\""}));
  const User user = live_user_on(alice_);
  order("bleed alice");
  HttpClient client{bonedry_->address()};
  bonedry_->pause();
  client.send(
      Request{.target = "/", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  std::this_thread::sleep_for(Millis{3000});  // longer than the idle time-out
  bonedry_->resume();
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.headers.has("Set-Cookie"));
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_TRUE(eventually_dry(alice_)) << "and then leaves as all do";
}

TEST_P(KeptLedgerStory, ALedgerThatIsNoneIsSetAsideAndSaid) {
  launch(config());
  const User user = live_user_on(alice_);
  bonedry_->stop();
  write_file(bonedry_->state_dir() + "/ledger", std::string(100'000, 'x'));
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("the existing ledger is not used"));
  EXPECT_EQ(bonedry_->status().at("ledger").at("complete"), false);
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(bonedry_->state_dir())) {
    if (entry.path().filename().string().starts_with("ledger.")) ++kept;
  }
  EXPECT_EQ(kept, 1);
}

}  // namespace
}  // namespace bonedry::test
