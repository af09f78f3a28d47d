#include "admin/ctl/watch/watch_status.h"

#include "admin/ctl/watch/sparkline.h"
#include "admin/render_json.h"
#include "tests/unit/admin/sample_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bonedry::ctl {
namespace {

using std::chrono::seconds;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using Point = admin::UserCurve::Point;

TEST(WatchedStatusTest, IsWhatTheProxyReports) {
  admin::Status sent = admin::test::sample_status();
  sent.pools[0].nodes[0].bleeding->curve = {{Millis{100}, 20}, {Millis{1100}, 15}};
  const auto status = parse_watched_status(admin::render_json(sent));
  ASSERT_TRUE(status);
  ASSERT_EQ(status->nodes().size(), 2U);
  const WatchedNode& alice = *status->nodes()[0];
  EXPECT_EQ(alice.key, "shop/alice");
  EXPECT_EQ(alice.state, WatchedState::bleeding);
  EXPECT_EQ(alice.health, WatchedHealth::up);
  EXPECT_FALSE(alice.dry);
  EXPECT_EQ(alice.users(), 15);
  EXPECT_EQ(alice.blocked_by, "12 live sessions, 3 pending sessions");
  EXPECT_EQ(alice.exchanges_open, 1);
  EXPECT_EQ(alice.last_click, Millis{1234});
  EXPECT_EQ(alice.requests_per_second, 12.5);
  ASSERT_TRUE(alice.bleed);
  EXPECT_EQ(alice.bleed->since, "2023-11-14 22:10:00Z");
  EXPECT_EQ(alice.bleed->by, "root");
  EXPECT_EQ(alice.bleed->deadline, "2023-11-14 22:39:20Z");
  ASSERT_TRUE(alice.bleed->forecast);
  EXPECT_EQ(alice.bleed->forecast->high, seconds{1560});
  EXPECT_THAT(alice.bleed->curve,
              testing::ElementsAre(Point{Millis{100}, 20}, Point{Millis{1100}, 15}));
  EXPECT_FALSE(status->nodes()[1]->bleed);
  EXPECT_EQ(status->find("shop/bob"), status->nodes()[1]);
  EXPECT_EQ(status->find("bob"), nullptr);
}

TEST(WatchedStatusTest, ANodeWithoutTrafficHasNoRate) {
  const auto status = parse_watched_status(admin::render_json(admin::test::sample_status()));
  EXPECT_EQ(status->nodes()[1]->requests_per_second, std::nullopt);
}

TEST(WatchedStatusTest, NothingThatATerminalWouldObeyIsLeft) {
  admin::Status sent = admin::test::sample_status();
  const std::string evil = "x\x1b]0;y\a\xc2\x9b\xe2\x80\xae";
  sent.pools[0].name = evil;
  sent.pools[0].nodes[0].name = evil;
  sent.pools[0].nodes[0].dry_blocked_by = {evil};
  sent.pools[0].nodes[0].bleeding->by = evil;
  const auto status = parse_watched_status(admin::render_json(sent));
  ASSERT_TRUE(status);
  const WatchedNode& node = *status->nodes()[0];
  EXPECT_EQ(node.key, evil + "/" + evil) << "commands name it as it is";
  for (const std::string& text : {status->pools[0].name, node.name, node.title, node.blocked_by,
                                  node.bleed->by, node.bleed->reason}) {
    EXPECT_THAT(text, HasSubstr("\\x1b"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
  }
}

TEST(WatchedStatusTest, OtherResponsesAreNoStatus) {
  for (const char* const response :
       {"", "error: no\n", "{}", "[]", "null", R"({"pools":{}})", R"({"pools":[{"name":"shop"}]})",
        R"({"pools":[{"name":"shop","nodes":[{"name":"alice"}]}]})", R"({"pools":[1]})"}) {
    const auto status = parse_watched_status(response);
    EXPECT_TRUE(!status || status->nodes().empty()) << response;
  }
}

TEST(WatchedStatusTest, AnEventIsALine) {
  const std::string event =
      R"({"at":"2026-11-30T11:12:13.000Z","kind":"bleed","node":"shop/alice","text":"a\u001bb"})";
  EXPECT_THAT(parse_event_line(event, ""), Eq("11:12:13Z shop/alice bleed: a\\x1bb"));
  EXPECT_THAT(parse_event_line(event, "shop"), Eq("11:12:13Z shop/alice bleed: a\\x1bb"));
  EXPECT_EQ(parse_event_line(event, "sho"), std::nullopt);
  const std::string reload =
      R"({"at":"2026-11-30T11:12:13.000Z","kind":"reload","node":null,"text":"reloaded"})";
  EXPECT_THAT(parse_event_line(reload, "shop"), Eq("11:12:13Z reload: reloaded"));
  EXPECT_EQ(parse_event_line("error: x\n", ""), std::nullopt);
  EXPECT_EQ(parse_event_line("5", ""), std::nullopt);
}

TEST(SparklineTest, FallsFromTheMostToNobody) {
  const std::vector<Point> curve{
      {seconds{0}, 7}, {seconds{1}, 4}, {seconds{2}, 1}, {seconds{3}, 0}};
  EXPECT_EQ(sparkline(curve, 10, Charset::utf8), "█▅▂▁");
  EXPECT_EQ(sparkline(curve, 10, Charset::ascii), "#=._");
}

TEST(SparklineTest, OneUserOfManyIsNotNobody) {
  EXPECT_EQ(sparkline({{seconds{0}, 1000}, {seconds{1}, 1}, {seconds{2}, 0}}, 3, Charset::ascii),
            "#._");
}

TEST(SparklineTest, IsNoWiderThanItsPlaceAndEndsWithThePresent) {
  std::vector<Point> curve;
  for (int at = 0; at <= 100; ++at) curve.push_back({seconds{at}, 100 - at});
  EXPECT_EQ(sparkline(curve, 5, Charset::ascii), "#+=:_");
  EXPECT_EQ(sparkline(curve, 1, Charset::ascii), "_");
  EXPECT_EQ(sparkline(curve, 0, Charset::ascii), "");
  EXPECT_EQ(sparkline({}, 5, Charset::ascii), "");
  EXPECT_EQ(sparkline({{seconds{0}, 0}}, 5, Charset::ascii), "_") << "nobody from the start";
}

TEST(SparklineTest, TimeIsEvenHoweverThePointsAreSpread) {
  EXPECT_EQ(sparkline({{seconds{0}, 7}, {seconds{1}, 0}, {seconds{99}, 0}, {seconds{100}, 0}}, 4,
                      Charset::ascii),
            "#___");
  EXPECT_EQ(sparkline({{seconds{0}, 7}, {seconds{98}, 7}, {seconds{99}, 7}, {seconds{100}, 0}}, 4,
                      Charset::ascii),
            "###_");
}

}  // namespace
}  // namespace bonedry::ctl
