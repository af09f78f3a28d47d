#pragma once

#include "conf/config.h"
#include "proxy/base/log_writer.h"

#include <memory>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// Sends what is logged with spdlog to standard error, for as long as this lives; nobody ever waits
/// for who reads it. Made and destroyed on the main thread, before and after all others that log.
class ProcessLog {
 public:
  /// Writes out what would hide or turn text on a terminal, whoever wrote it.
  using Escape = std::string (*)(std::string_view text);
  explicit ProcessLog(Escape escape);
  ~ProcessLog();
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  static void set_level(conf::LogLevel level);
  /// Text for people, as it is: no time, no level.
  void say(std::string_view text);

 private:
  Escape escape_;
  std::shared_ptr<LogWriter> writer_;  // none: there is no standard error
};

}  // namespace bonedry::proxy
