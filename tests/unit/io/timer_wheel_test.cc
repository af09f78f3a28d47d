#include "proxy/io/timer_wheel.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace bonedry::io {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Millis kTick = TimerWheel::kTick;
constexpr Millis kRound = kTick * static_cast<std::int64_t>(TimerWheel::kSlots);

class TimerWheelTest : public testing::Test {
 protected:
  /// Lets time pass in steps, as a loop with a tick does.
  void pass(Millis by, Millis step = kTick) {
    const Instant until = now + by;
    while (now < until) {
      now = std::min(now + step, until);
      wheel.advance(now);
    }
  }
  std::function<void()> note(std::string name) {
    return [this, name = std::move(name)] { fired.push_back(name); };
  }

  using Names = std::vector<std::string>;
  Instant now{1'000'000};
  TimerWheel wheel{[this] { return now; }};
  Names fired;
};

TEST_F(TimerWheelTest, ATimerFiresOnceNeverEarlyAndAtMostTwoTicksLate) {
  // Delays of every kind: less than a tick, about a tick, a full turn of the wheel, several turns.
  const std::vector<Millis> delays{Millis{0},
                                   Millis{1},
                                   kTick - Millis{1},
                                   kTick,
                                   kTick + Millis{1},
                                   3 * kTick,
                                   Millis{1234},
                                   kRound - Millis{1},
                                   kRound,
                                   kRound + Millis{1},
                                   2 * kRound + Millis{777},
                                   10 * kRound};
  for (const Millis delay : delays) {
    for (const Millis offset : {Millis{0}, Millis{1}, Millis{49}}) {
      pass(kTick + offset);
      const Instant armed = now;
      std::optional<Instant> at;
      Timer timer(wheel, [this, &at] {
        EXPECT_FALSE(at) << "fired twice";
        at = now;
      });
      timer.arm(delay);
      pass(delay + 2 * kRound + 2 * kTick);
      ASSERT_TRUE(at) << delay.count();
      EXPECT_GE(*at - armed, delay) << delay.count() << " + " << offset.count();
      EXPECT_LE(*at - armed, delay + 2 * kTick) << delay.count() << " + " << offset.count();
      EXPECT_FALSE(timer.armed());
    }
  }
}

