// What the keys of `bonedryctl watch` do.

#include "admin/ctl/watch/watch_operator.h"

#include "tests/unit/admin/sample_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::ctl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Key::Kind;
using Wish = WatchOperator::Wish;

class WatchOperatorTest : public testing::Test {
 protected:
  WatchOperator::Step press(const Key& key) { return keys.on_key(key, status, 24); }
  /// Types a text; returns the commands that it has led to.
  std::vector<std::string> type(const std::string& text) {
    std::vector<std::string> sent;
    for (const char character : text) {
      const Key key =
          character == '\n' ? Key{Kind::enter} : Key{Kind::character, std::string(1, character)};
      const auto step = press(key);
      if (step.wish == Wish::send) sent.push_back(step.line);
    }
    return sent;
  }
  [[nodiscard]] const Dialog& dialog() const { return std::get<Dialog>(keys.state().open); }
  [[nodiscard]] bool nothing_is_open() const {
    return std::holds_alternative<std::monostate>(keys.state().open);
  }
  [[nodiscard]] std::string selected() const {
    const WatchedNode* const node = selected_node(status, keys.state());
    return node == nullptr ? "" : node->name;
  }

  WatchedStatus status = watched_shop();
  WatchOperator keys;
};

TEST_F(WatchOperatorTest, SelectsNodes) {
  EXPECT_EQ(selected(), "alice");
  (void)press({Kind::down});
  EXPECT_EQ(selected(), "bob");
  (void)press({Kind::down});
  EXPECT_EQ(selected(), "bob") << "there are no more";
  (void)type("k");
  EXPECT_EQ(selected(), "alice");
  (void)type("j");
  EXPECT_EQ(selected(), "bob");
  (void)press({Kind::first});
  EXPECT_EQ(selected(), "alice");
  (void)press({Kind::page_down});
  EXPECT_EQ(selected(), "bob");
  status.pools[0].nodes.insert(status.pools[0].nodes.begin(), active_node("aaron"));
  EXPECT_EQ(selected(), "bob") << "a new node does not change what is selected";
}

