// Log daemons on sockets of the test.
#include "proxy/base/datagram_sink.h"

#include "proxy/base/log_writer.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bonedry {
namespace {

using testing::MatchesRegex;

constexpr int kTimeLimitMillis = 10'000;

/// A daemon: receives datagrams at a path as long as it exists.
class Daemon {
 public:
  explicit Daemon(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ::unlink(path.c_str());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
  }

  /// The next datagram; "" if none comes.
  [[nodiscard]] std::string receive() const {
    pollfd entry{socket_.get(), POLLIN, 0};
    if (::poll(&entry, 1, kTimeLimitMillis) <= 0) return "";
    std::string bytes(100'000, '\0');
    const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }

 private:
  UniqueFd socket_;
};

class DatagramSinkTest : public testing::Test {
 protected:
  [[nodiscard]] LogTarget target(LogTarget::Kind kind = LogTarget::Kind::syslog) const {
    return {directory_ / "log", kind};
  }
  void open(
      const LogTarget& target, LogWriter::OnLost on_lost = [](auto, const auto&) {}) {
    auto opened = LogWriter::open(target, 65'536, std::move(on_lost), LogWriter::Report::at_once);
    ASSERT_TRUE(opened) << opened.error();
    writer_ = std::move(*opened);
  }
  void start_daemon() {
    daemon_.reset();
    daemon_.emplace(directory_ / "log");
  }

  const test::TemporaryDirectory directory_;
  std::optional<Daemon> daemon_;
  std::unique_ptr<LogWriter> writer_;
};

std::string own_pid() {
  return std::to_string(::getpid());
}

TEST_F(DatagramSinkTest, SyslogGetsTheLinesAsSyslog3SendsThem) {
  start_daemon();
  open(target());
  writer_->write("GET / 200");
  writer_->write("GET /2 200");
  const std::string header =
      "<134>[A-Z][a-z][a-z] [ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] bonedry\\[" + own_pid() +
      "\\]: ";
  EXPECT_THAT(daemon_->receive(), MatchesRegex(header + "GET / 200"));
  EXPECT_THAT(daemon_->receive(), MatchesRegex(header + "GET /2 200"));
}

TEST_F(DatagramSinkTest, TheFacilityIsPartOfThePriority) {
  start_daemon();
  LogTarget daemon = target();
  daemon.facility = 3;
  open(daemon);
  writer_->write("x");
  EXPECT_TRUE(daemon_->receive().starts_with("<30>"));
}

TEST_F(DatagramSinkTest, JournaldGetsFields) {
  start_daemon();
  open(target(LogTarget::Kind::journald));
  writer_->write("two\nlines");
  const std::string size("\x09\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(daemon_->receive(),
            "PRIORITY=6\nSYSLOG_FACILITY=16\nSYSLOG_IDENTIFIER=bonedry\nSYSLOG_PID=" + own_pid() +
                "\nMESSAGE\n" + size + "two\nlines\n");
}

TEST_F(DatagramSinkTest, ADaemonThatIsStartedAgainIsFoundAgain) {
  start_daemon();
  open(target());
  writer_->write("before");
  EXPECT_TRUE(daemon_->receive().ends_with(": before"));
  start_daemon();
  writer_->write("after");
  EXPECT_TRUE(daemon_->receive().ends_with(": after"));
  EXPECT_EQ(writer_->losses().lines, 0U);
}

TEST_F(DatagramSinkTest, WithoutADaemonLinesAreLostAndCounted) {
  open(target());
  writer_->write("one");
  writer_->write("two");
  writer_->flush();
  const LogLosses losses = writer_->losses();
  EXPECT_EQ(losses.lines, 2U);
  EXPECT_EQ(losses.errors, 2U);
  EXPECT_EQ(losses.why, "No such file or directory");
  start_daemon();
  writer_->write("three");
  EXPECT_TRUE(daemon_->receive().ends_with(": three"));
  EXPECT_EQ(writer_->losses().lines, 2U);
}

TEST_F(DatagramSinkTest, ADaemonThatDoesNotReadHoldsNobodyUp) {
  start_daemon();
  open(target());
  LogWriter::Queue queue = writer_->add_queue(4096);
  for (int i = 0; i < 10'000; ++i) queue.write(std::string(100, 'x'));
  EXPECT_GT(writer_->losses().lines, 0U) << "the socket holds a few, the queue 4 KiB";
  EXPECT_EQ(writer_->losses().why, "") << "it is only slow";
}

TEST_F(DatagramSinkTest, ReopeningConnectsAgain) {
  open(target());
  std::promise<Result<>> refused;
  writer_->reopen([&](const Result<>& result) { refused.set_value(result); });
  const Result<> result = refused.get_future().get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(),
            "cannot connect to " + (directory_ / "log") + ": No such file or directory");
  start_daemon();
  std::promise<Result<>> done;
  writer_->reopen([&](const Result<>& again) { done.set_value(again); });
  EXPECT_TRUE(done.get_future().get());
}

TEST_F(DatagramSinkTest, APathThatIsTooLongForASocketIsReported) {
  LogTarget far = target();
  far.name += std::string(200, 'x');
  open(far);
  writer_->write("x");
  writer_->flush();
  EXPECT_EQ(writer_->losses().why, "File name too long");
}

}  // namespace
}  // namespace bonedry
