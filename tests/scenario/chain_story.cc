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
  [[nodiscard]] std::uint64_t clashes() const {
    return bonedry_->status().at("pools").at(0).at("cookie_clashes");
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

TEST_P(ChainStory, OneCookieNameForBothIsToldOfOnce) {
  launch_both({}, {});
  five_clicks();
  EXPECT_EQ(clashes(), 5U);
  EXPECT_TRUE(bonedry_->says("requests come through another bonedry"));
  EXPECT_NE(bonedry_->admin("status").find("5 requests through another bonedry"),
            std::string::npos);
  five_clicks();
  const std::string events = bonedry_->admin("events");
  const std::size_t first = events.find("through another bonedry");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(events.find("through another bonedry", first + 1), std::string::npos);
}

TEST_P(ChainStory, ANameOfItsOwnKeepsUsersAtBoth) {
  launch_both({"cookie = \"front\""}, {});
  const std::string nodes = five_clicks();
  EXPECT_THAT(nodes, testing::AnyOf("alice alice alice alice alice", "bob bob bob bob bob"));
  EXPECT_EQ(clashes(), 0U);
  EXPECT_THAT(alice_.requests_for("/") == 0 ? bob_.last("/").headers.all("Via")
                                           : alice_.last("/").headers.all("Via"),
              testing::ElementsAre("1.1 bonedry (cookie front)", "1.1 bonedry"));
}

TEST_P(ChainStory, OneThatTakesNoCookieAwayIsNoTrouble) {
  launch_both({"sticky = \"none\""}, {});
  five_clicks();
  EXPECT_EQ(clashes(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Workers, ChainStory, one_and_four_workers(), name_of_workers);

}  // namespace
}  // namespace bonedry::test
