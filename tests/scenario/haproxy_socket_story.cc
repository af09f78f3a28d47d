// HAProxy's runtime commands, sent as its tools send them.
#include "tests/scenario/story.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> split_at(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

class HaproxyStory : public ShopStory {
 protected:
  HaproxyStory() { launch(config({"idle_timeout = \"3s\""})); }

  /// A column of a server's row, found as csv.DictReader finds it.
  [[nodiscard]] std::string stat(const std::string& server, const std::string& column) const {
    const auto lines = split_at(bonedry_->admin("show stat"), '\n');
    const auto names = split_at(lines.at(0).substr(2), ',');
    const auto at = static_cast<std::size_t>(std::ranges::find(names, column) - names.begin());
    for (const std::string& line : lines) {
      if (line.starts_with("shop," + server + ",")) return split_at(line, ',').at(at);
    }
    return "no such row";
  }

  /// What Ansible's module waits for: words in the status, and with `drain` no session.
  [[nodiscard]] bool is_reached(const std::string& status) const {
    return stat("alice", "status").find(status) != std::string::npos &&
           stat("alice", "scur") == "0";
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, HaproxyStory, worker_counts(), name_of_workers);

TEST_P(HaproxyStory, WhoWaitsForNoSessionsWaitsForTheUserToLeave) {
  User user = live_user_on(alice_);
  EXPECT_THAT(bonedry_->admin("show info"), HasSubstr("\nVersion: 3."));
  EXPECT_EQ(bonedry_->admin("set server shop/alice state drain"), "\n");
  EXPECT_EQ(stat("alice", "status"), "DRAIN");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(eventually_idle());
    EXPECT_FALSE(is_reached("DRAIN")) << "between two clicks";
    user.click();
    EXPECT_EQ(user.node(), "alice");
  }
  ASSERT_TRUE(eventually([this] { return is_reached("DRAIN"); })) << "when the user has left";
  EXPECT_TRUE(node(alice_).dry);
  EXPECT_EQ(bonedry_->admin("get weight shop/alice; disable server shop/alice"),
            "100 (initial 100)\n\n\n");
  EXPECT_TRUE(is_reached("MAINT"));
  EXPECT_EQ(node(alice_).moved, 0);
  EXPECT_EQ(node(alice_).late, 0);
  EXPECT_THAT(bonedry_->admin("events"), testing::Not(HasSubstr("forced")));
  EXPECT_EQ(bonedry_->admin("get weight shop/alice; enable server shop/alice"),
            "100 (initial 100)\n\n\n");
  EXPECT_EQ(stat("alice", "status"), "no check");
}

TEST_P(HaproxyStory, AnOpenExchangeOfNobodyKeepsTheSessionsAboveNone) {
  TestConfig stateless = config();
  stateless.pools[0].session = {"sticky = \"none\""};
  launch(stateless);
  Gate gate;
  const Handler held = [&gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  };
  alice_.on("/slow", held);
  bob_.on("/slow", held);
  std::vector<std::unique_ptr<HttpClient>> clients;
  while (node(alice_).exchanges_open == 0) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    clients.back()->send(Request{.target = "/slow"}.to_wire());
    const auto sent = static_cast<std::int64_t>(clients.size());
    ASSERT_TRUE(eventually([&] { return open_exchanges() == sent; }));
  }
  order("set server shop/alice state drain");
  EXPECT_EQ(stat("alice", "users"), "0");
  EXPECT_EQ(stat("alice", "scur"), "1");
  gate.open();
  EXPECT_TRUE(eventually([this] { return is_reached("DRAIN"); }));
}

TEST_P(HaproxyStory, ARefusedDrainIsNotReachedAndThrowsNobodyOut) {
  order("bleed bob");
  User user = new_user_on(alice_);
  user.click();
  EXPECT_THAT(bonedry_->admin("set server shop/alice state drain"), HasSubstr("min_active is 1"));
  EXPECT_FALSE(is_reached("DRAIN"));
  user.click();
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(HaproxyStory, DisablingAServerMovesItsUsersAtOnce) {
  User user = live_user_on(alice_);
  EXPECT_EQ(bonedry_->admin("disable server shop/alice"), "\n");
  EXPECT_EQ(stat("alice", "status"), "MAINT");
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
  EXPECT_EQ(node(alice_).moved, 1);
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("reason: HAProxy: disable server [forced: "));
}

TEST_P(HaproxyStory, APlaybookCanBeRunTwice) {
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(bonedry_->admin("set server shop/alice state drain"), "\n");
    EXPECT_TRUE(eventually([this] { return is_reached("DRAIN"); }));
    order("get weight shop/alice; disable server shop/alice");
    EXPECT_TRUE(eventually([this] { return is_reached("MAINT"); }));
  }
}

TEST_P(HaproxyStory, OurOwnCommandsAnswerAsBefore) {
  EXPECT_THAT(bonedry_->admin("help"), HasSubstr("bleed"));
  EXPECT_THAT(bonedry_->admin("version"), StartsWith("bonedry "));
  EXPECT_THAT(bonedry_->admin("wait alice;bob"), StartsWith("error: "));
  EXPECT_THAT(bonedry_->admin("set severity-output number;help"), StartsWith("\n[6]: "));
  EXPECT_THAT(bonedry_->admin("set severity-output number;add server shop/carol 127.0.0.1:1"),
              StartsWith("\n[3]: Unknown command"));
}

TEST_P(HaproxyStory, AManyTimesAskedForTableArrivesWhole) {
  TestConfig many = config();
  for (int i = 0; i < 500; ++i) {
    many.pools[0].nodes.emplace_back("node" + std::to_string(i), bob_.address());
  }
  launch(many);
  Socket slow = Socket::connect_unix(bonedry_->socket_path());
  constexpr int kTimes = 40;  // some 7 MB: more than a connection may have unsent
  std::string line = "show stat";
  for (int i = 1; i < kTimes; ++i) line += ";show stat";
  slow.send_all(line + "\n");
  EXPECT_THAT(bonedry_->admin("version"), StartsWith("bonedry ")) << "others have their turn";
  const std::string answer = slow.receive_all();
  const auto lines = split_at(answer, '\n');
  EXPECT_EQ(std::ranges::count(lines, ""), kTimes);
  EXPECT_EQ(lines.size(), kTimes * (1U + 1 + 502 + 1 + 1)) << "header, frontend, nodes, backend";
}

TEST_P(HaproxyStory, APromptIsEndedByAnUpgrade) {
  Socket client = Socket::connect_unix(bonedry_->socket_path());
  client.send_all("prompt\nset timeout cli 1h\n");
  std::string seen;
  while (!seen.ends_with("\n> \n> ")) {
    char bytes[64];
    const std::size_t got = client.receive(bytes, sizeof bytes);
    ASSERT_GT(got, 0U);
    seen.append(bytes, got);
  }
  bonedry_->upgrade();
  EXPECT_THAT(client.receive_all(), HasSubstr("another process has taken over"));
  EXPECT_EQ(stat("alice", "status"), "no check") << "the new process answers the next client";
}

}  // namespace
}  // namespace bonedry::test
