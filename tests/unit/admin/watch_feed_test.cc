// Where `bonedryctl watch` has its figures from: a real admin socket.

#include "admin/ctl/watch/watch_feed.h"

#include "tests/unit/admin/admin_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

namespace bonedry::ctl::test {
namespace {

using admin::test::AdminRig;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;

class WatchFeedTest : public testing::Test {
 protected:
  WatchFeedTest() : feed({rig.path(), ""}, "shop", {}, clock) {}

  bool until(const std::function<bool()>& done) {
    return rig.run_until([&] {
      feed.advance();
      return done();
    });
  }
  bool until_bleeding() {
    clock.advance(WatchFeed::kInterval);
    return until([this] {
      const WatchedNode* const alice = feed.status().find("shop/alice");
      return alice != nullptr && alice->state == WatchedState::bleeding;
    });
  }

  AdminRig rig;
  ManualClock clock;
  WatchFeed feed;
};

TEST_F(WatchFeedTest, HasStatusAndEvents) {
  rig.ask("bleed alice");
  EXPECT_TRUE(until_bleeding());
  EXPECT_FALSE(feed.stale());
  EXPECT_TRUE(until([this] { return !feed.events().empty(); }));
  EXPECT_THAT(feed.events(), Contains(HasSubstr("shop/alice bleed: bleeding")));
  rig.ask("activate alice");
  EXPECT_TRUE(until([this] { return feed.events().back().find("activate") != std::string::npos; }));
}

TEST_F(WatchFeedTest, GoesOnWhenTheProxyIsBack) {
  EXPECT_TRUE(until([this] { return feed.events_fd() >= 0; }));
  rig.stop_server();
  clock.advance(WatchFeed::kInterval);
  EXPECT_TRUE(until([this] { return feed.stale().has_value(); }));
  EXPECT_THAT(feed.stale()->why, HasSubstr("cannot reach bonedry"));
  clock.advance(seconds{30});
  EXPECT_GE(feed.stale()->age, seconds{30});
  rig.start_server();
  rig.ask("bleed alice");
  EXPECT_TRUE(until_bleeding());
  EXPECT_FALSE(feed.stale());
  EXPECT_TRUE(until([this] { return !feed.events().empty(); }));
  const auto events = feed.events();
  clock.advance(WatchFeed::kInterval);
  rig.stop_server();
  rig.start_server();
  clock.advance(WatchFeed::kInterval);
  EXPECT_TRUE(until([this] { return feed.events_fd() >= 0; }));
  rig.run_a_little();
  feed.advance();
  EXPECT_EQ(feed.events(), events) << "no event twice";
}

TEST_F(WatchFeedTest, AProxyThatHangsIsNotWaitedFor) {
  rig.workers.pace = admin::test::FakeWorkers::Pace::asleep;
  clock.advance(WatchFeed::kInterval);
  feed.advance();  // asks; nobody turns the rig
  ASSERT_GE(feed.status_fd(), 0);
  clock.advance(WatchFeed::kFresh);
  EXPECT_TRUE(feed.stale());
  clock.advance(WatchFeed::kGiveUp);
  feed.advance();
  EXPECT_EQ(feed.status_fd(), -1) << "given up, to be asked again";
  EXPECT_EQ(feed.stale()->why, "bonedry does not answer");
}

TEST(WatchFeedOfABusyProxyTest, EventsAreAskedForAgainWhenThereWereTooManyConnections) {
  AdminRig rig({.connections = 2});  // as many as the feed needs
  ManualClock clock;
  admin::test::Client one(rig.path());
  admin::test::Client other(rig.path());
  ASSERT_TRUE(one.connected() && other.connected());
  rig.run_a_little();
  WatchFeed feed({rig.path(), ""}, "shop", {}, clock);
  const auto until_there_is = [&](const std::string& text) {
    return rig.run_until([&] {
      feed.advance();
      return std::ranges::any_of(feed.events(), [&text](const std::string& event) {
        return event.find(text) != std::string::npos;
      });
    });
  };
  ASSERT_TRUE(until_there_is("no events: too many admin connections"));
  one.vanish();
  other.vanish();
  rig.run_a_little();
  rig.ask("bleed alice");
  clock.advance(WatchFeed::kEventsPause);
  EXPECT_TRUE(until_there_is("shop/alice bleed: bleeding"));
}

TEST(AdminRequestTest, OnlyWhatIsDeniedOrUnknownIsFinal) {
  EXPECT_TRUE(is_final("error: unknown command 'events'; see help\n"));
  EXPECT_TRUE(is_final("error: wrong token\n"));
  EXPECT_TRUE(is_final("error: token 'ci' may not events: its scope is status\n"));
  EXPECT_TRUE(is_final("error: 'events' needs a token; without one the scope is none\n"));
  EXPECT_FALSE(is_final("error: too many admin connections\n"));
  EXPECT_FALSE(is_final("error: bonedry is stopping\n"));
}

TEST_F(WatchFeedTest, OnlyACompleteResponseIsNews) {
  clock.advance(WatchFeed::kInterval);
  EXPECT_TRUE(until([this] { return feed.events_fd() >= 0; }));
  rig.run_a_little();
  while (feed.advance() == WatchFeed::News::some) rig.run_a_little();
  EXPECT_EQ(feed.advance(), WatchFeed::News::none);
  clock.advance(WatchFeed::kInterval);
  EXPECT_EQ(feed.advance(), WatchFeed::News::none) << "only asked";
  EXPECT_TRUE(rig.run_until([this] { return feed.advance() == WatchFeed::News::some; }));
}

TEST_F(WatchFeedTest, AnErrorOfTheProxyIsSaid) {
  WatchFeed other({rig.path(), ""}, "nosuchpool", {}, clock);
  clock.advance(WatchFeed::kInterval);
  EXPECT_TRUE(rig.run_until([&other] {
    other.advance();
    return other.stale().has_value();
  }));
  EXPECT_THAT(other.stale()->why, HasSubstr("unknown pool 'nosuchpool'"));
}

}  // namespace
}  // namespace bonedry::ctl::test
