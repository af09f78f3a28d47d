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

/// For a restart of the proxy, with time for one that loads a large ledger.
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

std::string left_behind(const Verdict& verdict) {
  return admin::why_not_dry(verdict.node, verdict.left, verdict.blocked_by) +
         (verdict.forecast ? "; " + admin::to_text(*verdict.forecast) : "");
}

}  // namespace

Waiter::Waiter(std::string socket, std::string node, std::optional<Millis> timeout, Known known,
               Progress& progress)
    : socket_(std::move(socket)),
      node_(std::move(node)),
      timeout_(timeout),
      known_(known),
      progress_(progress),
      signals_(catch_signals()),
      began_(clock_.now()) {}

Waiter::Ending Waiter::run() {
  while (true) {
    if (!wait_) {
      if (auto ending = connect()) return *std::move(ending);
      if (auto ending = give_up()) return *std::move(ending);
    }
    poll();
    if (auto ending = look_at_signals()) return *std::move(ending);
    if (auto ending = look_at_wait()) return *std::move(ending);
    look_at_status();
  }
}

/// Starts the wait in the proxy. Without an ending and without `wait_`: try again later.
std::optional<Waiter::Ending> Waiter::connect() {
  const Instant now = clock_.now();
  if (now < next_attempt_) return std::nullopt;
  next_attempt_ = now + kRetryInterval;
  auto call = Call::start(socket_, line());
  if (call) {
    wait_ = std::move(*call);
    known_ = Known::yes;
    return std::nullopt;
  }
  if (known_ == Known::no) return Ending{ExitCode::unreachable, "", call.error()};
  on_lost(call.error());
  return std::nullopt;
}

/// A lost connection is tried again for a limited time only.
std::optional<Waiter::Ending> Waiter::give_up() const {
  if (wait_ || !lost_since_) return std::nullopt;
  if (timeout_ && elapsed() >= *timeout_) {
    return Ending{ExitCode::timed_out, "",
                  "timed out after " + format_duration(*timeout_) + ": " + why_lost_};
  }
  if (clock_.now() - *lost_since_ < kRestartTimeLimit) return std::nullopt;
  return Ending{ExitCode::unreachable, "", why_lost_};
}

/// Until something happens, or the next status is due, or the next attempt to connect.
void Waiter::poll() {
  const Instant now = clock_.now();
  Millis time_limit = wait_ ? std::chrono::seconds{1} : kRetryInterval;
  if (wait_ && !status_) time_limit = std::clamp(next_status_ - now, Millis{0}, time_limit);
  // poll() passes over descriptors of -1.
  std::array<pollfd, 3> watched{{{signals_.get(), POLLIN, 0},
                                 {wait_ ? wait_->fd() : -1, POLLIN, 0},
                                 {status_ ? status_->fd() : -1, POLLIN, 0}}};
  ::poll(watched.data(), watched.size(), static_cast<int>(time_limit.count()));
}

std::optional<Waiter::Ending> Waiter::look_at_signals() {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) return std::nullopt;
  const bool interrupted = signal.ssi_signo == SIGINT;
  return Ending{interrupted ? ExitCode::interrupted : ExitCode::terminated, "",
                "interrupted: no longer waiting, but " + node_ +
                    " keeps bleeding; 'bonedryctl wait " + node_ + "' waits again"};
}

std::optional<Waiter::Ending> Waiter::look_at_wait() {
  if (!wait_) return std::nullopt;
  const Call::State state = wait_->advance();
  if (state == Call::State::answering) return std::nullopt;
  if (state == Call::State::answered && !is_stopping(wait_->answer())) {
    return on_answer(wait_->answer());
  }
  on_lost("the connection to bonedry was lost");
  return std::nullopt;
}

void Waiter::look_at_status() {
  if (!wait_) return;
  if (!status_) {
    if (clock_.now() < next_status_) return;
    next_status_ = clock_.now() + progress_.interval();
    if (auto call = Call::start(socket_, "status json")) status_ = std::move(*call);
    return;
  }
  if (status_->advance() == Call::State::answering) return;
  if (const auto figures = read_figures(status_->answer(), node_)) {
    lost_since_.reset();
    node_ = figures->node;  // the full name: what is short for one node may not be so for ever
    progress_.show(*figures, elapsed());
  }
  status_.reset();
}

void Waiter::on_lost(std::string why) {
  why_lost_ = std::move(why);
  wait_.reset();
  status_.reset();
  if (lost_since_) return;
  lost_since_ = clock_.now();
  progress_.note("lost the connection to bonedry; retrying for up to " +
                 format_duration(kRestartTimeLimit));
}

Waiter::Ending Waiter::on_answer(const std::string& answer) {
  if (is_error(answer)) {
    // A node that was there before the restart and is not now will not come back for this wait.
    const ExitCode code = lost_since_ ? ExitCode::hopeless : ExitCode::refused;
    return {code, "", answer.substr(7, answer.find('\n') - 7)};
  }
  const auto verdict = read_verdict(answer);
  if (!verdict) return {ExitCode::refused, "", "cannot parse the answer from bonedry"};
  switch (verdict->code) {
    case ExitCode::done:
      return {ExitCode::done, answer,
              "dry: no users left on " + verdict->node + " (waited " + format_duration(elapsed()) +
                  ")"};
    case ExitCode::timed_out:
      return {ExitCode::timed_out, answer,
              "timed out after " + format_duration(timeout_.value_or(elapsed())) + ": " +
                  left_behind(*verdict)};
    default:
      return {ExitCode::hopeless, answer,
              verdict->node + " was activated or removed: it will not become dry"};
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
