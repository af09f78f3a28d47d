// The screen of `bonedryctl watch`, without a terminal.

#include "admin/ctl/watch/watch_picture.h"

#include "admin/ctl/watch/dialog_text.h"
#include "tests/unit/admin/sample_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <deque>
#include <string>

namespace bonedry::ctl::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WatchPictureTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no UTF-8 here";
  }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }

  [[nodiscard]] Picture picture(ScreenSize size = {}, Charset charset = Charset::utf8) const {
    return watch_picture({status, state, events, "shop", stale}, size, charset);
  }
  [[nodiscard]] std::string screen(ScreenSize size = {}, Charset charset = Charset::utf8) const {
    std::string text;
    for (const PictureLine& line : picture(size, charset).lines) text += text_of(line) + "\n";
    return text;
  }
  /// The line that has this text.
  [[nodiscard]] std::string line_with(const std::string& text, ScreenSize size = {}) const {
    for (const PictureLine& line : picture(size).lines) {
      if (text_of(line).find(text) != std::string::npos) return text_of(line);
    }
    return "";
  }
  void expect_that_it_fits(ScreenSize size, Charset charset) const {
    const Picture made = picture(size, charset);
    ASSERT_LE(made.lines.size(), size.rows);
    for (const PictureLine& line : made.lines) {
      std::size_t width = 0;
      for (const Span& span : line) width += display_width(span.text);
      ASSERT_LE(width, size.columns) << size.columns << "x" << size.rows << ": " << text_of(line);
    }
    if (!made.cursor) return;
    ASSERT_LT(made.cursor->first, size.columns);
    ASSERT_LT(made.cursor->second, size.rows);
  }

  WatchedStatus status = watched_shop();
  WatchState state;
  std::deque<std::string> events{"11:12:13Z shop/alice bleed: bleeding by root"};
  std::optional<WatchView::Stale> stale;
};

TEST_F(WatchPictureTest, AScreenOf80Columns) {
  EXPECT_EQ(screen(),
            R"(bonedry watch shop                                                100 requests/s
  NODE     STATE         HEALTH  DRY  LIVE PEND USERS LEFT     DRY IN CLICK OPEN
pool shop, 1 of 2 nodes active
> alice    ▼ bleeding    up      no      2    1 █▅▃            14m       3s    4
  bob        active      unknown -       7    0                -          -    0






── shop/alice ──────────────────────────────────────────────────────────────────
bleeding since 2026-11-30 11:12:13Z by root, reason: update 4.2, health up
2 live, 1 pending; open: 4 exchanges, 1 WebSocket; 12.3 requests/s; last click
3s ago
not dry: 2 live sessions, 1 pending session
dry in about 14m (9m to 31m)
── events ──────────────────────────────────────────────────────────────────────
11:12:13Z shop/alice bleed: bleeding by root




q quit   b bleed   a activate   m maintain   s sessions   w why   ? help
)");
}

TEST_F(WatchPictureTest, AWideScreenHasAllColumns) {
  EXPECT_THAT(line_with("NODE", {120, 24}), EndsWith("CLICK OPEN   WS  REQ/S"));
  EXPECT_THAT(line_with("> alice", {120, 24}), HasSubstr("14m (9m to 31m)"));
  EXPECT_THAT(line_with("> alice", {120, 24}), EndsWith("   3s    4    1   12.3"));
}

TEST_F(WatchPictureTest, WithoutUtf8ItIsAscii) {
  events.push_back("über");
  const std::string text = screen({}, Charset::ascii);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  })) << text;
  EXPECT_THAT(text, HasSubstr("> alice    v bleeding    up      no      2    1 #=:"));
  EXPECT_THAT(text, HasSubstr("-- shop/alice ---"));
  EXPECT_THAT(text, HasSubstr("\n?ber\n"));
}

