#include "admin/ctl/waiter.h"

#include "admin/command_line.h"
#include "admin/ctl/restart.h"
#include "admin/printable.h"
#include "proxy/base/duration.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::ctl {
namespace {

std::string why_not_dry_text(const ReportedWait& outcome) {
  return admin::why_not_dry(outcome.node, outcome.left, outcome.blocked_by) +
         (outcome.forecast ? "; " + admin::to_text(*outcome.forecast) : "");
}

}  // namespace

Waiter::Waiter(Request request, Interrupts& interrupts, Progress& progress)
    : request_(std::move(request)),
      interrupts_(interrupts),
      progress_(progress),
      began_(clock_.now()) {}

Waiter::Result Waiter::run() {
  while (true) {
    if (!wait_) {
      if (auto ending = connect()) return *std::move(ending);
      if (auto ending = check_retry_limit()) return *std::move(ending);
    }
    poll();
    if (request_.background != nullptr) {
      request_.background->run();
      if (request_.background->is_over())
        return {ExitCode::cannot_succeed, "", "no longer waiting"};
    }
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
  auto call = AdminRequest::start(request_.proxy, line());
  if (call) {
    wait_ = std::move(*call);
    request_.seen = ProxySeen::yes;
    return std::nullopt;
  }
  if (request_.seen == ProxySeen::no) return Result{ExitCode::unreachable, "", call.error()};
  on_lost(call.error());
  return std::nullopt;
}

/// A lost connection is retried for a limited time only.
std::optional<Waiter::Result> Waiter::check_retry_limit() const {
  if (wait_ || !disconnected_since_) return std::nullopt;
  if (request_.timeout && elapsed() >= *request_.timeout) {
    return Result{ExitCode::timed_out, "",
                  "timed out after " + format_duration(*request_.timeout) + ": " + why_lost_};
  }
  if (clock_.now() - *disconnected_since_ < kRestartTimeLimit) return std::nullopt;
  return Result{ExitCode::unreachable, "", why_lost_};
}

/// Waits until something happens, or the next status or the next attempt to connect is due.
void Waiter::poll() {
  const Instant now = clock_.now();
  Millis time_limit = wait_ ? std::chrono::seconds{1} : kRetryInterval;
  if (request_.background != nullptr) time_limit = kRetryInterval;
  if (wait_ && !status_) time_limit = std::clamp(next_status_ - now, Millis{0}, time_limit);
  const int background = request_.background == nullptr ? -1 : request_.background->fd();
  // poll() ignores descriptors of -1.
  std::array<pollfd, 4> watched{{{interrupts_.fd(), POLLIN, 0},
                                 {background, POLLIN, 0},
                                 {wait_ ? wait_->fd() : -1, POLLIN, 0},
                                 {status_ ? status_->fd() : -1, POLLIN, 0}}};
  ::poll(watched.data(), watched.size(), static_cast<int>(time_limit.count()));
}

std::optional<Waiter::Result> Waiter::check_signals() {
  const auto code = interrupts_.take();
  if (!code) return std::nullopt;
  const std::string stays =
      request_.goal == Goal::dry ? ", but " + request_.node + " keeps bleeding" : "";
  return Result{*code, "",
                "interrupted: no longer waiting" + stays + "; 'bonedryctl wait " + request_.node +
                    (request_.goal == Goal::dry ? "" : " --healthy") + "' waits again"};
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
    if (auto call = AdminRequest::start(request_.proxy, "status json")) status_ = std::move(*call);
    return;
  }
  if (status_->advance() == AdminRequest::State::receiving) return;
  if (const auto progress = parse_node_progress(status_->response(), request_.node)) {
    disconnected_since_.reset();
    request_.node = progress->node;  // the full name: a short name may become ambiguous
    if (request_.goal == Goal::dry) progress_.show(*progress, elapsed());
  } else if (is_error(status_->response()) && !is_retryable(status_->response())) {
    disconnected_since_.reset();  // it is there, but does not tell everybody
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
  return {outcome->code, response, explanation_of(*outcome)};
}

std::string Waiter::explanation_of(const ReportedWait& outcome) const {
  const bool dry = request_.goal == Goal::dry;
  const std::string waited = " (waited " + format_duration(elapsed()) + ")";
  switch (outcome.code) {
    case ExitCode::done:
      if (dry) return "dry: no users left on " + outcome.node + waited;
      return outcome.node +
             (outcome.last_check.empty() ? " has no health checks"
                                         : " is healthy: " + outcome.last_check) +
             waited;
    case ExitCode::timed_out:
      return "timed out after " + format_duration(request_.timeout.value_or(elapsed())) + ": " +
             (dry ? why_not_dry_text(outcome)
                  : outcome.node + " is not healthy: " + outcome.last_check);
    default:
      return outcome.node + (dry ? " was activated or removed: it will not become dry"
                                 : " was removed: it will not become healthy");
  }
}

std::string Waiter::line() const {
  std::string text = "wait " + admin::quote_word(request_.node);
  if (request_.timeout) {
    const Millis left = std::max(*request_.timeout - elapsed(), Millis{0});
    text += " --timeout " + std::to_string(left.count()) + "ms";
  }
  if (request_.goal == Goal::healthy) text += " --healthy";
  return text + " json";
}

}  // namespace bonedry::ctl
