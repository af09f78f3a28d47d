// Health: what is checked, how often it must fail or succeed, and what it changes.
#include "tests/scenario/story.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

class HealthStory : public ShopStory {
 protected:
  void launch_checked(std::vector<std::string> health, std::vector<std::string> pool = {}) {
    pool.push_back("balance = \"round-robin\"");
    TestConfig checked = config({}, std::move(pool));
    checked.pools[0].health = std::move(health);
    launch(checked);
  }

  [[nodiscard]] bool becomes(const FakeNode& which, const std::string& health) const {
    return eventually([&] { return node(which).health == health; });
  }

  [[nodiscard]] int strangers_on(const FakeNode& node, int count) const {
    int there = 0;
    for (int i = 0; i < count; ++i) {
      User user{bonedry_->address()};
      const Response response = user.click();
      EXPECT_EQ(response.status, 200);
      there += user.node() == node.name() ? 1 : 0;
    }
    return there;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, HealthStory, worker_counts(), name_of_workers);

Handler status_line(int status) {
  return answering("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n");
}

TEST_P(HealthStory, WithoutAnyChecksHealthIsUnknown) {
  launch(config());
  EXPECT_EQ(node(alice_).health, "unknown");
  EXPECT_EQ(strangers_on(alice_, 10) + strangers_on(bob_, 10), 10);
  EXPECT_EQ(alice_.requests_for("/healthz"), 0U);
}

TEST_P(HealthStory, AnHttpCheckAsksForThePath) {
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\""});
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  const NodeRequest check = alice_.last("/healthz");
  EXPECT_EQ(check.method, "GET");
  EXPECT_EQ(check.headers.count("Host"), 1U);
  EXPECT_FALSE(check.headers.has("Cookie"));
  const auto status = bonedry_->status();
  EXPECT_EQ(node_view(status, "alice").sessions(), 0) << "a check is no user";
  EXPECT_EQ(node_view(status, "alice").exchanges_open, 0);
}

TEST_P(HealthStory, ANodeFallsAfterSoManyFailuresAndRisesAfterSoManySuccesses) {
  // The script responds to every check; its responses so far decide the health that must be shown.
  struct Script {
    std::atomic<int> failures{0};   // in a row
    std::atomic<int> successes{0};  // in a row
    std::atomic<bool> healthy{true};
  };
  const auto script = std::make_shared<Script>();
  alice_.on("/healthz", [script](NodeExchange& exchange) {
    const bool ok = script->healthy;
    // Updated before the response, because the proxy may act on that immediately.
    script->failures = ok ? 0 : script->failures + 1;
    script->successes = ok ? script->successes + 1 : 0;
    exchange.respond(ok ? 200 : 500, "");
  });
  launch_checked({"path = \"/healthz\"", "interval = \"100ms\"", "rise = 3", "fall = 4"});
  ASSERT_TRUE(becomes(alice_, "up"));
  script->healthy = false;
  ASSERT_TRUE(eventually(
      [&] {
        const int seen_before = script->failures;
        const std::string health = node(alice_).health;
        if (health == "down") return true;
        EXPECT_LE(seen_before, 4) << "four failures must be enough";
        return false;
      },
      kDeadline, Millis{5}));
  EXPECT_GE(script->failures, 4);
  EXPECT_EQ(strangers_on(alice_, 10), 0);
  script->healthy = true;
  ASSERT_TRUE(becomes(alice_, "up"));
  EXPECT_GE(script->successes, 3);
  EXPECT_GT(strangers_on(alice_, 10), 2);
}

TEST_P(HealthStory, AFewFailuresDoNoHarm) {
  const auto checks = std::make_shared<std::atomic<int>>(0);
  alice_.on("/healthz", [checks](NodeExchange& exchange) {
    exchange.respond(++*checks % 3 == 0 ? 200 : 500, "");  // two failures, then a success
  });
  launch_checked({"path = \"/healthz\"", "interval = \"20ms\"", "rise = 1", "fall = 3"});
  ASSERT_TRUE(becomes(alice_, "up"));
  while (*checks < 30) {
    ASSERT_EQ(node(alice_).health, "up");
    ASSERT_TRUE(alice_.wait_for("/healthz", static_cast<std::size_t>(*checks) + 1));
  }
}

