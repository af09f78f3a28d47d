#include "proxy/log_reopening.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::proxy {
namespace {

class LogReopeningTest : public testing::Test {
 protected:
  void open(const std::string& access) {
    conf::Log config;
    config.access = access;
    log_ = std::make_unique<AccessLog>(config);
  }
  /// Asks for it. The loop stops when the answer has come.
  void ask() {
    reopening_.reopen(*log_, [this](const Result<>& result) {
      EXPECT_FALSE(answer_) << "one answer only";
      answer_ = result;
      loop_.stop();
    });
    EXPECT_FALSE(answer_) << "not from inside the call";
  }

  const bonedry::test::TemporaryDirectory directory_;
  io::EventLoop loop_;
  ManualClock clock_;
  LogReopening reopening_{loop_, clock_};
  std::unique_ptr<AccessLog> log_;
  std::optional<Result<>> answer_;
};

TEST_F(LogReopeningTest, IsAnsweredOnTheLoopWhenItIsDone) {
  open(directory_ / "log");
  std::filesystem::rename(directory_ / "log", directory_ / "log.1");
  ask();
  loop_.run();
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(*answer_);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "log"));
}

TEST_F(LogReopeningTest, SaysWhyItFailed) {
  std::filesystem::create_directory(directory_ / "logs");
  open(directory_ / "logs/log");
  std::filesystem::remove_all(directory_ / "logs");
  ask();
  loop_.run();
  ASSERT_TRUE(answer_);
  ASSERT_FALSE(*answer_);
  EXPECT_EQ(answer_->error(),
            "cannot open " + (directory_ / "logs/log") + ": No such file or directory");
}

TEST_F(LogReopeningTest, NothingIsToBeDoneForALogThatIsOff) {
  open("off");
  ask();
  loop_.run();
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(*answer_);
}

TEST_F(LogReopeningTest, ALogThatHangsIsAnErrorInTime) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  open(directory_ / "fifo");
  AccessLogQueue queue = log_->add_queue();
  AccessEntry entry;
  const std::string agent(1000, 'x');
  entry.user_agent = agent;
  for (int i = 0; i < 1000; ++i) queue.write(entry);  // far more than a pipe holds
  ask();
  reopening_.tick();
  EXPECT_FALSE(answer_);
  clock_.advance(LogReopening::kTimeLimit);
  reopening_.tick();
  ASSERT_TRUE(answer_);
  ASSERT_FALSE(*answer_);
  EXPECT_EQ(answer_->error(), "a write to it has been waiting for more than 5s");
  reopening_.tick();
}

}  // namespace
}  // namespace bonedry::proxy
