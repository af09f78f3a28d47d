#pragma once

#include "proxy/base/log_sink.h"
#include "proxy/base/unique_fd.h"

#include <string>
#include <string_view>
#include <utility>

namespace bonedry {

/// A log daemon on this machine that takes datagrams on a Unix socket: syslog or journald. Each
/// line is one. The daemon may be missing or restart: every line tries to reach it anew, and is
/// lost if it cannot.
class DatagramSink final : public LogSink {
 public:
  static constexpr const char* kSyslogSocket = "/dev/log";
  static constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
  /// The name under which the daemon files the lines.
  static constexpr std::string_view kTag = "bonedry";

  explicit DatagramSink(LogTarget target) : target_(std::move(target)) { (void)connect(); }

  [[nodiscard]] std::size_t max_batch() const override { return 1; }
  [[nodiscard]] int waits_for() const override { return socket_.get(); }
  [[nodiscard]] ssize_t write(std::string_view lines) override;
  [[nodiscard]] Result<> reopen() override;

 private:
  /// Connects to the socket. False: that failed, see errno.
  [[nodiscard]] bool connect();
  void render(std::string_view line);
  [[nodiscard]] bool send();

  const LogTarget target_;
  UniqueFd socket_;      // closed: the daemon could not be reached
  std::string message_;  // keeps its memory
};

}  // namespace bonedry