TEST_P(HealthStory, WithoutAPathAConnectIsTheCheck) {
  launch_checked({"interval = \"50ms\"", "rise = 1", "fall = 2"});
  ASSERT_TRUE(becomes(alice_, "up"));
  EXPECT_EQ(alice_.requests(), 0U) << "nothing is asked";
  alice_.stop();
  ASSERT_TRUE(becomes(alice_, "down"));
  EXPECT_EQ(strangers_on(alice_, 6), 0);
  alice_.start();
  ASSERT_TRUE(becomes(alice_, "up"));
  EXPECT_GT(strangers_on(alice_, 10), 2);
}

TEST_P(HealthStory, ACheckThatIsNotAnsweredInTimeHasFailed) {
  alice_.on("/healthz", [](NodeExchange& exchange) {
    (void)exchange.peer_went();
    exchange.close_after();
  });
  launch_checked(
      {"path = \"/healthz\"", "interval = \"100ms\"", "timeout = \"100ms\"", "fall = 2"});
  ASSERT_TRUE(becomes(alice_, "down"));
  ASSERT_TRUE(becomes(bob_, "up"));
}

TEST_P(HealthStory, AnInterimAnswerIsNotTheAnswer) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
  alice_.on("/healthz", answering(hints + hints + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  bob_.on("/healthz",
          answering_and_closing(hints + "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"));
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "rise = 1", "fall = 1"});
  EXPECT_TRUE(becomes(alice_, "up"));
  EXPECT_TRUE(becomes(bob_, "down"));
}

TEST_P(HealthStory, EveryOtherAnswerIsAFailure) {
  for (const char* raw : {"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                          "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
                          "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n", ""}) {
    alice_.on("/healthz", answering_and_closing(raw));
    launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "fall = 1"});
    EXPECT_TRUE(becomes(alice_, "down")) << raw;
  }
}

TEST_P(HealthStory, InterimAnswersWithoutEndAreAFailure) {
  std::string hints;
  for (int i = 0; i < 40; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  alice_.on("/healthz", answering(hints));
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "fall = 1"});
  EXPECT_TRUE(becomes(alice_, "down"));
  EXPECT_THAT(bonedry_->admin("events"), testing::HasSubstr("too many 1xx responses"));
}

TEST_P(HealthStory, AResetIsNamedAsTheReason) {
  alice_.on("/healthz", [](NodeExchange& exchange) { exchange.reset(); });
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "fall = 1"});
  EXPECT_TRUE(becomes(alice_, "down"));
  EXPECT_THAT(bonedry_->admin("events"), testing::HasSubstr("onnection reset"));
}

TEST_P(HealthStory, RedirectsCountAsHealthy) {
  alice_.on("/healthz", status_line(204));
  bob_.on("/healthz", status_line(302));
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "rise = 1", "fall = 1"});
  EXPECT_TRUE(becomes(alice_, "up"));
  EXPECT_TRUE(becomes(bob_, "up"));
}

TEST_P(HealthStory, ABleedingNodeThatFailsIsStillShownAsBleeding) {
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "rise = 1", "fall = 1"});
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  order("bleed alice");
  alice_.on("/healthz", status_line(500));
  ASSERT_TRUE(becomes(alice_, "down"));
  EXPECT_EQ(node(alice_).state, "bleeding");
  alice_.on("/healthz", status_line(200));
  ASSERT_TRUE(becomes(alice_, "up"));
  EXPECT_EQ(node(alice_).state, "bleeding");
}

