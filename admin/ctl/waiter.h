#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/background.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/interrupts.h"
#include "admin/ctl/progress.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::ctl {

/// What bonedryctl waits for.
enum class Goal : std::uint8_t { dry, healthy };

/// Waits until a node is dry, and shows the progress meanwhile; or until it is healthy. The proxy
/// may be restarted during the wait: its node states survive, and the wait goes on.
class Waiter {
 public:
  struct Result {
    ExitCode code = ExitCode::done;
    std::string response;     ///< the proxy's own JSON; empty when it sent none
    std::string explanation;  ///< one line for people
  };

  /// Whether the proxy is known to have been running: then a failed connect is retried.
  enum class ProxySeen : std::uint8_t { no, yes };

  struct Request {
    ProxyAddress proxy;
    std::string node;
    Goal goal = Goal::dry;
    std::optional<Millis> timeout;  ///< nothing: no limit
    ProxySeen seen = ProxySeen::no;
    Background* background = nullptr;  ///< runs meanwhile
  };

  /// `interrupts` end the wait. Both must outlive this, and so must the background.
  Waiter(Request request, Interrupts& interrupts, Progress& progress);

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
  [[nodiscard]] std::string explanation_of(const ReportedWait& outcome) const;
  [[nodiscard]] std::string line() const;
  [[nodiscard]] Millis elapsed() const { return clock_.now() - began_; }

  // Many: a wait is two requests, their times, and what is known of the proxy.
  SystemClock clock_;
  Request request_;
  Interrupts& interrupts_;
  Progress& progress_;
  Instant began_;

  std::optional<AdminRequest> wait_;
  Instant next_attempt_;
  std::optional<Instant> disconnected_since_;  ///< empty once progress is received again
  std::string why_lost_;
  std::optional<AdminRequest> status_;
  Instant next_status_;
};

}  // namespace bonedry::ctl
