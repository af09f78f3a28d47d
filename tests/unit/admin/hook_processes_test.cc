#include "admin/hooks/hook_processes.h"

#include "proxy/base/file.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"
#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <sstream>
#include <string>

namespace bonedry::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Runs shell scripts on a real event loop.
class HookProcessesTest : public testing::Test {
 protected:
  HookProcessesTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(log);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::info);
    spdlog::set_default_logger(logger);
  }
  ~HookProcessesTest() override {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
  }

  void start(const std::string& script, Millis timeout = std::chrono::minutes{1}) {
    HookCommand command;
    command.name = "dry shop/alice";
    command.words = {"/bin/sh", "-c", script, "hook", "an argument"};
    command.environment = {"PATH=/usr/bin:/bin", "BONEDRY_EVENT=dry"};
    command.input = "{\"kind\":\"dry\"}\n";
    command.timeout = timeout;
    auto started = processes.start(command, [this](const HookEnd& how) {
      end = to_text(how);
      run.reset();
      loop.stop();
    });
    ASSERT_TRUE(started) << started.error();
    run = std::move(*started);
  }
  /// How it ended.
  std::string run_to_its_end(const std::string& script, Millis timeout = std::chrono::minutes{1}) {
    start(script, timeout);
    loop.run();
    return end;
  }

  bonedry::test::TemporaryDirectory directory_;
  const std::string written_ = directory_ / "written";
  std::ostringstream log;
  io::EventLoop loop;
  HookProcesses processes{loop};
  std::unique_ptr<HookRun> run;
  std::string end;
};

TEST_F(HookProcessesTest, HasItsWordsItsInputAndItsEnvironmentOnly) {
  ::setenv("BONEDRY_TEST_SECRET", "secret", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(run_to_its_end(R"(echo "$0 $1"; cat; env | sort)"), "exit code 0");
  EXPECT_THAT(log.str(), HasSubstr("info hook dry shop/alice: hook an argument\n"
                                   "info hook dry shop/alice: {\"kind\":\"dry\"}\n"
                                   "info hook dry shop/alice: BONEDRY_EVENT=dry\n"));
  EXPECT_THAT(log.str(), HasSubstr("PATH=/usr/bin:/bin\n"));
  EXPECT_THAT(log.str(), Not(HasSubstr("secret")));
}

TEST_F(HookProcessesTest, HasNoDescriptorOfOurs) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // NOLINT: without O_CLOEXEC, to be sure
  ASSERT_GE(leaky, 3);
  // The shell itself may have a descriptor from 10 on; those of `ls` are its own.
  EXPECT_EQ(run_to_its_end("ls /proc/self/fd | tr '\\n' ' '; echo"), "exit code 0");
  ::close(leaky);
  EXPECT_EQ(log.str(), "info hook dry shop/alice: 0 1 2 3 \n");
}

TEST_F(HookProcessesTest, HasDefaultSignals) {
  std::signal(SIGPIPE, SIG_IGN);
  // Those of the C library, 32 and 33, do not matter.
  EXPECT_EQ(run_to_its_end("grep -E 'SigBlk|SigIgn' /proc/self/status | tr '\\t' ' '"),
            "exit code 0");
  std::signal(SIGPIPE, SIG_DFL);
  EXPECT_THAT(log.str(), HasSubstr("SigBlk: 0000000000000000"));
  const std::size_t ignored = log.str().find("SigIgn: ");
  ASSERT_NE(ignored, std::string::npos);
  const std::uint64_t mask = std::stoull(log.str().substr(ignored + 8), nullptr, 16);
  EXPECT_EQ(mask & (1ULL << (SIGPIPE - 1)), 0U);
}

TEST_F(HookProcessesTest, TellsHowItEnded) {
  EXPECT_EQ(run_to_its_end("exit 3"), "exit code 3");
  EXPECT_EQ(run_to_its_end("kill -9 $$"), "killed by signal 9");
}

TEST_F(HookProcessesTest, LogsBothOutputsAndALastLineWithoutAnEnd) {
  run_to_its_end("echo one; echo two >&2; printf 'three\\033[m'");
  EXPECT_EQ(log.str(),
            "info hook dry shop/alice: one\ninfo hook dry shop/alice: two\n"
            "info hook dry shop/alice: three\\x1b[m\n");
}

