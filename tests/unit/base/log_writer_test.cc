#include "proxy/base/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bonedry {
namespace {

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    char pattern[] = "/tmp/bdlogXXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~LogWriterTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] static std::string content(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  std::string directory_;
};

TEST_F(LogWriterTest, NobodyReadsAndNobodyWaits) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  std::uint64_t lost = 0;
  {
    auto writer = LogWriter::open({path("fifo")}, 4096,
                                  [&](std::uint64_t lines, const auto&) { lost += lines; });
    ASSERT_TRUE(writer) << writer.error();
    for (int i = 0; i < 10'000; ++i) (*writer)->write(std::string(100, 'x'));
  }
  EXPECT_GT(lost, 0U) << "the pipe holds 64 KiB, the queue 4";
}

TEST_F(LogWriterTest, AllIsWrittenAtTheEnd) {
  {
    auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) { FAIL(); });
    ASSERT_TRUE(writer) << writer.error();
    (*writer)->write("one");
    (*writer)->write("two");
  }
  EXPECT_EQ(content(path("log")), "one\ntwo\n");
}

TEST_F(LogWriterTest, EachThreadHasAQueueOfItsOwn) {
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  {
    auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) { FAIL(); });
    ASSERT_TRUE(writer) << writer.error();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([queue = (*writer)->add_queue(1U << 20U)]() mutable {
        for (int line = 0; line < kLines; ++line) queue.write("a line");
      });
    }
    for (std::thread& each : threads) each.join();
    (*writer)->write("the last");
  }
  const std::string text = content(path("log"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), kThreads * kLines + 1);
  EXPECT_NE(text.find("the last\n"), std::string::npos);
}

TEST_F(LogWriterTest, AQueueWakesAWriterThatSleeps) {
  auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) { FAIL(); });
  ASSERT_TRUE(writer) << writer.error();
  LogWriter::Queue queue = (*writer)->add_queue(4096);
  std::string wanted;
  for (int line = 0; line < 200; ++line) {
    queue.write("a line");
    (*writer)->flush();  // so that it sleeps, or is about to sleep
    wanted += "a line\n";
    ASSERT_EQ(content(path("log")), wanted) << line;
  }
}

TEST_F(LogWriterTest, AQueueThatOutlivesItsWriterLeadsNowhere) {
  auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) {});
  ASSERT_TRUE(writer) << writer.error();
  LogWriter::Queue queue = (*writer)->add_queue(4096);
  writer->reset();
  for (int line = 0; line < 2000; ++line) queue.write("a line");
  EXPECT_EQ(content(path("log")), "");
}

TEST_F(LogWriterTest, LastWordsAreWrittenBeforeAProcessThatEndsAtOnce) {
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove(path("log"));
    const pid_t child = ::fork();
    if (child == 0) {
      auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) {});
      (*writer)->write("ending");
      (*writer)->flush();
      std::_Exit(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ASSERT_EQ(content(path("log")), "ending\n");
  }
}

TEST_F(LogWriterTest, ATargetThatNobodyReadsHoldsUpNoFlushForLong) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  auto writer = LogWriter::open({path("fifo")}, 256 * 1024, [](auto, const auto&) {});
  ASSERT_TRUE(writer) << writer.error();
  for (int i = 0; i < 1000; ++i) (*writer)->write(std::string(200, 'x'));
  const auto begun = std::chrono::steady_clock::now();
  (*writer)->flush();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2 * LogWriter::kFlushWithin);
}

TEST_F(LogWriterTest, AFileThatWasRenamedIsLetGo) {
  {
    auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) {});
    ASSERT_TRUE(writer) << writer.error();
    std::filesystem::rename(path("log"), path("log.1"));
    std::promise<Result<>> done;
    (*writer)->reopen([&](const Result<>& result) { done.set_value(result); });
    EXPECT_TRUE(done.get_future().get());
    (*writer)->write("new");
  }
  EXPECT_EQ(content(path("log")), "new\n");
  EXPECT_EQ(content(path("log.1")), "");
}

