// The curve of the users who are left on a node that bleeds: what it shows, and that no restart and
// no upgrade loses it.
#include "tests/scenario/story.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class CurveStory : public ShopStory {
 protected:
  /// Alice bleeds with three users.
  void bleed_alice() {
    TestConfig shop = config({R"(logout = [ { method = "GET", path = "/logout" } ])"});
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"1s\""};
    launch(std::move(shop));
    users_ = live_users_on_alice(3);
    order("bleed alice");
    ASSERT_TRUE(shows(3));
  }
  void one_leaves() {
    users_.back().click("/logout");
    users_.pop_back();
  }

  [[nodiscard]] nlohmann::json curve() const {
    const auto bleeding = node(alice_).bleeding;
    return bleeding.is_null() ? nlohmann::json() : bleeding.at("curve");
  }
  /// Whether the curve now ends with so many users.
  [[nodiscard]] bool shows(std::int64_t left) const {
    return eventually([&] {
      const auto points = curve();
      return !points.is_null() && points.back().at(1) == left;
    });
  }
  [[nodiscard]] std::string state_file() const { return bonedry_->state_dir() + "/curves.json"; }

  std::vector<User> users_;
};

INSTANTIATE_TEST_SUITE_P(Workers, CurveStory, testing::Values(1U), name_of_workers);

TEST_P(CurveStory, FallsUntilTheNodeIsDry) {
  bleed_alice();
  for (std::int64_t left = 2; left >= 0; --left) {
    one_leaves();
    EXPECT_TRUE(shows(left));
  }
  ASSERT_TRUE(eventually_dry(alice_));
  const auto end = curve();
  EXPECT_EQ(end.front().at(1), 3);
  EXPECT_LT(end.front().at(0), end.back().at(0));
  order("maintain alice");
  EXPECT_EQ(curve(), end);
  order("activate alice");
  EXPECT_TRUE(curve().is_null());
}

TEST_P(CurveStory, ARestartAndAnUpgradeKeepIt) {
  bleed_alice();
  one_leaves();
  ASSERT_TRUE(shows(2));
  const auto before = curve().front();
  bonedry_->restart();
  EXPECT_TRUE(eventually([&] { return !curve().is_null(); }));
  EXPECT_EQ(curve().front(), before);
  EXPECT_TRUE(shows(2));
  bonedry_->upgrade();
  EXPECT_TRUE(eventually([&] { return !curve().is_null(); }));
  EXPECT_EQ(curve().front(), before);
  users_.back().go_to(bonedry_->address());
  one_leaves();
  EXPECT_TRUE(shows(1));
}

TEST_P(CurveStory, ADamagedFileOnlyLosesIt) {
  bleed_alice();
  bonedry_->stop();
  EXPECT_THAT(read_file(state_file()), HasSubstr("shop/alice"));
  write_file(state_file(), "{\"version\":1,");
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("the curves of the users who are left begin anew: "));
  EXPECT_TRUE(shows(3)) << "it begins with the start";
  EXPECT_EQ(node(alice_).state, "bleeding");
}

}  // namespace
}  // namespace bonedry::test
