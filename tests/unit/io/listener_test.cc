#include "proxy/io/listener.h"

#include "proxy/io/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

namespace bonedry::io {
namespace {

using std::chrono::milliseconds;

class ListenerTest : public testing::Test {
 protected:
  void listen_with(UniqueFd fd) {
    copy_.reset(::dup(fd.get()));
    listener_.emplace(
        loop_, std::move(fd),
        [this](UniqueFd, const SocketAddress&) {
          ++accepted_;
          loop_.stop();
        },
        [this](int error) {
          told_.push_back(error);
          loop_.stop();
        });
  }
  void listen() {
    auto bound = bind_to(*make_address("127.0.0.1", 0));
    ASSERT_TRUE(bound && start_listening(*bound));
    listen_with(std::move(*bound));
  }

  [[nodiscard]] UniqueFd connected() const {
    ConnectStart start = start_connect(*make_address("127.0.0.1", bound_port(copy_)));
    EXPECT_EQ(start.error, 0);
    EXPECT_EQ(::send(start.fd.get(), "x", 1, 0) < 0 ? errno : 0, 0);
    return std::move(start.fd);
  }
  /// The CPU time of this thread while the loop runs for `time`.
  [[nodiscard]] milliseconds busy_in(milliseconds time) {
    Timer over(loop_.timers(), [this] { loop_.stop(); });
    over.arm(time);
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    loop_.run();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return milliseconds{(after.tv_sec - before.tv_sec) * 1000 +
                        (after.tv_nsec - before.tv_nsec) / 1'000'000};
  }

  EventLoop loop_;
  std::optional<Listener> listener_;
  UniqueFd copy_;  // gives the test access to the listener's socket
  int accepted_ = 0;
  std::vector<int> told_;
};

TEST_F(ListenerTest, ALastingErrorIsSaidOnceAndDoesNotSpin) {
  listen();
  const UniqueFd first = connected();
  loop_.run();
  EXPECT_EQ(accepted_, 1);
  ASSERT_EQ(::shutdown(copy_.get(), SHUT_RD), 0);  // no longer listens: readable, and EINVAL
  loop_.run();
  EXPECT_EQ(told_, std::vector{EINVAL});
  EXPECT_LT(busy_in(milliseconds{500}), milliseconds{100});
  EXPECT_EQ(told_.size(), 1U);
  ASSERT_TRUE(start_listening(copy_));
  const UniqueFd second = connected();
  loop_.run();
  EXPECT_EQ(accepted_, 2) << "by itself";
  loop_.run();
  EXPECT_EQ(told_, (std::vector{EINVAL, 0}));
}

TEST_F(ListenerTest, AnErrorThatComesEachTimeIsALastingOne) {
  // EOPNOTSUPP can be a pending error of one connection; here it is not.
  UniqueFd datagrams{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
  const auto address = make_address("127.0.0.1", 0);
  ASSERT_EQ(::bind(datagrams.get(), address->raw(), address->size), 0);
  const auto own = make_address("127.0.0.1", bound_port(datagrams));
  ASSERT_EQ(::sendto(datagrams.get(), "x", 1, 0, own->raw(), own->size), 1);
  listen_with(std::move(datagrams));
  loop_.run();
  EXPECT_EQ(told_, std::vector{EOPNOTSUPP});
  EXPECT_LT(busy_in(milliseconds{500}), milliseconds{100});
  EXPECT_EQ(told_.size(), 1U);
  listener_->accept_backlog();  // returns, too
}

TEST_F(ListenerTest, WhatCannotBeWatchedIsTriedAgain) {
  listen_with(UniqueFd{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)});
  loop_.run();
  EXPECT_EQ(told_, std::vector{EPERM});
  EXPECT_LT(busy_in(milliseconds{300}), milliseconds{100});
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(ListenerTest, OutOfDescriptorsClientsWait) {
  listen();
  const UniqueFd waiting = connected();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd lowest{::dup(0)};
  const rlimit none{static_cast<rlim_t>(lowest.get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  loop_.run();
  EXPECT_EQ(told_, std::vector{EMFILE});
  EXPECT_LT(busy_in(milliseconds{300}), milliseconds{100});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  loop_.run();
  EXPECT_EQ(accepted_, 1);
  loop_.run();
  EXPECT_EQ(told_, (std::vector{EMFILE, 0}));
}

}  // namespace
}  // namespace bonedry::io
