#include "admin/cluster/store_meter.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {
namespace {

/// A store that answers when the test says so.
class SlowStore final : public redis::Commands {
 public:
  [[nodiscard]] bool connected() const override { return true; }
  void send(redis::Words words, redis::Done done) override {
    words_ = std::move(words);
    done_ = std::move(done);
  }
  void answer(Result<redis::Reply> reply) { done_(std::move(reply)); }
  [[nodiscard]] const redis::Words& words() const { return words_; }

 private:
  redis::Words words_;
  redis::Done done_;
};

class StoreMeterTest : public testing::Test {
 protected:
  /// Sends a command; what it gets is in `got_`.
  void send() {
    meter_.send({"PING"}, [this](const Result<redis::Reply>& reply) {
      got_.push_back(reply ? reply->text : reply.error());
    });
  }
  [[nodiscard]] static redis::Reply pong(redis::Reply::Kind kind) {
    redis::Reply reply;
    reply.kind = kind;
    reply.text = "PONG";
    return reply;
  }

  ManualClock clock_;
  SlowStore store_;
  StoreMeter meter_{store_, clock_};
  std::vector<std::string> got_;
};

TEST_F(StoreMeterTest, MeasuresFromSendingToTheReply) {
  send();
  EXPECT_EQ(store_.words(), redis::Words{"PING"});
  clock_.advance(Millis{7});
  store_.answer(pong(redis::Reply::Kind::text));
  EXPECT_EQ(got_, std::vector<std::string>{"PONG"});
  const StoreStatistics measured = meter_.statistics();
  EXPECT_EQ(measured.round_trips.count(), 1U);
  EXPECT_EQ(measured.round_trips.sum_ms, 7U);
  EXPECT_EQ(measured.round_trips.buckets[1], 1U) << "more than 5 ms, at most 10";
}

TEST_F(StoreMeterTest, AnErrorReplyIsAReplyAndALostConnectionIsNone) {
  send();
  store_.answer(pong(redis::Reply::Kind::error));
  EXPECT_EQ(meter_.statistics().round_trips.count(), 1U);
  send();
  clock_.advance(Millis{2000});
  store_.answer(Failure{std::string("the connection was lost")});
  EXPECT_EQ(got_, (std::vector<std::string>{"PONG", "the connection was lost"}));
  EXPECT_EQ(meter_.statistics().round_trips.count(), 1U);
}

TEST_F(StoreMeterTest, CountsHowOftenTheStoreWasConnected) {
  EXPECT_EQ(meter_.statistics().connects, 0U);
  meter_.note_connected();
  meter_.note_connected();
  EXPECT_EQ(meter_.statistics().connects, 2U);
}

}  // namespace
}  // namespace bonedry::admin::cluster
