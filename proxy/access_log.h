#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/log_writer.h"
#include "proxy/end_reason.h"
#include "session/affinity.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

/// What one line of the access log says.
struct AccessEntry {
  WallTime at;
  std::string_view client;
  std::string_view method;
  std::string_view target;
  int version_minor = 1;
  int status = 0;
  std::uint64_t bytes_in = 0;   ///< request body
  std::uint64_t bytes_out = 0;  ///< response body
  Millis duration{0};
  std::string_view pool;
  std::string_view node;                             ///< empty: none was reached
  std::string_view decision;                         ///< why that node: "own_node", "fresh", …
  std::string_view session;                          ///< first eight digits of its key, or empty
  session::Presence user = session::Presence::here;  ///< left: this exchange logged them out
  std::string_view user_agent;
  std::string_view referer;
  std::string_view reason;  ///< of a refusal, in words; or empty
  EndReason end = EndReason::completed;
};

/// One worker's way into the access log, on its thread: formats a line and queues it, without a
/// lock, an allocation or a wait.
class AccessLogQueue {
 public:
  /// Of a log that is off.
  AccessLogQueue() = default;
  AccessLogQueue(conf::AccessFormat format, LogWriter::Queue lines)
      : format_(format), lines_(std::move(lines)) {}

  [[nodiscard]] bool enabled() const { return lines_.has_value(); }
  void write(const AccessEntry& entry);

 private:
  conf::AccessFormat format_ = conf::AccessFormat::json;
  std::optional<LogWriter::Queue> lines_;
};

/// One line per exchange, written by a thread of its own. Thread-safe. When nobody takes the lines
/// in time, those that come are lost rather than a request held up; how many is logged.
class AccessLog {
 public:
  /// Throws std::runtime_error when the file cannot be opened.
  explicit AccessLog(const conf::Log& config);

  /// A queue for one more thread.
  [[nodiscard]] AccessLogQueue add_queue();
  /// Lets go of a file that was renamed, and opens the one of the config's name.
  void reopen();

 private:
  conf::AccessFormat format_;
  std::unique_ptr<LogWriter> writer_;
};

}  // namespace bonedry::proxy