TEST_F(WatchPictureTest, ADryNodeIsPlain) {
  status.pools[0].nodes[0].dry = true;
  EXPECT_EQ(line_with("bone dry"), "    shop/alice is bone dry: it can be updated now");
  EXPECT_THAT(line_with("> alice"), HasSubstr("DRY"));
  EXPECT_THAT(screen(), Not(HasSubstr("not dry")));
  EXPECT_THAT(screen(), Not(HasSubstr("dry in about")));
  status.pools[0].nodes[0].state = WatchedState::maintenance;
  EXPECT_THAT(line_with("> alice"), HasSubstr("■ maintenance"));
  EXPECT_THAT(line_with("    shop/alice"), "") << "somebody is at it already";
}

TEST_F(WatchPictureTest, StateHealthAndDrynessDifferWithoutColour) {
  status.pools[0].nodes[0].health = WatchedHealth::down;
  EXPECT_THAT(line_with("> alice"), HasSubstr("▼ bleeding    DOWN    no "));
  EXPECT_THAT(line_with("  bob"), HasSubstr("  active      unknown - "));
}

TEST_F(WatchPictureTest, ProblemsOfAPoolAreShown) {
  status.pools[0].problems = {"pool shop: no node takes new users: alice bleeding"};
  EXPECT_EQ(line_with("! "), "! pool shop: no node takes new users: alice bleeding");
}

