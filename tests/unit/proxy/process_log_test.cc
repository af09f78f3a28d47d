#include "proxy/process_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <new>
#include <string>
#include <string_view>

namespace bonedry::proxy {
namespace {

/// Redirects standard error to a pipe while the object exists.
class Captured {
 public:
  Captured() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC), 0);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~Captured() {
    ::dup2(before_, STDERR_FILENO);
    for (const int fd : {before_, ends_[0], ends_[1]}) ::close(fd);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  [[nodiscard]] std::string text() const {
    std::array<char, 4096> bytes{};
    const ssize_t size = ::read(ends_[0], bytes.data(), bytes.size());
    return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  int before_;
  std::array<int, 2> ends_{};
};

std::string fails(std::string_view /*text*/) {
  throw std::bad_alloc();
}

TEST(ProcessLog, WhatCannotBeLoggedIsNotWrittenPastTheQueue) {
  const Captured standard_error;
  const auto before = spdlog::default_logger();
  {
    const ProcessLog log(fails);
    spdlog::error("there is no memory for this");
  }
  spdlog::set_default_logger(before);
  EXPECT_EQ(standard_error.text(), "log: a line could not be written\n")
      << "what is written otherwise waits for who reads it";
}

}  // namespace
}  // namespace bonedry::proxy
