// How a new process handles the messages of the process that it takes over from.

#include "proxy/predecessor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bonedry::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Received = io::FdChannel::Received;

constexpr Millis kTimeLimit{5000};

class PredecessorTest : public testing::Test {
 protected:
  PredecessorTest() {
    auto ends = io::FdChannel::make_pair();
    EXPECT_TRUE(ends);
    line_ = UniqueFd{::dup(ends->second.fd())};
    old_.emplace(std::move(ends->first));
  }

  void say(const std::string& text, int fd = io::FdChannel::kNoFd) {
    ASSERT_TRUE(old_->send(text, fd, kTimeLimit));
  }
  [[nodiscard]] std::string hear() {
    const auto message = old_->await(kTimeLimit);
    return message ? message->text : message.error();
  }
  /// A recognisable descriptor: the read end of a pipe that contains this byte.
  [[nodiscard]] static UniqueFd marked(char mark) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    EXPECT_EQ(::write(ends[1], &mark, 1), 1);
    ::close(ends[1]);
    return UniqueFd{ends[0]};
  }
  [[nodiscard]] static std::string marks(const std::vector<UniqueFd>& fds) {
    std::string all;
    for (const UniqueFd& fd : fds) {
      char mark = '?';
      EXPECT_EQ(::read(fd.get(), &mark, 1), 1);
      all += mark;
    }
    return all;
  }
  /// Connects to an old process that has sent everything.
  std::unique_ptr<Predecessor> meet() {
    auto met = Predecessor::connect(std::move(line_));
    EXPECT_TRUE(met) << met.error();
    EXPECT_EQ(hear(), "hello") << "nothing is given away before that";
    return std::move(*met);
  }
  std::unique_ptr<Predecessor> meet_one_that_replaces(io::EventLoop& loop) {
    say("lock", 0);
    say("go");
    auto predecessor = meet();
    predecessor->replace(loop, [this, &loop] {
      heard_.emplace_back("gone");
      loop.stop();
    });
    EXPECT_EQ(hear(), "ready");
    return predecessor;
  }

  UniqueFd line_;
  std::optional<io::FdChannel> old_;
  std::vector<std::string> heard_;
};

TEST_F(PredecessorTest, GivesItsLockItsAdminPathAndItsSocketsAway) {
  say("lock", marked('l').get());
  say("admin /run/bonedry/admin socket");
  say("listener 0 127.0.0.1:80", marked('a').get());
  say("listener 0 127.0.0.1:80", marked('b').get());
  say("listener 1 [::1]:80", marked('c').get());
  say("go");
  const auto predecessor = meet();
  EXPECT_EQ(predecessor->admin_path(), "/run/bonedry/admin socket");
  std::vector<UniqueFd> lock;
  lock.push_back(predecessor->take_lock());
  EXPECT_EQ(marks(lock), "l");
  EXPECT_EQ(marks(predecessor->take_sockets("[::1]:80")), "c");
  EXPECT_EQ(marks(predecessor->take_sockets("127.0.0.1:80")), "ab");
  EXPECT_TRUE(predecessor->take_sockets("127.0.0.1:80").empty()) << "each goes once";
  EXPECT_TRUE(predecessor->take_sockets("127.0.0.1:81").empty());
}

TEST_F(PredecessorTest, IsToldToReopenItsAccessLog) {
  io::EventLoop loop;
  const auto predecessor = meet_one_that_replaces(loop);
  predecessor->reopen_access_log();
  EXPECT_EQ(hear(), "reopen");
  old_.reset();
  loop.run();
  EXPECT_THAT(heard_, ElementsAre("gone"));
  predecessor->reopen_access_log();  // nobody is there to be told
}

TEST_F(PredecessorTest, HandsItsTotalsOverAndReportsLaterOnes) {
  io::EventLoop loop;
  say("lock", 0);
  const auto first = handover::write_totals("first");
  say("go", first->get());
  auto predecessor = meet();
  predecessor->follow_totals([this](const std::string& totals) { heard_.push_back(totals); });
  EXPECT_THAT(heard_, ElementsAre("first")) << "before anything is served";
  predecessor->replace(loop, [&loop] { loop.stop(); });
  EXPECT_EQ(hear(), "ready");
  const auto second = handover::write_totals(std::string(1'000'000, '2'));
  const auto third = handover::write_totals("third");
  say("totals", second->get());
  say("totals", third->get());
  say("totals");  // of no file: nothing can be said of it
  old_.reset();
  loop.run();
  EXPECT_THAT(heard_, ElementsAre("first", std::string(1'000'000, '2'), "third"));
}

TEST_F(PredecessorTest, OneOfAnOlderVersionHandsNoTotalsOver) {
  io::EventLoop loop;
  const auto predecessor = meet_one_that_replaces(loop);
  predecessor->follow_totals([this](const std::string& totals) { heard_.push_back(totals); });
  old_.reset();
  loop.run();
  EXPECT_THAT(heard_, ElementsAre("gone"));
}

