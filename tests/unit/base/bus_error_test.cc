#include "proxy/base/bus_error.h"

#include "proxy/base/signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <thread>

namespace bonedry {
namespace {

constexpr std::size_t kLength = 8192;

/// Maps a file and truncates it, so that an access raises SIGBUS.
char* lost_bytes() {
  std::string path = "/tmp/bonedry-unit-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ::unlink(path.c_str());
  if (::ftruncate(fd, kLength) != 0) return nullptr;
  auto* const bytes =
      static_cast<char*>(::mmap(nullptr, kLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  if (::ftruncate(fd, 0) != 0) return nullptr;
  return bytes;
}

TEST(BusErrorTest, ATruncatedFileEndsTheProcessWithAWord) {
  const auto touch = [] {
    end_on_bus_error("the ledger was truncated", 3);
    *static_cast<volatile char*>(lost_bytes()) = 1;
  };
  EXPECT_EXIT(touch(), testing::ExitedWithCode(3), "the ledger was truncated");
}

TEST(BusErrorTest, OnAThreadThatBlocksSignalsToo) {
  const auto touch = [] {
    end_on_bus_error("the ledger was truncated", 3);
    std::thread([] {
      block_signals();
      *static_cast<volatile char*>(lost_bytes()) = 1;
    }).join();
  };
  EXPECT_EXIT(touch(), testing::ExitedWithCode(3), "the ledger was truncated");
}

TEST(BusErrorTest, AStandardErrorThatNobodyReadsDoesNotKeepIt) {
  const auto touch = [] {
    end_on_bus_error("the ledger was truncated", 3);
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK) != 0) return;
    while (::write(ends[1], "x", 1) == 1) continue;
    ::fcntl(ends[1], F_SETFL, 0);  // blocking, as a service manager's pipe is
    ::dup2(ends[1], STDERR_FILENO);
    *static_cast<volatile char*>(lost_bytes()) = 1;
  };
  EXPECT_EXIT(touch(), testing::ExitedWithCode(3), "");
}

TEST(BusErrorTest, ASignalThatSomebodySentIsNoFault) {
  const auto send = [] {
    end_on_bus_error("the ledger was truncated", 3);
    ::raise(SIGBUS);
    ::raise(SIGBUS);
  };
  EXPECT_EXIT(send(), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace bonedry