TEST_F(WatchOperatorTest, BleedsWithReasonAndDeadlineAfterAConfirmation) {
  EXPECT_THAT(type("jbupdate \"4.2\"\n"), IsEmpty());
  EXPECT_THAT(type("30m\n"), IsEmpty());
  EXPECT_EQ(dialog().step, Dialog::Step::confirm);
  EXPECT_THAT(type("y"),
              ElementsAre(R"(bleed "shop/bob" --deadline 30m --reason "update \"4.2\"")"));
  EXPECT_THAT(type("yyy"), IsEmpty()) << "once";
  keys.on_response("shop/bob is bleeding: 7 live and 0 pending sessions\n");
  EXPECT_TRUE(nothing_is_open());
  ASSERT_TRUE(keys.state().notice);
  EXPECT_EQ(keys.state().notice->kind, Notice::Kind::done);
  EXPECT_EQ(keys.state().notice->text, "shop/bob is bleeding: 7 live and 0 pending sessions");
}

TEST_F(WatchOperatorTest, ReasonAndDeadlineMayBeEmpty) {
  EXPECT_THAT(type("b\n\ny"), ElementsAre(R"(bleed "shop/alice")"));
}

TEST_F(WatchOperatorTest, AWrongDeadlineIsAskedForAgain) {
  (void)type("b\nsoon\n");
  EXPECT_EQ(dialog().step, Dialog::Step::deadline);
  EXPECT_THAT(dialog().wrong, HasSubstr("--deadline takes a duration"));
  (void)press({Kind::clear});
  EXPECT_THAT(type("5mm"), IsEmpty());
  (void)press({Kind::backspace});
  EXPECT_EQ(dialog().input, "5m");
  EXPECT_THAT(type("\ny"), ElementsAre(R"(bleed "shop/alice" --deadline 5m)"));
}

TEST_F(WatchOperatorTest, BackspaceRemovesWholeCharacters) {
  (void)type("ba");
  (void)press({Kind::character, "é"});
  (void)press({Kind::character, "漢"});
  (void)press({Kind::backspace});
  EXPECT_EQ(dialog().input, "aé");
  (void)press({Kind::backspace});
  (void)press({Kind::backspace});
  (void)press({Kind::backspace});
  EXPECT_EQ(dialog().input, "");
}

TEST_F(WatchOperatorTest, AReasonHasALimit) {
  (void)type("b" + std::string(1000, 'x'));
  EXPECT_EQ(dialog().input.size(), 256U);
  EXPECT_THAT(type("\n\ny"), testing::SizeIs(1));
}

TEST_F(WatchOperatorTest, NothingHappensWithoutAYes) {
  for (const std::string no : {"an", "mn", "b\n\nn", "ax", "m\n"}) {
    EXPECT_THAT(type(no), IsEmpty()) << no;
    (void)press({Kind::escape});
    EXPECT_TRUE(nothing_is_open()) << no;
  }
  EXPECT_THAT(type("b"), IsEmpty());
  EXPECT_EQ(press({Kind::escape}).wish, Wish::nothing);
  EXPECT_TRUE(nothing_is_open());
}

TEST_F(WatchOperatorTest, ActivatesAndMaintains) {
  EXPECT_THAT(type("ay"), ElementsAre(R"(activate "shop/alice")"));
  keys.on_response("shop/alice is active\n");
  EXPECT_THAT(type("my"), ElementsAre(R"(maintain "shop/alice")"));
}

TEST_F(WatchOperatorTest, ARefusalCanBeForcedAfterAnotherConfirmation) {
  (void)type("b\n\ny");
  keys.on_response("error: only 1 active node is left; --force overrides\n");
  EXPECT_EQ(dialog().step, Dialog::Step::refused);
  EXPECT_EQ(dialog().refusal, "only 1 active node is left");
  EXPECT_THAT(type("y"), IsEmpty()) << "not by the key of the confirmation before";
  EXPECT_THAT(type("f"), IsEmpty());
  EXPECT_EQ(dialog().step, Dialog::Step::confirm_force);
  EXPECT_THAT(type("y"), ElementsAre(R"(bleed "shop/alice" --force)"));
}

TEST_F(WatchOperatorTest, ARefusalCanBeLeft) {
  (void)type("my");
  keys.on_response("error: shop/alice is not dry; --force overrides\n");
  EXPECT_THAT(type("n"), IsEmpty());
  EXPECT_TRUE(nothing_is_open());
}

TEST_F(WatchOperatorTest, OtherErrorsAreShown) {
  (void)type("ay");
  keys.on_response("error: token 'ci' may not \x1b[2J\n");
  EXPECT_TRUE(nothing_is_open());
  ASSERT_TRUE(keys.state().notice);
  EXPECT_EQ(keys.state().notice->kind, Notice::Kind::failed);
  EXPECT_EQ(keys.state().notice->text, "token 'ci' may not \\x1b[2J");
  (void)press({Kind::escape});
  EXPECT_FALSE(keys.state().notice);
}

TEST_F(WatchOperatorTest, ALostConnectionIsShown) {
  (void)type("ay");
  keys.on_lost("the connection was lost");
  EXPECT_TRUE(nothing_is_open());
  EXPECT_EQ(keys.state().notice->text, "the connection was lost");
  EXPECT_THAT(type("ay"), testing::SizeIs(1)) << "it can be tried again";
}

TEST_F(WatchOperatorTest, ShowsSessionsAndWhy) {
  EXPECT_THAT(type("s"), ElementsAre(R"(sessions "shop/alice")"));
  EXPECT_THAT(type("w"), IsEmpty()) << "one command at a time";
  keys.on_response("SESSION\n5d8b\x1b\n\n2 sessions\n");
  const auto* pane = std::get_if<Pane>(&keys.state().open);
  ASSERT_NE(pane, nullptr);
  EXPECT_EQ(pane->title, "sessions shop/alice");
  EXPECT_THAT(pane->lines, ElementsAre("SESSION", "5d8b\\x1b", "", "2 sessions"));
  (void)type("jjjjjjj");
  EXPECT_EQ(std::get<Pane>(keys.state().open).first, 3U);
  (void)type("k");
  EXPECT_EQ(std::get<Pane>(keys.state().open).first, 2U);
  EXPECT_EQ(press({Kind::character, "q"}).wish, Wish::nothing) << "closes the pane only";
  EXPECT_TRUE(nothing_is_open());
  EXPECT_THAT(type("w"), ElementsAre(R"(why "shop/alice")"));
}

TEST_F(WatchOperatorTest, AnErrorInPlaceOfATextIsShown) {
  (void)type("s");
  keys.on_response("error: unknown node 'shop/alice'\n");
  EXPECT_TRUE(nothing_is_open());
  EXPECT_EQ(keys.state().notice->text, "unknown node 'shop/alice'");
}

TEST_F(WatchOperatorTest, AResponseThatComesLateIsANotice) {
  (void)type("ay");
  (void)press({Kind::escape});
  keys.on_response("error: no; --force overrides\n");
  EXPECT_TRUE(nothing_is_open());
  EXPECT_EQ(keys.state().notice->kind, Notice::Kind::failed);
}

TEST_F(WatchOperatorTest, HelpsAndQuits) {
  (void)type("?");
  ASSERT_TRUE(std::holds_alternative<Pane>(keys.state().open));
  (void)press({Kind::escape});
  EXPECT_EQ(press({Kind::character, "q"}).wish, Wish::quit);
}

TEST_F(WatchOperatorTest, WithoutNodesThereIsNothingToDo) {
  status.pools.clear();
  EXPECT_THAT(type("bams"), IsEmpty());
  (void)press({Kind::down});
  EXPECT_TRUE(nothing_is_open());
}

}  // namespace
}  // namespace bonedry::ctl::test