TEST_F(TimerWheelTest, WhateverTheStepsOfTheLoopNoTimerIsEarlyOrLateByMoreThanAStep) {
  std::mt19937 random(20'241'123);
  for (int i = 0; i < 500; ++i) {
    const Millis delay{random() % 60'000};
    const Millis step{1 + random() % 200};
    const Instant armed = now;
    std::optional<Instant> at;
    Timer timer(wheel, [this, &at] { at = now; });
    timer.arm(delay);
    pass(delay + 2 * kTick + step, step);
    ASSERT_TRUE(at) << delay.count() << " by steps of " << step.count();
    EXPECT_GE(*at - armed, delay);
    EXPECT_LE(*at - armed, delay + 2 * kTick + step);
  }
}

TEST_F(TimerWheelTest, ANegativeDelayIsNoDelay) {
  Timer timer(wheel, note("at once"));
  timer.arm(Millis{-5});
  EXPECT_TRUE(fired.empty()) << "and yet not within arm()";
  pass(2 * kTick);
  EXPECT_EQ(fired, Names{"at once"});
}

TEST_F(TimerWheelTest, TenYearsAreNotTooLong) {
  Timer timer(wheel, note("too soon"));
  timer.arm(hours{24 * 3660});
  pass(3 * kRound);
  EXPECT_TRUE(fired.empty());
  EXPECT_TRUE(timer.armed());
}

TEST_F(TimerWheelTest, TheyFireInTheOrderOfTheirTimes) {
  Timer late(wheel, note("late"));
  Timer early(wheel, note("early"));
  Timer middle(wheel, note("middle"));
  late.arm(seconds{3});
  early.arm(seconds{1});
  middle.arm(seconds{2});
  pass(seconds{5});
  EXPECT_EQ(fired, (Names{"early", "middle", "late"}));
}

TEST_F(TimerWheelTest, ADisarmedTimerDoesNotFire) {
  Timer timer(wheel, note("never"));
  timer.arm(seconds{1});
  timer.disarm();
  EXPECT_FALSE(timer.armed());
  timer.disarm();  // disarming twice is harmless
  pass(seconds{2});
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimerWheelTest, ArmedAgainItFiresAtTheNewTimeOnly) {
  Timer later(wheel, note("later"));
  later.arm(seconds{1});
  pass(Millis{500});
  later.arm(seconds{2});
  pass(Millis{1900});
  EXPECT_TRUE(fired.empty());
  pass(Millis{300});
  EXPECT_EQ(fired, Names{"later"});

  Timer sooner(wheel, note("sooner"));
  sooner.arm(minutes{10});
  sooner.arm(seconds{1});
  pass(seconds{1} + 2 * kTick);
  EXPECT_EQ(fired, (Names{"later", "sooner"}));
  pass(minutes{11});
  EXPECT_EQ(fired.size(), 2U);
}

TEST_F(TimerWheelTest, ItsDestructorDisarms) {
  {
    Timer timer(wheel, note("never"));
    timer.arm(seconds{1});
    EXPECT_FALSE(wheel.idle());
  }
  EXPECT_TRUE(wheel.idle());
  pass(seconds{2});
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimerWheelTest, TheWheelKnowsWhetherItIsIdle) {
  EXPECT_TRUE(wheel.idle());
  Timer one(wheel, note("one"));
  Timer two(wheel, note("two"));
  one.arm(seconds{1});
  one.arm(seconds{2});
  two.arm(2 * kRound);
  EXPECT_FALSE(wheel.idle());
  pass(seconds{3});
  EXPECT_FALSE(wheel.idle());
  pass(2 * kRound);
  EXPECT_TRUE(wheel.idle());
  EXPECT_EQ(fired, (Names{"one", "two"}));
}

TEST_F(TimerWheelTest, ACallbackMayArmItsOwnTimerAgain) {
  std::optional<Timer> beat;
  std::vector<Instant> beats;
  beat.emplace(wheel, [this, &beat, &beats] {
    beats.push_back(now);
    if (beats.size() < 5) beat->arm(seconds{1});
  });
  beat->arm(seconds{1});
  pass(seconds{20});
  ASSERT_EQ(beats.size(), 5U);
  for (std::size_t i = 1; i < beats.size(); ++i) {
    EXPECT_GE(beats[i] - beats[i - 1], seconds{1});
    EXPECT_LE(beats[i] - beats[i - 1], seconds{1} + 2 * kTick);
  }
  EXPECT_TRUE(wheel.idle());
}

TEST_F(TimerWheelTest, ACallbackThatArmsWithoutDelayFiresAtTheNextTickNotForEver) {
  std::optional<Timer> eager;
  int count = 0;
  eager.emplace(wheel, [&eager, &count] {
    ++count;
    eager->arm(Millis{0});
  });
  eager->arm(Millis{0});
  pass(10 * kTick);
  EXPECT_GE(count, 5);
  EXPECT_LE(count, 11);
}

TEST_F(TimerWheelTest, ACallbackMayArmForExactlyOneRound) {
  // Into the same list whose timers are being fired.
  std::optional<Timer> timer;
  int count = 0;
  timer.emplace(wheel, [&timer, &count] {
    if (++count == 1) timer->arm(kRound);
  });
  timer->arm(seconds{1});
  pass(seconds{2});
  EXPECT_EQ(count, 1);
  pass(kRound - seconds{2});
  EXPECT_EQ(count, 1);
  pass(seconds{2});
  EXPECT_EQ(count, 2);
}

TEST_F(TimerWheelTest, ACallbackMayDisarmOthersOfTheSameTick) {
  std::optional<Timer> victim_before;
  std::optional<Timer> victim_behind;
  int shots = 0;
  const auto shoot = [&] {
    ++shots;
    victim_before->disarm();
    victim_behind->disarm();
  };
  victim_before.emplace(wheel, note("before"));
  Timer shooter(wheel, shoot);
  victim_behind.emplace(wheel, note("behind"));
  // In any order within a tick: at most one victim fires, and none after `shoot` ran.
  victim_before->arm(seconds{1});
  shooter.arm(seconds{1});
  victim_behind->arm(seconds{1});
  pass(seconds{2});
  EXPECT_EQ(shots, 1);
  EXPECT_LE(fired.size(), 1U);
  EXPECT_TRUE(wheel.idle());
}

TEST_F(TimerWheelTest, ACallbackMayPutOffOthersOfTheSameTick) {
  Timer other(wheel, note("put off"));
  Timer first(wheel, [&other] { other.arm(seconds{5}); });
  first.arm(seconds{1});
  other.arm(seconds{1});
  Timer also(wheel, [&other] { other.arm(seconds{5}); });
  also.arm(seconds{1});
  pass(seconds{3});
  const std::size_t early = fired.size();  // depends on the order in the list
  EXPECT_LE(early, 1U);
  pass(seconds{4});
  EXPECT_EQ(fired.size(), early + 1);
}

TEST_F(TimerWheelTest, ACallbackMayDestroyOthersOfTheSameTick) {
  std::vector<std::unique_ptr<Timer>> others;
  for (int i = 0; i < 10; ++i) {
    others.push_back(std::make_unique<Timer>(wheel, [this, &others] {
      fired.emplace_back("one");
      // All that still exist, except the one whose callback is running.
      for (auto& other : others) {
        if (other && other->armed()) other.reset();
      }
    }));
    others.back()->arm(seconds{1});
  }
  pass(seconds{2});
  EXPECT_EQ(fired.size(), 1U);
  EXPECT_TRUE(wheel.idle());
}

TEST_F(TimerWheelTest, ACallbackMayDestroyItsOwnTimer) {
  auto timer = std::make_unique<Timer>(wheel, [] {});
  timer = std::make_unique<Timer>(wheel, [&timer] { timer.reset(); });
  timer->arm(seconds{1});
  Timer other(wheel, note("other"));
  other.arm(seconds{1});
  pass(seconds{2});
  EXPECT_EQ(timer, nullptr);
  EXPECT_EQ(fired, Names{"other"});
  EXPECT_TRUE(wheel.idle());
}

TEST_F(TimerWheelTest, AfterALongSleepEverythingThatIsDueFiresAndNothingElse) {
  Timer soon(wheel, note("soon"));
  Timer within(wheel, note("within the sleep"));
  Timer behind(wheel, note("behind the sleep"));
  soon.arm(seconds{1});
  within.arm(minutes{59});
  behind.arm(minutes{61});
  now = now + hours{1};
  wheel.advance(now);
  EXPECT_EQ(fired.size(), 2U);
  EXPECT_TRUE(behind.armed());
  pass(minutes{1} - Millis{1});
  EXPECT_EQ(fired.size(), 2U);
  pass(2 * kTick);
  EXPECT_EQ(fired.size(), 3U);
  EXPECT_EQ(fired.back(), "behind the sleep");
}

TEST_F(TimerWheelTest, ALongSleepSkipsNoListOfTheRing) {
  for (const Millis sleep : {kRound - kTick, kRound, kRound + kTick, 5 * kRound + 7 * kTick}) {
    std::vector<std::unique_ptr<Timer>> timers;
    std::size_t count = 0;
    for (std::size_t i = 0; i < TimerWheel::kSlots - 2; ++i) {
      timers.push_back(std::make_unique<Timer>(wheel, [&count] { ++count; }));
      timers.back()->arm(kTick * static_cast<std::int64_t>(i));
    }
    now = now + sleep;
    wheel.advance(now);
    EXPECT_EQ(count, timers.size()) << sleep.count();
    EXPECT_TRUE(wheel.idle());
  }
}

TEST_F(TimerWheelTest, WhatIsArmedWhileCatchingUpCountsFromTheNewTime) {
  std::vector<Instant> at;
  Timer next(wheel, [this, &at] { at.push_back(now); });
  Timer first(wheel, [&next] { next.arm(seconds{10}); });
  first.arm(seconds{1});
  now = now + hours{1};
  const Instant woke = now;
  wheel.advance(now);
  EXPECT_TRUE(at.empty()) << "ten seconds have not passed since it was armed";
  pass(seconds{11});
  ASSERT_EQ(at.size(), 1U);
  EXPECT_GE(at[0] - woke, seconds{10});
}

TEST_F(TimerWheelTest, ArmingsCountFromTheTimeThatTheLoopSaysEvenBetweenTicks) {
  std::optional<Instant> at;
  Timer timer(wheel, [this, &at] { at = now; });
  now = now + Millis{40};
  const Instant armed = now;
  timer.arm(Millis{20});
  pass(seconds{1}, Millis{10});
  ASSERT_TRUE(at);
  EXPECT_GE(*at - armed, Millis{20});
  EXPECT_LE(*at - armed, Millis{20} + 2 * kTick);
}

TEST_F(TimerWheelTest, TimeThatStandsStillFiresNothing) {
  Timer timer(wheel, note("never"));
  timer.arm(Millis{0});
  for (int i = 0; i < 10; ++i) wheel.advance(now);
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimerWheelTest, ThousandsOfTimersInDisorderAllFireOnTime) {
  std::mt19937 random(7);
  struct Guest {
    std::unique_ptr<Timer> timer;
    Instant due;
    int fired = 0;
  };
  std::vector<Guest> guests(5000);
  for (Guest& guest : guests) {
    guest.timer = std::make_unique<Timer>(wheel, [this, &guest] {
      ++guest.fired;
      EXPECT_GE(now, guest.due);
      EXPECT_LE(now, guest.due + 2 * kTick);
    });
  }
  const auto arm = [this, &random](Guest& guest) {
    const Millis delay{random() % 60'000};
    guest.due = now + delay;
    guest.timer->arm(delay);
  };
  for (Guest& guest : guests) arm(guest);
  // A third of the timers is rearmed meanwhile.
  for (int i = 0; i < 100; ++i) {
    pass(Millis{100});
    for (int j = 0; j < 17; ++j) {
      Guest& guest = guests[random() % guests.size()];
      if (guest.timer->armed()) arm(guest);
    }
  }
  pass(minutes{2});
  for (const Guest& guest : guests) EXPECT_EQ(guest.fired, 1);
  EXPECT_TRUE(wheel.idle());
}

}  // namespace
}  // namespace bonedry::io
