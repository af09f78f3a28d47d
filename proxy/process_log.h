#pragma once

#include "conf/config.h"
#include "proxy/base/log_writer.h"

#include <memory>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// Sends what is logged with spdlog to standard error while this object exists. Logging never
/// blocks on a slow reader. Made and destroyed on the main thread, before and after all other
/// threads that log.
class ProcessLog {
 public:
  /// Escapes characters that would hide or reorder text on a terminal.
  using Escape = std::string (*)(std::string_view text);
  explicit ProcessLog(Escape escape);
  ~ProcessLog();
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  static void set_level(conf::LogLevel level);
  /// Logs text for people, without time and level.
  void say(std::string_view text);

 private:
  Escape escape_;
  std::shared_ptr<LogWriter> writer_;  // nullptr: there is no standard error
};

}  // namespace bonedry::proxy
