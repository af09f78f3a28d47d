#include "admin/ctl/watch/watch_feed.h"

#include "admin/command_line.h"
#include "admin/printable.h"

#include <algorithm>
#include <utility>

namespace bonedry::ctl {

WatchFeed::WatchFeed(ProxyAddress proxy, std::string pool, WatchedStatus status, const Clock& clock)
    : clock_(clock),
      proxy_(std::move(proxy)),
      pool_(std::move(pool)),
      status_(std::move(status)),
      figures_at_(clock.now()),
      next_status_(clock.now() + kInterval),
      next_events_(clock.now()) {}

WatchFeed::News WatchFeed::advance() {
  const News status = advance_status();
  const News events = advance_events();
  return status == News::some ? status : events;
}

std::optional<WatchView::Stale> WatchFeed::stale() const {
  const Millis age = clock_.now() - figures_at_;
  if (failure_.empty() && age < kFresh) return std::nullopt;
  return WatchView::Stale{age, failure_.empty() ? "bonedry does not answer" : failure_};
}

WatchFeed::News WatchFeed::advance_status() {
  const Instant now = clock_.now();
  if (!status_request_) {
    if (now < next_status_) return News::none;
    next_status_ = now + kInterval;
    const std::string pool = pool_.empty() ? "" : " " + admin::quote_word(pool_);
    auto request = AdminRequest::start(proxy_, "status" + pool + " json", kTimeout);
    if (!request) {
      fail(request.error());
      return News::some;
    }
    status_request_ = std::move(*request);
    status_asked_ = now;
    return News::none;
  }
  switch (status_request_->advance()) {
    case AdminRequest::State::receiving:
      if (now - status_asked_ < kGiveUp) return News::none;
      fail("bonedry does not answer");
      break;
    case AdminRequest::State::lost:
      fail("the connection to bonedry was lost");
      break;
    case AdminRequest::State::complete:
      take(std::exchange(status_request_, std::nullopt)->response());
      break;
  }
  return News::some;
}

void WatchFeed::take(std::string_view response) {
  if (is_error(response)) return fail(error_text(response));
  auto status = parse_watched_status(response);
  if (!status) return fail("cannot parse the response from bonedry");
  status_ = std::move(*status);
  figures_at_ = clock_.now();
  failure_.clear();
}

void WatchFeed::fail(std::string_view why) {
  status_request_.reset();
  failure_ = admin::printable(why);
}

WatchFeed::News WatchFeed::advance_events() {
  if (!events_request_) {
    if (following_ == Following::refused || clock_.now() < next_events_) return News::none;
    next_events_ = clock_.now() + kInterval;
    auto request = AdminRequest::start(proxy_, "events --follow json", kTimeout);
    if (request) events_request_ = std::move(*request);
    return News::none;
  }
  const AdminRequest::State state = events_request_->advance();
  const std::string lines = events_request_->take_lines();
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin) + 1;
    take_line(std::string_view(lines).substr(begin, end - begin));
    begin = end;
  }
  const bool ended = state != AdminRequest::State::receiving || following_ == Following::refused ||
                     events_request_->response().size() > kMaxLine;
  if (ended) events_request_.reset();
  return lines.empty() ? News::none : News::some;
}

void WatchFeed::take_line(std::string_view line) {
  if (!is_error(line)) {
    if (const auto text = parse_event_line(line, pool_)) add_event(*text);
    return;
  }
  if (is_retryable(line)) return;
  if (is_final(line)) following_ = Following::refused;
  next_events_ = clock_.now() + kEventsPause;
  add_event("no events: " + error_text(line));
}

/// A proxy sends recent events again after each connect.
void WatchFeed::add_event(const std::string& text) {
  if (std::ranges::find(events_, text) != events_.end()) return;
  events_.push_back(text);
  if (events_.size() > kEvents) events_.pop_front();
}

}  // namespace bonedry::ctl
