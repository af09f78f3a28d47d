#include "proxy/base/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>

namespace bonedry {
namespace {

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    char pattern[] = "/tmp/bdlogXXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~LogWriterTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] static std::string content(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  std::string folder_;
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
    (*writer)->reopen([](const std::string& why) { FAIL() << why; });
    (*writer)->write("new");
  }
  EXPECT_EQ(content(path("log")), "new\n");
  EXPECT_EQ(content(path("log.1")), "");
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
  EXPECT_FALSE(LogWriter::open({folder_}, 4096, [](auto, const auto&) {}));
}

}  // namespace
}  // namespace bonedry
