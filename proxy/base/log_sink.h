#pragma once

#include "proxy/base/result.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry {

/// Where lines go.
struct LogTarget {
  enum class Kind : std::uint8_t {
    file,      ///< a file, FIFO or character device
    syslog,    ///< datagrams as syslog(3) sends them
    journald,  ///< datagrams of systemd's native protocol
  };

  /// A path; that of a socket unless the kind is `file`. Of a file, "stdout", "/dev/stdout",
  /// "stderr" and "/dev/stderr" are the descriptors of the process.
  std::string name;
  Kind kind = Kind::file;
  int facility = 16;  ///< of syslog and journald (RFC 5424, section 6.2.1); 16: local0
};

/// A target as the thread of a LogWriter writes to it. One thread.
class LogSink {
 public:
  /// A file that cannot be opened, or is none of the three kinds, is an error for the operator. The
  /// socket of a daemon may be missing: see DatagramSink.
  static Result<std::unique_ptr<LogSink>> open(const LogTarget& target);
  virtual ~LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  /// The most bytes of whole lines that one `write` should get; if the first line is longer, it
  /// comes alone.
  [[nodiscard]] virtual std::size_t max_batch() const = 0;
  /// The descriptor to wait for, until it has room, before each `write`; -1: none.
  [[nodiscard]] virtual int waits_for() const = 0;
  /// Like write(2): the number of bytes that were written, or -1 and errno.
  [[nodiscard]] virtual ssize_t write(std::string_view lines) = 0;
  /// Opens the target again, so that a file that was renamed is closed. An error leaves the old one
  /// in use. Does nothing for a descriptor of the process.
  [[nodiscard]] virtual Result<> reopen() = 0;

 protected:
  LogSink() = default;
};

}  // namespace bonedry
