#include "proxy/handshakes.h"

#include <gtest/gtest.h>

#include <list>
#include <memory>

namespace bonedry::proxy {
namespace {

using Turn = Handshakes::Turn;

class HandshakesTest : public testing::Test {
 protected:
  Handshakes::Place& arrive() { return places_.emplace_back(handshakes_); }
  void use_up() {
    for (std::size_t i = 0; i < Handshakes::kStepsPerIteration; ++i) {
      EXPECT_EQ(handshakes_.take(busy_), Turn::now);
    }
  }
  void next_iteration() {
    handshakes_.begin_iteration();
    use_up();
  }

  Handshakes handshakes_;
  Handshakes::Place busy_{handshakes_};
  std::list<Handshakes::Place> places_;
};

TEST_F(HandshakesTest, AnIterationHasRoomForAFewSteps) {
  Handshakes::Place& client = arrive();
  use_up();
  EXPECT_EQ(handshakes_.take(client), Turn::later);
  EXPECT_EQ(handshakes_.take(client), Turn::later);
  handshakes_.begin_iteration();
  EXPECT_EQ(handshakes_.take(client), Turn::now);
}

TEST_F(HandshakesTest, NewOnesAreShedWhenTooManyWait) {
  use_up();
  for (std::size_t i = 0; i < Handshakes::kMaxWaiting; ++i) {
    ASSERT_EQ(handshakes_.take(arrive()), Turn::later);
  }
  EXPECT_EQ(handshakes_.take(arrive()), Turn::never);
  EXPECT_EQ(handshakes_.take(places_.front()), Turn::later) << "it waits already";
  EXPECT_EQ(handshakes_.take(busy_), Turn::later) << "it has begun";
  EXPECT_EQ(handshakes_.read().shed, 1U);
}

TEST_F(HandshakesTest, WhoGetsATurnOrLeavesMakesRoom) {
  use_up();
  for (std::size_t i = 0; i < Handshakes::kMaxWaiting; ++i) (void)handshakes_.take(arrive());
  handshakes_.begin_iteration();
  EXPECT_EQ(handshakes_.take(places_.front()), Turn::now);
  for (std::size_t i = 1; i < Handshakes::kStepsPerIteration; ++i) (void)handshakes_.take(busy_);
  EXPECT_EQ(handshakes_.take(arrive()), Turn::later);
  EXPECT_EQ(handshakes_.take(arrive()), Turn::never);
  places_.pop_back();
  next_iteration();
  places_.pop_back();
  EXPECT_EQ(handshakes_.take(arrive()), Turn::later);
  EXPECT_EQ(handshakes_.take(arrive()), Turn::never);
}

TEST_F(HandshakesTest, CountsWhatBecomesOfThem) {
  handshakes_.note_completed(Handshakes::Kind::full);
  handshakes_.note_completed(Handshakes::Kind::resumed);
  handshakes_.note_failed();
  HandshakeTotals totals = handshakes_.read();
  totals.add(handshakes_.read());
  EXPECT_EQ(totals.full, 2U);
  EXPECT_EQ(totals.resumed, 2U);
  EXPECT_EQ(totals.failed, 2U);
  EXPECT_EQ(totals.shed, 0U);
}

}  // namespace
}  // namespace bonedry::proxy
