#include "admin/ctl/follower.h"

#include "admin/command_table.h"
#include "admin/ctl/restart.h"
#include "admin/printable.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

namespace bonedry::ctl {
namespace {

constexpr Millis kUpgradeTimeLimit = std::chrono::seconds{10};
/// EventLog::kKept.
constexpr std::size_t kRepeated = 1000;

}  // namespace

ExitCode Follower::run() {
  while (true) {
    auto request = connect();
    if (!request) {
      std::fputs(admin::error_line(request.error()).c_str(), stderr);
      return ExitCode::unreachable;
    }
    if (const auto code = follow(*request)) return *code;
    taken_over_at_ = clock_.now();
  }
}

/// The socket of the process that has taken over may need a moment.
Result<AdminRequest> Follower::connect() {
  while (true) {
    auto request = AdminRequest::start(proxy_, line_);
    if (request || !taken_over_at_) return request;
    if (clock_.now() - *taken_over_at_ >= kUpgradeTimeLimit) return request;
    std::this_thread::sleep_for(kRetryInterval);
  }
}

std::optional<ExitCode> Follower::follow(AdminRequest& request) {
  AdminRequest::State state = AdminRequest::State::receiving;
  while (state == AdminRequest::State::receiving) {
    pollfd watched{request.fd(), POLLIN, 0};
    ::poll(&watched, 1, -1);
    state = request.advance();
    const std::string lines = request.take_lines();
    for (std::size_t begin = 0; begin < lines.size();) {
      const std::size_t end = lines.find('\n', begin) + 1;
      const std::string line = lines.substr(begin, end - begin);
      begin = end;
      if (line == admin::error_line(admin::kTakenOver)) return std::nullopt;
      if (is_error(line)) {
        std::fputs(line.c_str(), stderr);
        return is_retryable(line) ? ExitCode::unreachable : ExitCode::refused;
      }
      print(line);
    }
  }
  std::fputs(admin::error_line("lost the connection to bonedry").c_str(), stderr);
  return ExitCode::unreachable;
}

void Follower::print(std::string_view line) {
  if (is_repeated(line)) return;
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
  printed_.emplace_back(line);
  if (printed_.size() > kRepeated) printed_.pop_front();
}

bool Follower::is_repeated(std::string_view line) const {
  return std::ranges::find(printed_, line) != printed_.end();
}

}  // namespace bonedry::ctl
