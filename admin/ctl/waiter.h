#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/progress.h"
#include "proxy/base/clock.h"
#include "proxy/base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::ctl {

/// Waits until a node is dry, and shows the progress meanwhile. The proxy may be restarted during
/// the wait: its node states survive, and the wait goes on.
class Waiter {
 public:
  struct Result {
    ExitCode code = ExitCode::done;
    std::string response;     ///< the proxy's own JSON; empty when it sent none
    std::string explanation;  ///< one line for people
  };

  /// Whether the proxy is known to have been running: then a failed connect is retried.
  enum class ProxySeen : std::uint8_t { no, yes };

  /// Blocks SIGINT and SIGTERM for the rest of the process: they end the wait.
  Waiter(std::string socket, std::string node, std::optional<Millis> timeout, ProxySeen seen,
         Progress& progress);

  Result run();

 private:
  std::optional<Result> connect();
  [[nodiscard]] std::optional<Result> check_retry_limit() const;
  void poll();
  std::optional<Result> check_signals();
  std::optional<Result> read_wait();
  void read_status();

  void on_lost(std::string why);
  Result on_response(const std::string& response);
  [[nodiscard]] std::string line() const;
  [[nodiscard]] Millis elapsed() const { return clock_.now() - began_; }

  // Many: a wait is two requests, their times, and what is known of the proxy.
  SystemClock clock_;
  std::string socket_;
  std::string node_;
  std::optional<Millis> timeout_;
  ProxySeen proxy_seen_;
  Progress& progress_;
  UniqueFd signals_;
  Instant began_;

  std::optional<AdminRequest> wait_;
  Instant next_attempt_;
  std::optional<Instant> disconnected_since_;  ///< empty once progress is received again
  std::string why_lost_;
  std::optional<AdminRequest> status_;
  Instant next_status_;
};

}  // namespace bonedry::ctl