TEST_F(LogWriterTest, AFileThatCannotBeOpenedAgainStaysInUse) {
  std::filesystem::create_directory(path("logs"));
  const std::string file = path("logs") + "/log";
  {
    auto writer = LogWriter::open({file}, 4096, [](auto, const auto&) {});
    ASSERT_TRUE(writer) << writer.error();
    std::filesystem::rename(path("logs"), path("moved"));
    std::promise<Result<>> done;
    (*writer)->reopen([&](const Result<>& result) { done.set_value(result); });
    const Result<> result = done.get_future().get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), "cannot open " + file + ": No such file or directory");
    (*writer)->write("still");
  }
  EXPECT_EQ(content(path("moved") + "/log"), "still\n");
}

TEST_F(LogWriterTest, EveryRequestToReopenIsAnswered) {
  auto writer = LogWriter::open({path("log")}, 4096, [](auto, const auto&) {});
  ASSERT_TRUE(writer) << writer.error();
  std::vector<std::promise<Result<>>> done(20);
  for (auto& each : done) {
    (*writer)->reopen([&each](const Result<>& result) { each.set_value(result); });
  }
  for (auto& each : done) EXPECT_TRUE(each.get_future().get());
}

TEST_F(LogWriterTest, LossesAreReportedAtOnceWhereThatIsWanted) {
  std::promise<std::pair<std::uint64_t, std::string>> first;
  std::uint64_t reported = 0;
  {
    auto writer = LogWriter::open(
        {"/dev/full"}, 4096,
        [&](std::uint64_t lines, const std::string& why) {
          if (reported == 0) first.set_value({lines, why});
          reported += lines;
        },
        LogWriter::Report::at_once);
    ASSERT_TRUE(writer) << writer.error();
    EXPECT_EQ((*writer)->losses().age, std::nullopt);
    (*writer)->write("one");
    const auto [lines, why] = first.get_future().get();
    EXPECT_EQ(lines, 1U);
    EXPECT_EQ(why, "No space left on device");
    for (int i = 0; i < 5; ++i) {
      (*writer)->write("more");
      (*writer)->flush();
    }
    const LogLosses losses = (*writer)->losses();
    EXPECT_EQ(losses.lines, 6U);
    EXPECT_EQ(losses.errors, 6U);
    EXPECT_EQ(losses.why, "No space left on device");
    EXPECT_TRUE(losses.age);
    EXPECT_EQ(reported, 1U) << "the others wait for the next report";
  }
  EXPECT_EQ(reported, 6U);
}

TEST_F(LogWriterTest, WhatATargetThatHangsCostsIsKnownWhileItHangs) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  auto writer = LogWriter::open({path("fifo")}, 4096, [](auto, const auto&) {});
  ASSERT_TRUE(writer) << writer.error();
  LogWriter::Queue queue = (*writer)->add_queue(4096);
  for (int i = 0; i < 10'000; ++i) queue.write(std::string(100, 'x'));
  const LogLosses losses = (*writer)->losses();
  EXPECT_GT(losses.lines, 0U);
  EXPECT_EQ(losses.errors, 0U);
  EXPECT_EQ(losses.why, "");
  EXPECT_TRUE(losses.age);
}

TEST_F(LogWriterTest, AFullDiskLosesLinesAndCountsThem) {
  std::promise<std::uint64_t> lost;
  {
    auto writer = LogWriter::open({"/dev/full"}, 4096,
                                  [&](std::uint64_t lines, const auto&) { lost.set_value(lines); });
    ASSERT_TRUE(writer) << writer.error();
    (*writer)->write("one");
  }
  EXPECT_EQ(lost.get_future().get(), 1U);
}

TEST_F(LogWriterTest, AFolderIsRefused) {
  EXPECT_FALSE(LogWriter::open({directory_}, 4096, [](auto, const auto&) {}));
}

}  // namespace
}  // namespace bonedry