TEST_F(PredecessorTest, TwoListenersOfOneAddressAreTakenOneByOne) {
  say("lock", 0);
  say("listener 0 127.0.0.1:0", marked('a').get());
  say("listener 1 127.0.0.1:0", marked('b').get());
  say("listener 1 127.0.0.1:0", marked('c').get());
  say("go");
  const auto predecessor = meet();
  EXPECT_EQ(marks(predecessor->take_sockets("127.0.0.1:0")), "a");
  EXPECT_EQ(marks(predecessor->take_sockets("127.0.0.1:0")), "bc");
}

TEST_F(PredecessorTest, OneThatSaysWhatIsNotKnownIsNotTakenOverFrom) {
  say("lock", 0);
  say("certificate 0", 0);
  say("go");
  const auto met = Predecessor::connect(std::move(line_));
  ASSERT_FALSE(met);
  EXPECT_THAT(met.error(), HasSubstr("certificate 0"));
}

TEST_F(PredecessorTest, OneThatKeepsItsLockIsNotTakenOverFrom) {
  say("go");
  const auto met = Predecessor::connect(std::move(line_));
  ASSERT_FALSE(met);
  EXPECT_THAT(met.error(), HasSubstr("lock"));
}

TEST_F(PredecessorTest, OneThatGoesMeanwhileIsNotTakenOverFrom) {
  say("lock", 0);
  old_.reset();
  EXPECT_FALSE(Predecessor::connect(std::move(line_)));
}

TEST_F(PredecessorTest, IsLedBeforeAnybodyIsLetIn) {
  say("lock", 0);
  say("go");
  const auto predecessor = meet();
  say("followed 1");
  EXPECT_TRUE(predecessor->sync_routing_state({{"shop/alice"}, "[server]"}));
  const auto told = old_->await(kTimeLimit);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->text, "follow 1");
  const auto routing_state = handover::read(told->fd);
  ASSERT_TRUE(routing_state);
  EXPECT_THAT(routing_state->shut, ElementsAre("shop/alice"));
  EXPECT_EQ(routing_state->config, "[server]");
  old_.reset();
  EXPECT_FALSE(predecessor->sync_routing_state({}));
}

TEST_F(PredecessorTest, AnAnswerIsOneToAllThatWasAskedBeforeIt) {
  io::EventLoop loop;
  const auto predecessor = meet_one_that_replaces(loop);
  predecessor->send_routing_state({}, [this] { heard_.emplace_back("first"); });
  predecessor->send_routing_state({}, [this] { heard_.emplace_back("second"); });
  predecessor->send_routing_state({}, [this, &loop] {
    heard_.emplace_back("third");
    loop.stop();
  });
  EXPECT_TRUE(heard_.empty()) << "not before it has said so";
  EXPECT_EQ(hear(), "follow 1");
  say("followed");    // another version
  say("followed 9");  // never requested
  say("followed 1");
  std::thread old([this] {
    EXPECT_EQ(hear(), "follow 3") << "what is no longer so is not asked";
    say("followed 3");
  });
  loop.run();
  old.join();
  EXPECT_THAT(heard_, ElementsAre("first", "second", "third"));
  EXPECT_FALSE(predecessor->is_gone());
}

TEST_F(PredecessorTest, OneThatCannotFollowIsAskedAgain) {
  io::EventLoop loop;
  const auto predecessor = meet_one_that_replaces(loop);
  predecessor->send_routing_state({{"shop/alice"}, "", {"shop/bob"}}, [this, &loop] {
    heard_.emplace_back("first");
    loop.stop();
  });
  EXPECT_EQ(hear(), "follow 1");
  say("not-followed 1");
  std::thread old([this] {
    const auto told = old_->await(kTimeLimit);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->text, "follow 1");
    const auto routing_state = handover::read(told->fd);
    ASSERT_TRUE(routing_state);
    EXPECT_THAT(routing_state->shut, ElementsAre("shop/alice"));
    EXPECT_THAT(routing_state->opening, ElementsAre("shop/bob"));
    say("followed 1");
  });
  loop.run();
  old.join();
  EXPECT_THAT(heard_, ElementsAre("first"));
}

TEST_F(PredecessorTest, OneThatIsGoneRoutesNobody) {
  io::EventLoop loop;
  const auto predecessor = meet_one_that_replaces(loop);
  predecessor->send_routing_state({}, [this] { heard_.emplace_back("first"); });
  predecessor->send_routing_state({}, [this] { heard_.emplace_back("second"); });
  old_.reset();
  loop.run();
  EXPECT_THAT(heard_, ElementsAre("first", "second", "gone"));
  EXPECT_TRUE(predecessor->is_gone());
}

TEST_F(PredecessorTest, IsToldWhyThereIsNoSuccessor) {
  Predecessor::decline(std::move(line_), "bonedry.toml:1:1: nonsense");
  EXPECT_EQ(hear(), "failed bonedry.toml:1:1: nonsense");
  EXPECT_THAT(hear(), HasSubstr("is gone"));
}

TEST_F(PredecessorTest, AReasonLongerThanAMessageIsCut) {
  Predecessor::decline(std::move(line_), std::string(10'000, 'x'));
  EXPECT_EQ(hear().size(), io::FdChannel::kMaxBytes);
}

}  // namespace
}  // namespace bonedry::proxy
