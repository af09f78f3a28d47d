#include "admin/event_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

class EventLogTest : public testing::Test {
 protected:
  EventLogTest() { spdlog::set_level(spdlog::level::off); }

  ManualClock clock;
  EventLog log{clock};
};

TEST_F(EventLogTest, AnEventIsKeptWithItsTime) {
  clock.advance(std::chrono::seconds{5});
  log.add("bleed", "shop/alice", "bleeding by root");
  ASSERT_EQ(log.recent().size(), 1U);
  EXPECT_EQ(log.recent()[0].at, clock.wall());
  EXPECT_EQ(log.recent()[0].kind, "bleed");
  EXPECT_EQ(log.recent()[0].node, "shop/alice");
  EXPECT_EQ(log.recent()[0].text, "bleeding by root");
}

/// What the process log gets, as "level text".
class EventLevelTest : public testing::Test {
 protected:
  EventLevelTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("test", std::move(sink));
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  }
  ~EventLevelTest() override { spdlog::set_default_logger(before_); }

  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
  ManualClock clock;
  EventLog log{clock};
};

TEST_F(EventLevelTest, EventsHaveTheLevelOfWhatTheyMean) {
  log.add("bleed", "shop/alice", "bleeding");
  log.warn("health", "shop/alice", "up -> down");
  log.warn("evict", "the ledger is full");
  log.error("", "the upgrade failed");
  log.error("shop/alice", "cannot save\x1b[2J");
  EXPECT_EQ(text_.str(),
            "info bleed shop/alice: bleeding\n"
            "warning health shop/alice: up -> down\n"
            "warning evict: the ledger is full\n"
            "error error: the upgrade failed\n"
            "error error shop/alice: cannot save\\x1b[2J\n");
  ASSERT_EQ(log.recent().size(), 5U);
  EXPECT_EQ(log.recent()[1].node, "shop/alice");
  EXPECT_EQ(log.recent()[4].kind, "error");
}

TEST_F(EventLogTest, OnlyTheRecentPastIsKept) {
  for (std::size_t i = 0; i < EventLog::kKept + 10; ++i) log.add("n", "", std::to_string(i));
  ASSERT_EQ(log.recent().size(), EventLog::kKept);
  EXPECT_EQ(log.recent().front().text, "10");
  EXPECT_EQ(log.recent().back().text, std::to_string(EventLog::kKept + 9));
}

TEST_F(EventLogTest, EveryFollowerHearsEveryEventFromThenOn) {
  std::vector<std::string> heard;
  log.add("n", "", "before");
  log.follow([&heard](const Event& event) { heard.push_back("one:" + event.text); });
  log.follow([&heard](const Event& event) { heard.push_back("two:" + event.text); });
  log.add("n", "", "a");
  EXPECT_EQ(heard, (std::vector<std::string>{"one:a", "two:a"}));
}

TEST_F(EventLogTest, AFollowerMayUnfollowItselfWhileItIsCalled) {
  int calls = 0;
  EventLog::FollowId id = 0;
  id = log.follow([this, &calls, &id](const Event&) {
    ++calls;
    log.unfollow(id);
  });
  log.add("n", "", "a");
  log.add("n", "", "b");
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLogTest, AFollowerMayUnfollowAnother) {
  int calls = 0;
  EventLog::FollowId second = 0;
  log.follow([this, &second](const Event&) { log.unfollow(second); });
  second = log.follow([&calls](const Event&) { ++calls; });
  log.add("n", "", "a");
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLogTest, AFollowerMayAddAnEvent) {
  std::vector<std::string> heard;
  log.follow([this, &heard](const Event& event) {
    heard.push_back(event.text);
    if (event.text == "a") log.add("n", "", "b");
  });
  log.add("n", "", "a");
  EXPECT_EQ(heard, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(log.recent().size(), 2U);
}

}  // namespace
}  // namespace bonedry::admin
