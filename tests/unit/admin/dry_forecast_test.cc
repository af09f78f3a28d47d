#include "admin/dry_forecast.h"

#include "admin/forecast_reporter.h"

#include <gtest/gtest.h>

#include <chrono>

namespace bonedry::admin {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(DryForecast, IsRoundedToWhatPeopleWantToKnow) {
  EXPECT_EQ(to_text(session::DryForecast{minutes{14} + seconds{12}, minutes{9} + seconds{3},
                                         minutes{31}}),
            "dry in about 14m (9m to 31m)");
  EXPECT_EQ(to_text(session::DryForecast{Millis{8400}, Millis{2600}, seconds{63}}),
            "dry in about 8s (3s to 1m)");
  EXPECT_EQ(
      to_text(session::DryForecast{hours{3} + minutes{4}, minutes{59}, hours{11} + minutes{8}}),
      "dry in about 3h5m (59m to 11h)");
}

TEST(DryForecast, HasNoRangeWhereThereIsNoDoubt) {
  EXPECT_EQ(to_text(session::DryForecast{minutes{12}, minutes{12}, minutes{12}}), "dry in 12m");
  EXPECT_EQ(to_text(session::DryForecast{minutes{12}, minutes{12} - seconds{2},
                                         minutes{12} + seconds{3}}),
            "dry in 12m");
  EXPECT_EQ(to_text(session::DryForecast{}), "dry in 1s")
      << "never at once while somebody is there";
}

TEST(DryForecast, OfTwoPartsOfTheUsersTheLaterHolds) {
  const DryOutlook nobody;
  const DryOutlook short_stay{DryForecast{minutes{3}, minutes{2}, minutes{30}}, ""};
  const DryOutlook long_stay{DryForecast{minutes{9}, minutes{1}, minutes{20}}, ""};
  const DryOutlook unknown{{}, "not enough users have left for a forecast"};
  EXPECT_EQ(later_of(nobody, short_stay), short_stay);
  EXPECT_EQ(later_of(short_stay, nobody), short_stay);
  EXPECT_EQ(later_of(short_stay, long_stay),
            (DryOutlook{DryForecast{minutes{9}, minutes{2}, minutes{30}}, ""}));
  EXPECT_EQ(later_of(short_stay, unknown), unknown);
  EXPECT_EQ(later_of(unknown, short_stay), unknown);
  EXPECT_EQ(later_of(nobody, nobody), nobody);
}

class ForecastNewsTest : public testing::Test {
 protected:
  /// The report of a forecast; "" when nothing is reported.
  std::string tell(Millis likely, Millis low, Millis high) {
    return news.of({"shop", "alice"}, {likely, low, high}, now).value_or("");
  }

  ForecastReporter news;
  Instant now{1'000'000};
};

TEST_F(ForecastNewsTest, TheFirstIsNewsAndOneThatHoldsIsNot) {
  EXPECT_EQ(tell(minutes{14}, minutes{9}, minutes{31}), "dry in about 14m (9m to 31m)");
  for (int i = 0; i < 30; ++i) {
    now = now + minutes{1};
    EXPECT_EQ(tell(minutes{29 - i}, minutes{1}, minutes{90}), "") << i;
  }
}

TEST_F(ForecastNewsTest, OneThatWasNotThoughtPossibleIsNews) {
  (void)tell(minutes{14}, minutes{9}, minutes{31});
  now = now + minutes{10};
  EXPECT_EQ(tell(minutes{25}, minutes{20}, minutes{45}),
            "dry in about 25m (20m to 45m), later than forecast before");
  now = now + minutes{2};
  EXPECT_EQ(tell(minutes{3}, minutes{3}, minutes{3}), "dry in 3m, sooner than forecast before");
}

TEST_F(ForecastNewsTest, ItIsNotToldEveryMoment) {
  (void)tell(minutes{14}, minutes{9}, minutes{31});
  now = now + seconds{59};
  EXPECT_EQ(tell(hours{2}, hours{1}, hours{3}), "");
  now = now + seconds{1};
  EXPECT_NE(tell(hours{2}, hours{1}, hours{3}), "");
}

TEST_F(ForecastNewsTest, ACertainForecastMayBeALittleWrong) {
  (void)tell(minutes{20}, minutes{20}, minutes{20});
  now = now + minutes{5};
  EXPECT_EQ(tell(minutes{16}, minutes{16}, minutes{16}), "");
  EXPECT_NE(tell(minutes{18}, minutes{18}, minutes{18}), "");
}

TEST_F(ForecastNewsTest, TheNextBleedHasItsOwnFirst) {
  (void)tell(minutes{14}, minutes{9}, minutes{31});
  news.keep_only({{"shop", "alice"}, {"shop", "bob"}});
  EXPECT_EQ(tell(minutes{14}, minutes{9}, minutes{31}), "");
  news.keep_only({{"shop", "bob"}});
  EXPECT_EQ(tell(minutes{14}, minutes{9}, minutes{31}), "dry in about 14m (9m to 31m)");
}

}  // namespace
}  // namespace bonedry::admin
