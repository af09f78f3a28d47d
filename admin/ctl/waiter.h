#pragma once

#include "admin/ctl/call.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/figures.h"
#include "admin/ctl/progress.h"
#include "proxy/base/clock.h"
#include "proxy/base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::ctl {

/// Waits until a node is dry, and shows the figures meanwhile. The proxy may be restarted during
/// the wait: its nodes stay as they are, and so does the wait.
class Waiter {
 public:
  struct Ending {
    ExitCode code = ExitCode::done;
    std::string answer;       ///< the proxy's own JSON; empty when it gave none
    std::string explanation;  ///< one line for people
  };

  /// Whether the proxy is known to have been there: then a failed connect is worth another try.
  enum class Known : std::uint8_t { no, yes };

  /// Blocks SIGINT and SIGTERM for the rest of the process: they end the wait.
  Waiter(std::string socket, std::string node, std::optional<Millis> timeout, Known known,
         Progress& progress);

  Ending run();

 private:
  std::optional<Ending> connect();
  [[nodiscard]] std::optional<Ending> give_up() const;
  void poll();
  std::optional<Ending> look_at_signals();
  std::optional<Ending> look_at_wait();
  void look_at_status();

  void on_lost(std::string why);
  Ending on_answer(const std::string& answer);
  [[nodiscard]] std::string line() const;
  [[nodiscard]] Millis elapsed() const { return clock_.now() - began_; }

  SystemClock clock_;
  std::string socket_;
  std::string node_;
  std::optional<Millis> timeout_;
  Known known_;
  Progress& progress_;
  UniqueFd signals_;
  Instant began_;

  std::optional<Call> wait_;
  Instant next_attempt_;
  std::optional<Instant> lost_since_;  ///< until figures come again
  std::string why_lost_;
  std::optional<Call> status_;
  Instant next_status_;
};

}  // namespace bonedry::ctl