TEST_P(HealthStory, ANodeThatIsAddedGetsNobodyBeforeItsFirstCheckHasPassed) {
  const std::vector<std::string> health = {"path = \"/healthz\"", "interval = \"50ms\"",
                                           "timeout = \"1h\""};
  launch_checked(health);
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  FakeNode broken{"broken"};
  FakeNode hanging{"hanging"};
  broken.on("/healthz", status_line(503));
  broken.on("/", status_line(503));
  hanging.on("/healthz", [](NodeExchange& exchange) { (void)exchange.peer_went(); });
  TestConfig more = config({}, {"balance = \"round-robin\""});
  more.pools[0].health = health;
  more.pools[0].nodes.emplace_back(broken);
  more.pools[0].nodes.emplace_back(hanging);
  bonedry_->configure(more);
  order("reload");
  EXPECT_EQ(strangers_on(broken, 20), 0);
  ASSERT_TRUE(hanging.wait_for("/healthz", 1));
  EXPECT_EQ(node(hanging).health, "unknown");
  EXPECT_EQ(strangers_on(hanging, 20), 0);
  ASSERT_TRUE(becomes(broken, "down"));
  EXPECT_EQ(broken.requests_for("/") + hanging.requests_for("/"), 0U);
  EXPECT_THAT(bonedry_->admin("bleed alice"), testing::Not(testing::HasSubstr("error: ")));
  EXPECT_THAT(bonedry_->admin("bleed bob"), testing::HasSubstr("min_active"));
  broken.on("/healthz", status_line(200));
  broken.on("/", {});
  ASSERT_TRUE(becomes(broken, "up"));
  EXPECT_GT(strangers_on(broken, 10), 2);
}

TEST_P(HealthStory, AnotherAddressIsAnotherMachine) {
  const std::vector<std::string> health = {"path = \"/healthz\"", "interval = \"50ms\"",
                                           "timeout = \"1h\""};
  launch_checked(health);
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  FakeNode elsewhere{"alice"};
  elsewhere.on("/healthz", [](NodeExchange& exchange) { (void)exchange.peer_went(); });
  TestConfig moved = shop(workers(), {elsewhere, bob_}, {}, {"balance = \"round-robin\""});
  moved.pools[0].health = health;
  bonedry_->configure(moved);
  order("reload");
  EXPECT_EQ(node(alice_).health, "unknown");
  EXPECT_EQ(strangers_on(bob_, 20), 20);
  EXPECT_EQ(elsewhere.requests_for("/"), 0U);
}

TEST_P(HealthStory, HealthChangesAreEvents) {
  launch_checked({"path = \"/healthz\"", "interval = \"50ms\"", "rise = 1", "fall = 1"});
  ASSERT_TRUE(becomes(alice_, "up"));
  alice_.on("/healthz", status_line(500));
  ASSERT_TRUE(becomes(alice_, "down"));
  std::size_t downs = 0;
  const auto events = bonedry_->admin_json("events json").at("events");
  for (const auto& event : events) {
    if (event.at("kind") != "health" || event.at("node") != "shop/alice") continue;
    if (event.at("text").get<std::string>().find("down") != std::string::npos) ++downs;
  }
  EXPECT_EQ(downs, 1U);
}

TEST_P(HealthStory, ConnectFailuresInARowMarkANode) {
  launch_checked(
      {"interval = \"1h\"", "fall = 1000", "passive_failures = 3", "passive_hold = \"2s\""});
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  alice_.stop();
  EXPECT_EQ(strangers_on(bob_, 30), 30) << "every one of them is served";
  alice_.start();
  const TestTime back = TestClock::now();
  const auto before = alice_.connections();
  EXPECT_EQ(strangers_on(alice_, 10), 0) << "the mark holds";
  ASSERT_LT(elapsed_since(back), Millis{1900}) << "too slow a machine to tell";
  EXPECT_EQ(alice_.connections(), before);
  EXPECT_TRUE(eventually([this] { return strangers_on(alice_, 4) > 0; })) << "and then ends";
}

TEST_P(HealthStory, MarksNeverLeaveAPoolEmpty) {
  TestConfig checked = config();
  checked.pools[0].health = {"interval = \"1h\"", "fall = 1000", "passive_failures = 1",
                             "passive_hold = \"1h\""};
  launch(checked);
  ASSERT_TRUE(becomes(alice_, "up"));
  ASSERT_TRUE(becomes(bob_, "up"));
  alice_.stop();
  bob_.stop();
  for (int i = 0; i < 6; ++i) EXPECT_GE(HttpClient{bonedry_->address()}.get("/").status, 502);
  alice_.start();
  EXPECT_EQ(strangers_on(alice_, 5), 5);
}

}  // namespace
}  // namespace bonedry::test
