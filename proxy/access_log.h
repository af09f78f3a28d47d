#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/log_writer.h"
#include "proxy/end_reason.h"
#include "proxy/io/tls_info.h"
#include "proxy/phase_clock.h"
#include "session/affinity.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

/// Whether a request began no session because of [pool.session] exempt.
enum class Exempt : std::uint8_t { no, yes };

/// Whether a pass took the request to its node.
enum class WithPass : std::uint8_t { no, yes };

/// The content of one line of the access log.
struct AccessEntry {
  WallTime at;
  std::string_view client;
  std::string_view method;
  std::string_view target;
  std::string_view host;        ///< as the client sent it, or empty
  std::string_view listener;    ///< its address, as configured
  std::string_view request_id;  ///< empty: there is none
  std::string_view trace_id;    ///< of traceparent; empty: there is none that is valid
  std::string_view protocol = "HTTP/1.1";
  std::uint32_t stream = 0;  ///< its id in HTTP/2; 0: the protocol has none
  int status = 0;
  std::uint64_t bytes_in = 0;   ///< request body
  std::uint64_t bytes_out = 0;  ///< response body
  Millis duration{0};
  PhaseTimes phases;
  std::string_view pool;
  std::string_view node;      ///< empty if no node was reached
  std::string_view decision;  ///< routing decision: "own_node", "fresh", …
  std::string_view session;   ///< first 8 hex digits of its key, or empty
  session::UserStatus user = session::UserStatus::present;  ///< as the response says
  Exempt exempt = Exempt::no;
  WithPass pass = WithPass::no;
  std::string_view user_agent;
  std::string_view referer;
  const io::TlsInfo* tls = nullptr;  ///< null: not encrypted
  std::string_view reason;           ///< text of a refusal, or empty
  EndReason end = EndReason::completed;
};

/// One worker's access log queue, used on the worker's thread only. Formats a line and queues it
/// without locking, allocating or blocking.
class AccessLogQueue {
 public:
  /// For an access log that is off: `write` does nothing.
  AccessLogQueue() = default;
  AccessLogQueue(conf::AccessFormat format, LogWriter::Queue lines)
      : format_(format), lines_(std::move(lines)) {}

  [[nodiscard]] bool enabled() const { return lines_.has_value(); }
  void write(const AccessEntry& entry);

 private:
  conf::AccessFormat format_ = conf::AccessFormat::json;
  std::optional<LogWriter::Queue> lines_;
};

/// Where the access log goes: a path, standard output, or the socket of syslog or journald.
[[nodiscard]] LogTarget log_target(const conf::Log& config);

/// The access log: one line per exchange, written on a thread of its own. Thread-safe. When the
/// target is too slow, new lines are dropped instead of delaying requests; how many were lost is
/// logged.
class AccessLog {
 public:
  /// Throws std::runtime_error when the file cannot be opened.
  explicit AccessLog(const conf::Log& config);
  /// With another target than the one that the config names.
  AccessLog(const conf::Log& config, const LogTarget& target);

  /// A queue for one more thread.
  [[nodiscard]] AccessLogQueue add_queue();
  /// Reopens the configured path after the file was renamed (log rotation), or connects again. If
  /// that fails, the old file stays in use. See LogWriter::reopen; if the log is off, `done` is
  /// called from inside this call.
  void reopen(LogWriter::OnReopened done);
  [[nodiscard]] LogLosses losses() const;

 private:
  conf::AccessFormat format_;
  std::unique_ptr<LogWriter> writer_;
};

}  // namespace bonedry::proxy
