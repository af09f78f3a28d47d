#pragma once

#include "admin/cluster/session_sync.h"
#include "tests/unit/session_sync/fake_index.h"
#include "tests/unit/session_sync/fake_sessions.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin::cluster {
namespace {

using session::Answer;
using session::SessionChange;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = SessionChange::Kind;

constexpr session::NodeSlot kSlot1 = 11;
constexpr session::NodeSlot kSlot2 = 12;

class SessionSyncTest : public testing::Test {
 protected:
  SessionSyncTest() { make(); }

  void make() {
    sync = std::make_unique<SessionSync>(
        SessionSync::Settings{"p1", "inc"},
        SessionSync::World{[this] { return nodes; }, [this] { return members; }}, index, sessions,
        clock, wheel);
  }
  /// One tick; then the index has answered everything.
  void tick() {
    turn();
    index.answer_all();
  }
  void turn() {
    clock.advance(SessionSync::kTick);
    wheel.advance(clock.now());
  }
  void ticks(int count) {
    for (int i = 0; i < count; ++i) tick();
  }
  void pass(Millis time) { ticks(static_cast<int>(time / SessionSync::kTick)); }
  /// The store is there, and this member has told it all. The others are there as well.
  void connect(const std::string& run = "run1") {
    sync->on_connected(run);
    hear_all(run);
    ticks(3 + static_cast<int>(sessions.all.size()));
    pass(SessionSync::kCountEvery);
  }
  void hear_all(const std::string& run) {
    index.counts.complete = {{"p1", "inc " + run, Millis{0}}, {"p2", "other " + run, Millis{0}}};
  }
  /// The answer to a question; nothing: there is none yet.
  std::shared_ptr<std::optional<Answer>> ask(std::uint64_t number,
                                             std::optional<Millis> age = hours{1}) {
    session::SessionQuestion question;
    question.key = key_of(number);
    question.fingerprint = 77;
    if (age) question.created = clock.now() - *age;
    auto answer = std::make_shared<std::optional<Answer>>();
    sync->ask(question, [answer](Answer given) {
      EXPECT_FALSE(*answer) << "answered twice";
      *answer = given;
    });
    return answer;
  }
  SessionChange at(Kind kind, std::uint64_t number, session::NodeSlot node = kSlot1) {
    return change(kind, number, node, clock.now());
  }
  /// So many sessions of the ledger have changed.
  void change_many(std::uint64_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      sessions.due.push_back(at(Kind::present, first + i));
    }
  }
  [[nodiscard]] std::size_t times_told(std::uint64_t number) const {
    return static_cast<std::size_t>(
        std::ranges::count(index.told, key_of(number), &IndexOperation::key));
  }

  std::vector<SyncNode> nodes{{kSlot1, kShop1, minutes{30}, SyncNode::Rotation::in},
                              {kSlot2, kShop2, minutes{30}, SyncNode::Rotation::in}};
  std::vector<std::string> members{"p1", "p2"};
  ManualClock clock;
  io::TimerWheel wheel{[this] { return clock.now(); }};
  FakeIndex index{clock};
  FakeSessions sessions;
  std::unique_ptr<SessionSync> sync;
};

}  // namespace
}  // namespace bonedry::admin::cluster
