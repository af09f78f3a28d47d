#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/watch/watch_picture.h"
#include "admin/ctl/watch/watch_status.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Asks the proxy for its status each second, and follows its events; it goes on by itself when the
/// proxy was away. Nothing here waits for the proxy, except for `kTimeout` to be let in.
class WatchFeed {
 public:
  static constexpr Millis kInterval = std::chrono::seconds{1};
  /// A response that takes longer is given up, and asked for again.
  static constexpr Millis kGiveUp = std::chrono::seconds{5};
  /// From when on figures are old: one response may be late.
  static constexpr Millis kFresh = std::chrono::seconds{3};
  static constexpr Millis kTimeout{50};
  /// The pause after an error instead of events, such as too many connections.
  static constexpr Millis kEventsPause = std::chrono::seconds{10};
  /// A line of events that is longer is given up with its connection; one of bonedry has at most
  /// some kilobytes.
  static constexpr std::size_t kMaxLine = std::size_t{1} << 20U;
  /// More than any screen shows.
  static constexpr std::size_t kEvents = 100;

  /// `pool`: empty: all. `status`: what the proxy has reported just now. `clock` must outlive this.
  WatchFeed(ProxyAddress proxy, std::string pool, WatchedStatus status, const Clock& clock);

  /// To poll for reading; -1: nothing to poll.
  [[nodiscard]] int status_fd() const { return status_request_ ? status_request_->fd() : -1; }
  [[nodiscard]] int events_fd() const { return events_request_ ? events_request_->fd() : -1; }
  /// Reads what has come, and asks for what is due. Call it when one of them is readable, and
  /// several times a second.
  enum class News : std::uint8_t { none, some };
  News advance();
  /// Asks for the status as soon as possible: it has probably changed.
  void refresh() { next_status_ = clock_.now(); }

  [[nodiscard]] const WatchedStatus& status() const { return status_; }
  [[nodiscard]] const std::deque<std::string>& events() const { return events_; }
  [[nodiscard]] std::optional<WatchView::Stale> stale() const;

 private:
  [[nodiscard]] News advance_status();
  [[nodiscard]] News advance_events();
  void fail(std::string_view why);
  /// Takes over the figures of a response.
  void take(std::string_view response);
  void take_line(std::string_view line);
  void add_event(const std::string& text);

  const Clock& clock_;
  ProxyAddress proxy_;
  std::string pool_;
  WatchedStatus status_;
  Instant figures_at_;
  std::string failure_;  // of the last attempt; empty: it went well
  std::optional<AdminRequest> status_request_;
  Instant status_asked_;
  Instant next_status_;
  std::optional<AdminRequest> events_request_;
  Instant next_events_;
  enum class Following : std::uint8_t { wanted, refused } following_ = Following::wanted;
  std::deque<std::string> events_;
};

}  // namespace bonedry::ctl
