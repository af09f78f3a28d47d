// The curve of the users who are left on a node that is out of rotation.

#include "admin/user_curves.h"

#include "admin/user_curve_keeper.h"
#include "proxy/base/file.h"
#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

#include <filesystem>

namespace bonedry::admin::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Point = UserCurve::Point;

class UserCurvesTest : public ControlTest {
 protected:
  [[nodiscard]] std::vector<Point> curve(const std::string& key = "shop/alice") const {
    const auto bleeding = status(key).bleeding;
    return bleeding ? bleeding->curve : std::vector<Point>{};
  }
  /// Ticks like the program does, ten times a second.
  void tick_for(Millis time) {
    for (Millis passed{0}; passed < time; passed += Millis{100}) pass(Millis{100});
  }
};

TEST_F(UserCurvesTest, AnActiveNodeHasNone) {
  add_user("shop/alice", 1);
  tick_for(seconds{2});
  EXPECT_THAT(curve(), IsEmpty());
}

TEST_F(UserCurvesTest, ItBeginsWithTheBleedAndEndsWithIt) {
  add_user("shop/alice", 1);
  add_crawler("shop/alice", 2);
  bleed("shop/alice");
  tick_for(seconds{2});
  ASSERT_THAT(curve(), SizeIs(3));
  EXPECT_EQ(curve().front().users, 2) << "live and pending";
  EXPECT_LE(curve().front().at, Millis{100});
  EXPECT_EQ(curve().back(), (Point{seconds{2}, 2}));
  activate("shop/alice");
  tick_for(seconds{1});
  EXPECT_THAT(curve(), IsEmpty());
  bleed("shop/alice");
  tick_for(Millis{500});
  EXPECT_EQ(curve().back(), (Point{Millis{500}, 2})) << "a new bleed begins a new one";
}

TEST_F(UserCurvesTest, ANewBleedBeginsAnewEvenBetweenTwoTicks) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{5});
  clock.advance(Millis{50});
  activate("shop/alice");
  bleed("shop/alice");
  tick_for(Millis{100});
  EXPECT_THAT(curve(), ElementsAre(Point{Millis{100}, 1}));
}

TEST_F(UserCurvesTest, ASecondBleedOfABleedingNodeChangesNothing) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{5});
  bleed_until("shop/alice", minutes{30});
  tick_for(seconds{1});
  EXPECT_EQ(curve().back(), (Point{seconds{6}, 1}));
}

TEST_F(UserCurvesTest, ADryNodeKeepsItAsItIs) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{2});
  pass(kIdle);
  ASSERT_TRUE(dry("shop/alice"));
  const auto end = curve();
  EXPECT_EQ(end.back().users, 0);
  tick_for(seconds{5});
  EXPECT_EQ(curve(), end);
  maintain("shop/alice");
  tick_for(seconds{5});
  EXPECT_EQ(curve(), end) << "maintenance of a dry node adds nothing";
}

TEST_F(UserCurvesTest, ItGoesOnInMaintenance) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{3});
  const std::size_t before = curve().size();
  maintain("shop/alice", Force::yes);
  tick_for(seconds{1});
  EXPECT_GE(curve().size(), before);
  EXPECT_EQ(curve().front().users, 1);
  EXPECT_EQ(curve().back().users, 0) << "the user was moved off";
}

TEST_F(UserCurvesTest, ARestartKeepsIt) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{5});
  const auto before = curve();
  curves = control->curves();
  clock.advance(seconds{2});
  clock.jump_wall(Millis{300});
  restart_on_ledger();
  tick_for(seconds{1});
  ASSERT_GT(curve().size(), before.size());
  EXPECT_EQ(curve().front(), before.front());
  EXPECT_EQ(curve().back(), (Point{seconds{8}, 1}));
}

TEST_F(UserCurvesTest, ARestartInMaintenanceKeepsIt) {
  bleed("shop/alice");
  tick_for(seconds{5});
  const auto before = curve();
  ASSERT_TRUE(dry("shop/alice"));
  curves = control->curves();  // the last time before a kill
  maintain("shop/alice");
  restart_on_ledger();
  tick_for(seconds{1});
  EXPECT_EQ(curve(), before);
  curves = control->curves();
  restart_on_ledger();
  tick_for(seconds{1});
  EXPECT_EQ(curve(), before);
}

TEST_F(UserCurvesTest, TheCurveOfAnotherBleedIsDropped) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{5});
  curves = control->curves();
  activate("shop/alice");
  clock.advance(seconds{1});
  bleed("shop/alice");
  restart_on_ledger();
  tick_for(Millis{100});
  EXPECT_THAT(curve(), SizeIs(1));
  curves[node_id("shop/bob")] = curves.begin()->second;  // bob is active
  restart_on_ledger();
  tick_for(Millis{100});
  EXPECT_THAT(control->curves(), SizeIs(1));
}

TEST_F(UserCurvesTest, ARenamedNodeKeepsIt) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{5});
  shop().nodes[0].name = "anna";
  shop().nodes[0].formerly = {"alice"};
  reload();
  tick_for(seconds{1});
  EXPECT_EQ(curve("shop/anna").back(), (Point{seconds{6}, 1}));
  curves = control->curves();
  shop().nodes[0].name = "anne";
  shop().nodes[0].formerly = {"anna"};
  restart_on_ledger();
  tick_for(seconds{1});
  EXPECT_EQ(curve("shop/anne").back(), (Point{seconds{7}, 1}));
}

