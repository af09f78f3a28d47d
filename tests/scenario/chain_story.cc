// Two bonedry in series.
#include "tests/scenario/story.h"

namespace bonedry::test {
namespace {

class ChainStory : public ShopStory {
 protected:
  /// The inner one serves alice and bob; it is the only node of the outer one.
  void launch_both(std::vector<std::string> outer_session, std::vector<std::string> inner_session) {
    TestConfig inner = config(std::move(inner_session));
    inner.server = {"trusted_proxies = [\"127.0.0.1\"]"};
    launch(inner);
    outer_ = std::make_unique<BonedryProcess>(
        shop(workers(), {TestNode{"inner", bonedry_->address()}}, std::move(outer_session)));
  }
  [[nodiscard]] static std::uint64_t clashes(const BonedryProcess& at) {
    return at.status().at("pools").at(0).at("cookie_clashes");
  }
  /// The nodes that responded to five clicks on the outer one, in order.
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
    EXPECT_TRUE(each->says("they overwrite each other"));
    EXPECT_NE(each->admin("status").find("overwrote the session cookie"), std::string::npos);
    const std::string events = each->admin("events");
    const std::size_t first = events.find("they overwrite each other");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(events.find("they overwrite each other", first + 1), std::string::npos);
  }
}

TEST_P(ChainStory, NobodyElseCanSayThatThereAreTwo) {
  launch(config());
  HttpClient stranger{bonedry_->address()};
  EXPECT_EQ(stranger.get("/forged", {{"Via", "1.1 bonedry (cookie bonedry)"}}).status, 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(stranger.get("/").status, 200);
  for (const FakeNode* const node : {&alice_, &bob_}) {
    for (const NodeRequest& request : node->seen()) {
      if (request.path() == "/forged") continue;
      EXPECT_EQ(request.raw_head.find("(cookie"), std::string::npos) << request.raw_head;
    }
  }
  EXPECT_EQ(bonedry_->admin("events").find("of the same name"), std::string::npos);
  EXPECT_EQ(clashes(*bonedry_), 0U);
}

TEST_P(ChainStory, WhatATrustedProxySaysMarksNoRequest) {
  launch_both({"sticky = \"none\""}, {});
  HttpClient client{outer_->address()};
  EXPECT_EQ(client.get("/", {{"Via", "1.1 bonedry (cookie bonedry)"}}).status, 200);
  EXPECT_EQ(clashes(*bonedry_), 1U);
  five_clicks();
  EXPECT_EQ(clashes(*bonedry_), 1U);
  for (const FakeNode* const node : {&alice_, &bob_}) {
    for (const NodeRequest& request : node->seen()) {
      const std::size_t ours = request.raw_head.rfind("1.1 bonedry");
      EXPECT_EQ(request.raw_head.find("(cookie", ours), std::string::npos) << request.raw_head;
    }
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

INSTANTIATE_TEST_SUITE_P(Workers, ChainStory, worker_counts(), name_of_workers);

}  // namespace
}  // namespace bonedry::test
