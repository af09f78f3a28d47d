// The forecast that the operator sees: from the start of the bleed until no session is left, and
// what bounds it.

#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin::test {
namespace {

class ControlForecastTest : public ControlTest {
 protected:
  [[nodiscard]] std::optional<DryForecast> forecast(const std::string& key = "shop/alice") const {
    return status(key).bleeding->forecast;
  }
  [[nodiscard]] std::string why_not() const { return status("shop/alice").bleeding->no_forecast; }

  /// An hour in which one new user of bob arrives each minute and stays for a few minutes.
  void live_through_an_hour() {
    for (std::uint64_t minute = 0; minute < 60; ++minute) {
      add_user("shop/bob", kVisitors + minute);
      for (std::uint64_t back = 1; back <= minute % 4 && back <= minute; ++back) {
        click(kVisitors + minute - back);
      }
      pass(minutes{1});
    }
  }

  static constexpr std::uint64_t kVisitors = 1000;
};

TEST_F(ControlForecastTest, OfCrawlersIsCertain) {
  add_crawler("shop/alice", 1);
  clock.advance(minutes{5});
  add_crawler("shop/alice", 2);
  bleed("shop/alice");
  EXPECT_FALSE(forecast()) << "nobody has looked yet";
  EXPECT_EQ(why_not(), "");
  control->tick();
  EXPECT_EQ(forecast(), (DryForecast{kIdle, kIdle, kIdle}));
  clock.advance(minutes{3});
  const Millis left = kIdle - minutes{3};
  EXPECT_EQ(forecast(), (DryForecast{left, left, left})) << "without another look";
  EXPECT_EQ(events_of("forecast"), "shop/alice: dry in 20m");
}

TEST_F(ControlForecastTest, OfUsersTakesSomeWhoHaveLeft) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  settle();
  EXPECT_FALSE(forecast());
  EXPECT_NE(why_not().find("not enough users have left"), std::string::npos) << why_not();
  EXPECT_EQ(events_of("forecast"), "");
}

TEST_F(ControlForecastTest, OfUsersHasARangeAndComesTrue) {
  live_through_an_hour();
  for (std::uint64_t i = 0; i < 10; ++i) add_user("shop/alice", i);
  bleed("shop/alice");
  settle();
  const auto told = forecast();
  ASSERT_TRUE(told);
  EXPECT_GE(told->low, kIdle);
  EXPECT_LE(told->low, told->likely);
  EXPECT_LT(told->likely, told->high);
  EXPECT_LT(told->high, hours{2});
  EXPECT_EQ(events_of("forecast").find("shop/alice: dry in about "), 0U) << events_of("forecast");

  pass(kIdle - minutes{1});  // nobody sends requests any more
  const auto at_last = forecast();
  ASSERT_TRUE(at_last);
  EXPECT_EQ(at_last->likely, minutes{1});
  EXPECT_EQ(at_last->low, minutes{1});
  pass(minutes{1} + seconds{1});
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_FALSE(forecast()) << "it has come true";
  EXPECT_TRUE(events_of("forecast").ends_with(", sooner than forecast before"))
      << "all left at once";
}

TEST_F(ControlForecastTest, ADeadlineBoundsIt) {
  add_crawler("shop/alice", 1);
  bleed_until("shop/alice", minutes{7});
  settle();
  EXPECT_EQ(forecast(), (DryForecast{minutes{7}, minutes{7}, minutes{7}}));
  clock.advance(minutes{2});
  EXPECT_EQ(forecast(), (DryForecast{minutes{5}, minutes{5}, minutes{5}}));
}

TEST_F(ControlForecastTest, WithNobodyLeftItIsUntilTheLedgerIsComplete) {
  restart();
  clock.advance(minutes{8});
  bleed("shop/alice");
  settle();
  const Millis left = kIdle - minutes{8};
  EXPECT_EQ(forecast(), (DryForecast{left, left, left}));
  EXPECT_EQ(blocked("shop/alice"), "ledger incomplete for another 12m");
}

TEST_F(ControlForecastTest, AnIncompleteLedgerBoundsItFromBelow) {
  restart();
  add_crawler("shop/alice", 1);
  ledger->set_times(ledger->slot_of("shop/alice"), {kIdle, minutes{1}, hours{12}});
  bleed("shop/alice");
  settle();
  EXPECT_EQ(forecast(), (DryForecast{kIdle, kIdle, kIdle}));
}

TEST_F(ControlForecastTest, AnOpenExchangeCannotBeForeseen) {
  bleed("shop/alice");
  view("shop/alice").node->open_exchange();
  settle();
  EXPECT_FALSE(forecast());
  EXPECT_NE(why_not(), "");
  view("shop/alice").node->close_exchange(clock.now());
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(why_not(), "");
}

TEST_F(ControlForecastTest, EachNodeHasItsOwn) {
  add_crawler("shop/alice", 1);
  clock.advance(minutes{5});
  add_crawler("shop/bob", 2);
  bleed("shop/alice");
  bleed("shop/bob");
  settle();
  EXPECT_EQ(forecast("shop/alice")->likely, kIdle - minutes{5});
  EXPECT_EQ(forecast("shop/bob")->likely, kIdle);
}

}  // namespace
}  // namespace bonedry::admin::test