TEST_F(UserCurvesTest, StandbyAddsNothing) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  tick_for(seconds{1});
  const auto before = curve();
  control->begin_standby();
  tick_for(seconds{3});
  EXPECT_EQ(curve(), before);
}

class UserCurveKeeperTest : public UserCurvesTest {
 protected:
  void bleed_alice() {
    add_user("shop/alice", 1);
    bleed("shop/alice");
    tick_for(seconds{3});
  }
  [[nodiscard]] bool is_saved() const { return std::filesystem::exists(path); }

  const std::string path = directory / "state/curves.json";
  UserCurveKeeper keeper{path, clock};
};

TEST_F(UserCurveKeeperTest, SavesNowAndThenWhatBleeds) {
  tick_for(seconds{20});
  keeper.tick(*control);
  EXPECT_FALSE(is_saved()) << "nothing bleeds";
  bleed_alice();
  keeper.tick(*control);
  EXPECT_FALSE(is_saved()) << "too early";
  clock.advance(UserCurveKeeper::kPause);
  keeper.tick(*control);
  EXPECT_TRUE(is_saved());
  EXPECT_EQ(keeper.load(), control->curves());
  ASSERT_THAT(keeper.load(), SizeIs(1));

  std::filesystem::remove(path);
  clock.advance(UserCurveKeeper::kPause);
  keeper.tick(*control);
  EXPECT_FALSE(is_saved()) << "nothing has changed";
}

TEST_F(UserCurveKeeperTest, InStandbyAnotherProcessHasTheFile) {
  bleed_alice();
  control->begin_standby();
  clock.advance(UserCurveKeeper::kPause);
  keeper.tick(*control);
  keeper.save(*control);
  EXPECT_FALSE(is_saved());
}

TEST_F(UserCurveKeeperTest, ADamagedFileOnlyLosesTheCurves) {
  EXPECT_THAT(keeper.load(), IsEmpty()) << "no file";
  bleed_alice();
  keeper.save(*control);
  const std::string good = *read_file(path);
  const UserCurveStore file(path);
  ASSERT_TRUE(file.load());
  for (std::size_t length = 0; length + 1 < good.size(); length += 7) {
    ASSERT_TRUE(replace_file(path, good.substr(0, length), 0600));
    EXPECT_FALSE(file.load()) << length;
    EXPECT_THAT(keeper.load(), IsEmpty());
  }
  const auto refused = [&](const std::string& text) {
    EXPECT_TRUE(replace_file(path, text, 0600));
    const auto loaded = file.load();
    return !loaded && loaded.error().starts_with(path + ": ");
  };
  const auto with = [](const std::string& node, const std::string& rest) {
    return R"({"version":1,"curves":{")" + node + R"(":{)" + rest + "}}}";
  };
  EXPECT_TRUE(refused(R"({"version":2,"curves":{}})"));
  const auto left_out = [&](const std::string& text) {
    EXPECT_TRUE(replace_file(path, text, 0600));
    const auto loaded = file.load();
    return loaded && loaded->empty();
  };
  EXPECT_TRUE(left_out(with("alice", R"("since_ms":1,"began_ms":1,"step_ms":1000,"points":[])")));
  EXPECT_TRUE(left_out(with("shop/alice", R"("since_ms":1,"began_ms":1,"points":[])")));
  EXPECT_TRUE(
      left_out(with("shop/alice", R"("since_ms":1,"began_ms":2,"step_ms":1000,"points":[])")));
  EXPECT_TRUE(
      left_out(with("shop/alice", R"("since_ms":1,"began_ms":1,"step_ms":1000,"points":[[5]])")));
  EXPECT_TRUE(left_out(
      with("shop/alice", R"("since_ms":1,"began_ms":1,"step_ms":1000,"points":[[5,1],[4,1]])")));
  EXPECT_FALSE(left_out(
      with("shop/alice", R"("since_ms":1,"began_ms":1,"step_ms":1000,"points":[[5,1],[6,1]])")));
}

TEST_F(UserCurveKeeperTest, OneDamagedCurveLeavesTheOthers) {
  const std::string good = R"({"since_ms":1,"began_ms":1,"step_ms":1000,"points":[[5,1],[6,1]]})";
  ASSERT_TRUE(replace_file(path,
                           R"({"version":1,"curves":{"shop/alice":)" + good +
                               R"(,"shop/bob":{"since_ms":7},"shop/carol":)" + good + "}}",
                           0600));
  EXPECT_THAT(keeper.load(), SizeIs(2));
}

TEST_F(UserCurveKeeperTest, ABeginningBeforeTheEpochIsSavedAsTheEpoch) {
  const auto curve = UserCurve::restored(Millis{1000}, {{Millis{5}, 1}, {Millis{6}, 1}});
  ASSERT_TRUE(curve);
  UserCurveStore file(path);
  ASSERT_TRUE(file.save({{"shop/alice"_node, {WallTime{1}, WallTime{-7}, *curve}}}));
  const auto loaded = file.load();
  ASSERT_TRUE(loaded);
  ASSERT_THAT(*loaded, SizeIs(1));
  EXPECT_EQ(loaded->begin()->second.began.ms, 0);
}

TEST_F(UserCurveKeeperTest, ASaveThatFailsIsTriedAgain) {
  bleed_alice();
  break_disk();
  keeper.save(*control);
  mend_disk();
  EXPECT_FALSE(is_saved());
  keeper.save(*control);
  EXPECT_TRUE(is_saved());
}

}  // namespace
}  // namespace bonedry::admin::test
