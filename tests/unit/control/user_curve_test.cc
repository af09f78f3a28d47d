#include "admin/user_curve.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace bonedry::admin {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using Point = UserCurve::Point;

TEST(UserCurveTest, ItsLastPointIsThePresent) {
  UserCurve curve;
  EXPECT_THAT(curve.points(), ElementsAre());
  curve.note({Millis{40}, 9});
  curve.note({Millis{540}, 8});
  curve.note({Millis{940}, 7});
  EXPECT_THAT(curve.points(), ElementsAre(Point{Millis{40}, 9}, Point{Millis{940}, 7}));
  curve.note({Millis{1040}, 6});
  curve.note({Millis{1140}, 5});
  EXPECT_THAT(curve.points(),
              ElementsAre(Point{Millis{40}, 9}, Point{Millis{1040}, 6}, Point{Millis{1140}, 5}));
}

TEST(UserCurveTest, TimesThatRunBackwardsAreIgnored) {
  UserCurve curve;
  curve.note({seconds{5}, 9});
  curve.note({seconds{5}, 8});
  curve.note({seconds{4}, 7});
  EXPECT_THAT(curve.points(), ElementsAre(Point{seconds{5}, 9}));
}

/// Ten times a second, as the control plane does; for a day every second.
TEST(UserCurveTest, HasFewPointsHoweverLongItTakes) {
  UserCurve curve;
  Millis at{0};
  for (; at < hours{25}; at += at < hours{1} ? Millis{100} : Millis{1000}) {
    curve.note({at, at.count()});
    const auto& points = curve.points();
    ASSERT_LE(points.size(), UserCurve::kMaxPoints);
    ASSERT_EQ(points.front(), (Point{Millis{0}, 0})) << "the beginning stays";
    ASSERT_EQ(points.back(), (Point{at, at.count()})) << "the last one is the present";
  }
  const auto& points = curve.points();
  EXPECT_GT(points.size(), UserCurve::kMaxPoints / 2);
  for (std::size_t index = 2; index < points.size(); ++index) {
    EXPECT_GE(points[index - 1].at - points[index - 2].at, curve.step());
    EXPECT_LE(points[index - 1].at - points[index - 2].at, curve.step() + seconds{10});
  }
  EXPECT_EQ(curve.step(), seconds{1024});
}

TEST(UserCurveTest, OnlyPointsOfACurveAreRestored) {
  const std::vector<Point> good{{seconds{0}, 4}, {seconds{1}, 0}};
  const auto curve = UserCurve::restored(seconds{2}, good);
  ASSERT_TRUE(curve);
  EXPECT_EQ(curve->points(), good);
  EXPECT_EQ(curve->step(), seconds{2});
  EXPECT_TRUE(UserCurve::restored(seconds{1}, {}));

  using Points = std::vector<Point>;
  EXPECT_FALSE(UserCurve::restored(seconds{0}, good));
  EXPECT_FALSE(UserCurve::restored(Millis::max(), good));
  EXPECT_FALSE(UserCurve::restored(seconds{1}, Points{{seconds{1}, 1}, {seconds{1}, 1}}));
  EXPECT_FALSE(UserCurve::restored(seconds{1}, Points{{seconds{0}, -1}}));
  EXPECT_FALSE(UserCurve::restored(seconds{1}, Points{{seconds{-1}, 1}}));
  EXPECT_FALSE(UserCurve::restored(seconds{1}, Points{{Millis::max(), 1}}));
  Points many(UserCurve::kMaxPoints + 1);
  for (std::size_t index = 0; index < many.size(); ++index) {
    many[index].at = seconds{static_cast<int>(index)};
  }
  EXPECT_FALSE(UserCurve::restored(seconds{1}, many));
}

}  // namespace
}  // namespace bonedry::admin
