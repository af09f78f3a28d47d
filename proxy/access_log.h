#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/end_reason.h"
#include "session/affinity.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}  // namespace spdlog

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
  std::string_view verdict;                          ///< why that node: "own_node", "fresh", …
  std::string_view session;                          ///< first eight digits of its key, or empty
  session::Presence user = session::Presence::here;  ///< left: this exchange logged them out
  std::string_view user_agent;
  std::string_view referer;
  EndReason end = EndReason::completed;
};

/// One line per exchange, written by a thread of its own. Thread-safe. When the disk cannot keep
/// up, the oldest waiting lines are lost rather than a request held up; how many is logged.
class AccessLog {
 public:
  /// Throws std::runtime_error when the file cannot be opened.
  explicit AccessLog(const conf::Log& config);
  ~AccessLog();

  [[nodiscard]] bool enabled() const { return logger_ != nullptr; }
  void write(const AccessEntry& entry);

 private:
  struct Backend;
  conf::AccessFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
  std::unique_ptr<Backend> backend_;  // goes first: its thread is joined while the logger is there
};

}  // namespace bonedry::proxy
