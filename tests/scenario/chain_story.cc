// Two bonedry in a row.
#include "tests/scenario/story.h"

namespace bonedry::test {
namespace {

class ChainStory : public ShopStory {
 protected:
  /// The inner one serves alice and bob; the outer one has it as its only node.
  void launch_both(std::vector<std::string> outer_session, std::vector<std::string> inner_session) {
    launch(config(std::move(inner_session)));
    outer_ = std::make_unique<BonedryProcess>(
        shop(workers(), {TestNode{"inner", bonedry_->address()}}, std::move(outer_session)));
  }
  [[nodiscard]] static std::uint64_t clashes(const BonedryProcess& at) {
    return at.status().at("pools").at(0).at("cookie_clashes");
  }
  /// Each of five clicks on the outer one, by the node that answered.
  std::string five_clicks() const {
    User user{outer_->address()};
    std::string nodes;
    for (int i = 0; i < 5; ++i) {
      user.click();
      nodes += (nodes.empty() ? "" : " ") + user.node();
    }
    return nodes;
  }

  std::unique_ptr<BonedryProcess> outer_;
};

TEST_P(ChainStory, OneCookieNameForBothIsToldOfOnceByEach) {
  launch_both({}, {});
  five_clicks();
  five_clicks();
  EXPECT_EQ(clashes(*outer_), 10U);
  EXPECT_GE(clashes(*bonedry_), 5U) << "the first answers tell the outer one";
  for (const BonedryProcess* const each : {outer_.get(), bonedry_.get()}) {
    EXPECT_TRUE(each->says("a cookie of the same name as the session cookie"));
    EXPECT_NE(each->admin("status").find("took the place of the session cookie"),
              std::string::npos);
    const std::string events = each->admin("events");
    const std::size_t first = events.find("a cookie of the same name");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(events.find("a cookie of the same name", first + 1), std::string::npos);
  }
}

TEST_P(ChainStory, ANameOfItsOwnKeepsUsersAtBoth) {
  launch_both({"cookie = \"front\""}, {});
  EXPECT_THAT(five_clicks(),
              testing::AnyOf("alice alice alice alice alice", "bob bob bob bob bob"));
  EXPECT_EQ(clashes(*outer_) + clashes(*bonedry_), 0U);
}

TEST_P(ChainStory, OneThatHasNoCookieIsNoTrouble) {
  launch_both({"sticky = \"none\""}, {});
  EXPECT_THAT(five_clicks(),
              testing::AnyOf("alice alice alice alice alice", "bob bob bob bob bob"));
  EXPECT_EQ(clashes(*outer_) + clashes(*bonedry_), 0U);
}

INSTANTIATE_TEST_SUITE_P(Workers, ChainStory, one_and_four_workers(), name_of_workers);

}  // namespace
}  // namespace bonedry::test
