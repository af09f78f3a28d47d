// The channel between two generations of the program.

#include "proxy/io/fd_channel.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace bonedry::io {
namespace {

using testing::HasSubstr;
using Received = FdChannel::Received;

constexpr Millis kTimeLimit{2000};
constexpr Millis kNone{1};

class FdChannelTest : public testing::Test {
 protected:
  FdChannelTest() {
    auto ends = FdChannel::make_pair();
    EXPECT_TRUE(ends);
    here.emplace(std::move(ends->first));
    there.emplace(std::move(ends->second));
  }

  std::optional<FdChannel> here;
  std::optional<FdChannel> there;
};

TEST_F(FdChannelTest, TextsArriveWholeAndInTheirOrder) {
  ASSERT_TRUE(here->send("one", FdChannel::kNoFd, kTimeLimit));
  ASSERT_TRUE(here->send(std::string(FdChannel::kMaxBytes, 'x'), FdChannel::kNoFd, kTimeLimit));
  FdChannel::Message message;
  ASSERT_EQ(there->receive(message), Received::message);
  EXPECT_EQ(message.text, "one");
  EXPECT_FALSE(message.fd.is_open());
  ASSERT_EQ(there->receive(message), Received::message);
  EXPECT_EQ(message.text.size(), FdChannel::kMaxBytes);
  EXPECT_EQ(there->receive(message), Received::nothing);
}

TEST_F(FdChannelTest, ADescriptorComesAlongAndIsTheReceiversOwn) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  UniqueFd reading(pipe[0]);
  {
    const UniqueFd writing(pipe[1]);
    ASSERT_TRUE(here->send("pipe", writing.get(), kTimeLimit));
  }
  const auto message = there->await(kTimeLimit);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "pipe");
  ASSERT_TRUE(message->fd.is_open());
  EXPECT_NE(::fcntl(message->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(::write(message->fd.get(), "!", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reading.get(), &byte, 1), 1);
  EXPECT_EQ(byte, '!');
}

TEST_F(FdChannelTest, ADescriptorOfOneMessageIsNotThatOfTheNext) {
  ASSERT_TRUE(here->send("with", 0, kTimeLimit));
  ASSERT_TRUE(here->send("without", FdChannel::kNoFd, kTimeLimit));
  FdChannel::Message message;
  ASSERT_EQ(there->receive(message), Received::message);
  EXPECT_TRUE(message.fd.is_open());
  ASSERT_EQ(there->receive(message), Received::message);
  EXPECT_FALSE(message.fd.is_open());
}

TEST_F(FdChannelTest, SilenceIsToldFromAnEnd) {
  FdChannel::Message message;
  EXPECT_EQ(there->receive(message), Received::nothing);
  auto awaited = there->await(kNone);
  ASSERT_FALSE(awaited);
  EXPECT_THAT(awaited.error(), HasSubstr("does not answer"));
  ASSERT_TRUE(here->send("last words", FdChannel::kNoFd, kTimeLimit));
  here.reset();
  EXPECT_EQ(there->receive(message), Received::message);
  EXPECT_EQ(there->receive(message), Received::ended);
  awaited = there->await(kTimeLimit);
  ASSERT_FALSE(awaited);
  EXPECT_THAT(awaited.error(), HasSubstr("is gone"));
  EXPECT_FALSE(there->send("hello?", FdChannel::kNoFd, kTimeLimit));
}

TEST_F(FdChannelTest, LastWordsAreHeardOfOneThatHasNotHeardOurs) {
  ASSERT_TRUE(here->send("unheard", FdChannel::kNoFd, kTimeLimit));
  ASSERT_TRUE(there->send("last words", FdChannel::kNoFd, kTimeLimit));
  there.reset();
  FdChannel::Message message;
  ASSERT_EQ(here->receive(message), Received::message);
  EXPECT_EQ(message.text, "last words");
  EXPECT_EQ(here->receive(message), Received::ended);
}

TEST_F(FdChannelTest, OneThatDoesNotListenIsGivenUp) {
  Result<> sent = Done{};
  for (int i = 0; i < 100'000 && sent; ++i)
    sent = here->send(std::string(1000, 'x'), FdChannel::kNoFd, kNone);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error(), HasSubstr("does not read"));
}

}  // namespace
}  // namespace bonedry::io