TEST_F(HookProcessesTest, OutputIsBounded) {
  EXPECT_EQ(run_to_its_end("head -c 5000 /dev/zero | tr '\\0' x; echo; "
                           "yes | head -c 500000; echo last >&2"),
            "exit code 0");
  EXPECT_THAT(log.str(), HasSubstr("hook dry shop/alice: " + std::string(1024, 'x') + "\n"));
  EXPECT_THAT(log.str(), HasSubstr("warning hook dry shop/alice: more than 50 lines of output; the "
                                   "rest is not logged\n"));
  EXPECT_THAT(log.str(), Not(HasSubstr("last")));
  EXPECT_LT(log.str().size(), 10'000U);
}

TEST_F(HookProcessesTest, OutputWithoutEndIsReadSlowly) {
  // Its pipe is full most of the time: in 2 s it can write 40 times 64 KiB, and what a pipe holds.
  const std::string script =
      "yes | { while dd bs=65536 count=1 iflag=fullblock 2>/dev/null; do "
      "echo x >> " +
      written_ + "; done; }";
  EXPECT_EQ(run_to_its_end(script, std::chrono::seconds{2}), "time-out");
  const auto written = read_file(written_);
  ASSERT_TRUE(written) << written.error();
  EXPECT_GE(written->size(), 4U);
  EXPECT_LE(written->size() / 2, 44U);
}

TEST_F(HookProcessesTest, OneThatHangsIsEnded) {
  EXPECT_EQ(run_to_its_end("echo begun; sleep 1000; echo never", Millis{100}), "time-out");
  EXPECT_THAT(log.str(), HasSubstr("begun"));
  EXPECT_THAT(log.str(), Not(HasSubstr("never")));
}

TEST_F(HookProcessesTest, OneThatIgnoresSigtermIsKilledWithAllThatItStarted) {
  const std::string script =
      "trap '' TERM; (trap '' TERM; sleep 1000) & echo child $!; wait; sleep 1000";
  EXPECT_EQ(run_to_its_end(script, Millis{100}), "time-out");
  const std::size_t at = log.str().find("child ");
  ASSERT_NE(at, std::string::npos);
  const int child = std::stoi(log.str().substr(at + 6));
  // It may not have been reaped yet by its new parent.
  for (int i = 0; i < 200 && ::kill(child, 0) == 0; ++i) {
    std::ostringstream path;
    path << "/proc/" << child << "/stat";
    const auto stat = read_file(path.str());
    if (stat && stat->find(") Z ") != std::string::npos) return;
    ::usleep(10'000);
  }
  EXPECT_NE(::kill(child, 0), 0);
}

TEST_F(HookProcessesTest, WhatItLeavesRunningIsNotWaitedFor) {
  EXPECT_EQ(run_to_its_end("sleep 1000 & echo $!"), "exit code 0");
  const std::size_t at = log.str().find("alice: ");
  ASSERT_NE(at, std::string::npos);
  const int child = std::stoi(log.str().substr(at + 7));
  EXPECT_EQ(::kill(child, SIGKILL), 0);  // it was left alone
}

TEST_F(HookProcessesTest, CanBeAskedToEnd) {
  start("trap 'echo asked; exit 7' TERM; echo ready; sleep 1000 & wait");
  io::Timer poll(loop.timers(), [&] {
    if (log.str().find("ready") != std::string::npos) return run->end();
    poll.arm(Millis{50});
  });
  poll.arm(Millis{50});
  loop.run();
  EXPECT_EQ(end, "exit code 7");
  EXPECT_THAT(log.str(), HasSubstr("asked"));
}

TEST_F(HookProcessesTest, AProgramThatIsAbsentIsAnError) {
  HookCommand command;
  command.words = {"/nowhere/notify"};
  const auto started = processes.start(command, [](const HookEnd&) {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "cannot run /nowhere/notify: No such file or directory");
}

}  // namespace
}  // namespace bonedry::admin
