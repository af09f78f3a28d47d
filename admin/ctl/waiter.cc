#include "admin/ctl/waiter.h"

#include "admin/command_line.h"
#include "admin/printable.h"
#include "proxy/base/duration.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace bonedry::ctl {
namespace {

/// Limit for a restart of the proxy, with time for one that loads a large ledger.
constexpr Millis kRestartTimeLimit = std::chrono::seconds{30};
constexpr Millis kRetryInterval{250};

UniqueFd catch_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

std::string why_not_dry_text(const ReportedWait& outcome) {
  return admin::why_not_dry(outcome.node, outcome.left, outcome.blocked_by) +
         (outcome.forecast ? "; " + admin::to_text(*outcome.forecast) : "");
}

}  // namespace

Waiter::Waiter(std::string socket, std::string node, std::optional<Millis> timeout, ProxySeen seen,
               Progress& progress)
    : socket_(std::move(socket)),
      node_(std::move(node)),
      timeout_(timeout),
      proxy_seen_(seen),
      progress_(progress),
      signals_(catch_signals()),
      began_(clock_.now()) {}

Waiter::Result Waiter::run() {
  while (true) {
    if (!wait_) {
      if (auto ending = connect()) return *std::move(ending);
      if (auto ending = check_retry_limit()) return *std::move(ending);
    }
    poll();
    if (auto ending = check_signals()) return *std::move(ending);
    if (auto ending = read_wait()) return *std::move(ending);
    read_status();
  }
}

/// Starts the wait in the proxy. If it returns nothing and does not set `wait_`, try again later.
std::optional<Waiter::Result> Waiter::connect() {
  const Instant now = clock_.now();
  if (now < next_attempt_) return std::nullopt;
  next_attempt_ = now + kRetryInterval;
  auto call = AdminRequest::start(socket_, line());
  if (call) {
    wait_ = std::move(*call);
    proxy_seen_ = ProxySeen::yes;
    return std::nullopt;
  }
  if (proxy_seen_ == ProxySeen::no) return Result{ExitCode::unreachable, "", call.error()};
  on_lost(call.error());
  return std::nullopt;
}

/// A lost connection is retried for a limited time only.
std::optional<Waiter::Result> Waiter::check_retry_limit() const {
  if (wait_ || !disconnected_since_) return std::nullopt;
  if (timeout_ && elapsed() >= *timeout_) {
    return Result{ExitCode::timed_out, "",
                  "timed out after " + format_duration(*timeout_) + ": " + why_lost_};
  }
  if (clock_.now() - *disconnected_since_ < kRestartTimeLimit) return std::nullopt;
  return Result{ExitCode::unreachable, "", why_lost_};
}

/// Waits until something happens, or the next status or the next attempt to connect is due.
void Waiter::poll() {
  const Instant now = clock_.now();
  Millis time_limit = wait_ ? std::chrono::seconds{1} : kRetryInterval;
  if (wait_ && !status_) time_limit = std::clamp(next_status_ - now, Millis{0}, time_limit);
  // poll() ignores descriptors of -1.
  std::array<pollfd, 3> watched{{{signals_.get(), POLLIN, 0},
                                 {wait_ ? wait_->fd() : -1, POLLIN, 0},
                                 {status_ ? status_->fd() : -1, POLLIN, 0}}};
  ::poll(watched.data(), watched.size(), static_cast<int>(time_limit.count()));
}

std::optional<Waiter::Result> Waiter::check_signals() {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) return std::nullopt;
  const bool interrupted = signal.ssi_signo == SIGINT;
  return Result{interrupted ? ExitCode::interrupted : ExitCode::terminated, "",
                "interrupted: no longer waiting, but " + node_ +
                    " keeps bleeding; 'bonedryctl wait " + node_ + "' waits again"};
}

std::optional<Waiter::Result> Waiter::read_wait() {
  if (!wait_) return std::nullopt;
  const AdminRequest::State state = wait_->advance();
  if (state == AdminRequest::State::receiving) return std::nullopt;
  if (state == AdminRequest::State::complete && !is_retryable(wait_->response())) {
    return on_response(wait_->response());
  }
  on_lost("the connection to bonedry was lost");
  return std::nullopt;
}

void Waiter::read_status() {
  if (!wait_) return;
  if (!status_) {
    if (clock_.now() < next_status_) return;
    next_status_ = clock_.now() + progress_.interval();
    if (auto call = AdminRequest::start(socket_, "status json")) status_ = std::move(*call);
    return;
  }
  if (status_->advance() == AdminRequest::State::receiving) return;
  if (const auto progress = parse_node_progress(status_->response(), node_)) {
    disconnected_since_.reset();
    node_ = progress->node;  // the full name: a short name may become ambiguous
    progress_.show(*progress, elapsed());
  }
  status_.reset();
}

void Waiter::on_lost(std::string why) {
  why_lost_ = std::move(why);
  wait_.reset();
  status_.reset();
  if (disconnected_since_) return;
  disconnected_since_ = clock_.now();
  progress_.note("lost the connection to bonedry; retrying for up to " +
                 format_duration(kRestartTimeLimit));
}

Waiter::Result Waiter::on_response(const std::string& response) {
  if (is_error(response)) {
    // A node that is missing after the restart will not come back for this wait.
    const ExitCode code = disconnected_since_ ? ExitCode::cannot_succeed : ExitCode::refused;
    return {code, "", response.substr(7, response.find('\n') - 7)};
  }
  const auto outcome = parse_wait_result(response);
  if (!outcome) return {ExitCode::refused, "", "cannot parse the response from bonedry"};
  switch (outcome->code) {
    case ExitCode::done:
      return {ExitCode::done, response,
              "dry: no users left on " + outcome->node + " (waited " + format_duration(elapsed()) +
                  ")"};
    case ExitCode::timed_out:
      return {ExitCode::timed_out, response,
              "timed out after " + format_duration(timeout_.value_or(elapsed())) + ": " +
                  why_not_dry_text(*outcome)};
    default:
      return {ExitCode::cannot_succeed, response,
              outcome->node + " was activated or removed: it will not become dry"};
  }
}

std::string Waiter::line() const {
  std::string text = "wait " + admin::quote_word(node_);
  if (timeout_) {
    const Millis left = std::max(*timeout_ - elapsed(), Millis{0});
    text += " --timeout " + std::to_string(left.count()) + "ms";
  }
  return text + " json";
}

}  // namespace bonedry::ctl
