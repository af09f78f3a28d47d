#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/exit_code.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Prints events as they happen for as long as the proxy runs, also through upgrades. A new process
/// sends recent events first; those that were printed are left out.
class Follower {
 public:
  /// `line`: the command.
  Follower(ProxyAddress proxy, std::string line)
      : proxy_(std::move(proxy)), line_(std::move(line)) {}

  ExitCode run();

 private:
  [[nodiscard]] Result<AdminRequest> connect();
  /// Nothing: another process has taken over.
  std::optional<ExitCode> follow(AdminRequest& request);
  void print(std::string_view line);
  [[nodiscard]] bool is_repeated(std::string_view line) const;

  SystemClock clock_;
  ProxyAddress proxy_;
  std::string line_;
  std::deque<std::string> printed_;  // as many as a proxy repeats
  std::optional<Instant> taken_over_at_;
};

}  // namespace bonedry::ctl