TEST_F(WatchPictureTest, OldFiguresAreSaidToBeOld) {
  stale = WatchView::Stale{std::chrono::milliseconds{12'700}, "bonedry is not running"};
  EXPECT_THAT(screen(),
              StartsWith("! figures are 12s old, asking again: bonedry is not running\n"));
  EXPECT_THAT(screen({30, 10}), StartsWith("! figures are 12s old, asking"));
}

TEST_F(WatchPictureTest, TheSelectedNodeIsVisibleAmongMany) {
  status.pools[0].nodes.clear();
  for (int number = 0; number < 1000; ++number) {
    status.pools[0].nodes.push_back(active_node("n" + std::to_string(number)));
  }
  for (const int number : {0, 1, 7, 500, 998, 999}) {
    state.selected = "shop/n" + std::to_string(number);
    for (const std::size_t rows : {6UL, 10UL, 24UL, 50UL}) {
      EXPECT_THAT(line_with("> n", {80, rows}), StartsWith("> n" + std::to_string(number) + " "));
    }
  }
  EXPECT_THAT(screen(), HasSubstr("  n998 ")) << "the end is at the end";
  EXPECT_THAT(screen(), Not(HasSubstr("n980 ")));
}

TEST_F(WatchPictureTest, ASelectedNodeThatIsGoneIsTheFirst) {
  state.selected = "shop/carol";
  EXPECT_THAT(line_with("> "), StartsWith("> alice"));
  status.pools.clear();
  EXPECT_THAT(screen(), HasSubstr("q quit"));
}

TEST_F(WatchPictureTest, EverySizeFits) {
  status.pools[0].nodes[0].name = std::string(50, 'x');
  status.pools[0].nodes[1].title = "shop/漢字漢字漢字漢字";
  status.pools[0].nodes[1].name = "漢字漢字漢字漢字";
  status.pools[0].problems = {std::string(200, 'p')};
  status.pools[0].nodes[0].bleed->reason = std::string(256, 'r');
  events.push_back("漢字 " + std::string(300, 'e'));
  Dialog entering{WatchAction::bleed, Dialog::Step::reason, "shop/alice"};
  entering.input = std::string(256, 'i');
  Dialog refused{WatchAction::maintain, Dialog::Step::confirm_force, "shop/alice"};
  refused.refusal = std::string(300, 'n') + " 漢字";
  const std::vector<WatchState> states{
      {},
      {"shop/漢字漢字漢字漢字"},
      {"", entering},
      {"", refused},
      {"", Pane{"why shop/alice", {std::string(500, 'w'), "漢字"}, 1}},
      {"", {}, Notice{Notice::Kind::failed, std::string(400, 'n')}}};
  for (const WatchState& each : states) {
    state = each;
    for (std::size_t columns = 1; columns < 130; columns += columns < 42 ? 1 : 7) {
      for (std::size_t rows = 1; rows < 30; ++rows) {
        expect_that_it_fits({columns, rows}, Charset::utf8);
        expect_that_it_fits({columns, rows}, Charset::ascii);
      }
    }
  }
}

TEST_F(WatchPictureTest, ADialogIsShownInFullWithItsKeysLast) {
  Dialog dialog{WatchAction::bleed, Dialog::Step::reason, "shop/alice"};
  dialog.input = "update 4.2";
  state.open = dialog;
  EXPECT_THAT(screen(), EndsWith("Bleed shop/alice?\nReason (may be empty): update 4.2\n"
                                 "Enter next   Esc leave it\n"));
  const Picture made = picture();
  ASSERT_TRUE(made.cursor);
  EXPECT_EQ(made.cursor->first, 33U);
  EXPECT_EQ(made.cursor->second, 22U);
  EXPECT_THAT(screen({40, 10}), EndsWith("Enter next   Esc leave it\n"));
}

TEST_F(WatchPictureTest, WhatAConfirmationMeansIsSaid) {
  const auto text = [this](WatchAction action, Dialog::Step step,
                           const std::string& deadline = "") {
    Dialog dialog{action, step, "shop/alice"};
    dialog.deadline = deadline;
    dialog.refusal = "shop/alice is not dry";
    state.open = dialog;
    return screen({200, 30});
  };
  using Step = Dialog::Step;
  EXPECT_THAT(text(WatchAction::bleed, Step::confirm),
              HasSubstr("It gets no new users. Its 3 users stay until they leave.\n"));
  EXPECT_THAT(text(WatchAction::bleed, Step::confirm, "30m"),
              HasSubstr("After 30m those who are left are moved to other nodes."));
  EXPECT_THAT(text(WatchAction::activate, Step::confirm), HasSubstr("It gets new users again"));
  EXPECT_THAT(text(WatchAction::maintain, Step::confirm),
              HasSubstr("It is not dry: 2 live sessions, 1 pending session."));
  EXPECT_THAT(text(WatchAction::maintain, Step::refused),
              HasSubstr("bonedry refuses: shop/alice is not dry\nf force it   n leave it\n"));
  EXPECT_THAT(text(WatchAction::maintain, Step::confirm_force),
              HasSubstr("its 3 users are moved to other nodes at their next request"));
  status.pools[0].nodes.erase(status.pools[0].nodes.begin());
  EXPECT_THAT(text(WatchAction::bleed, Step::confirm), HasSubstr("shop/alice is gone"));
}

TEST_F(WatchPictureTest, APaneCoversTheNodes) {
  state.open = Pane{"why shop/alice", {"first", "second", std::string(100, 'x')}, 1};
  const std::string text = screen();
  EXPECT_THAT(text, HasSubstr("── why shop/alice ──"));
  EXPECT_THAT(text, Not(HasSubstr("first")));
  EXPECT_THAT(text, HasSubstr("\nsecond\n" + std::string(80, 'x') + "\n" + std::string(20, 'x')));
  EXPECT_THAT(text, EndsWith("q back   j k scroll   2 of 3 lines\n"));
}

TEST_F(WatchPictureTest, WordsAreWrappedWhole) {
  EXPECT_THAT(wrapped_lines("one two three", 7), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped_lines("", 7), testing::ElementsAre(""));
  EXPECT_THAT(wrapped_lines("abcdefgh", 3), testing::ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrapped_lines(std::string_view("漢").substr(0), 1), testing::ElementsAre("漢"));
  EXPECT_THAT(wrapped_lines("漢字", 1), testing::ElementsAre("漢", "字"));
}

}  // namespace
}  // namespace bonedry::ctl::test
