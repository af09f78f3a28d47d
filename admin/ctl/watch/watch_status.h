#pragma once

#include "admin/dry_forecast.h"
#include "admin/user_curve.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `bonedryctl watch` shows, parsed from the proxy's JSON. All texts are printable, whatever
/// the proxy sent, except `key`.
namespace bonedry::ctl {

/// Of a node that is not active.
struct WatchedBleed {
  std::string since;  ///< "2026-11-30 11:12:13Z"
  std::string by;
  std::string reason;
  std::string deadline;  ///< like `since`; empty: none
  std::optional<admin::DryForecast> forecast;
  std::vector<admin::UserCurve::Point> curve;
};

enum class WatchedState : std::uint8_t { active, bleeding, maintenance };
enum class WatchedHealth : std::uint8_t { unknown, up, down };

struct WatchedNode {
  std::string key;    ///< "shop/alice" for commands; not printable
  std::string title;  ///< the same, printable
  std::string name;   ///< without the pool
  WatchedState state = WatchedState::active;
  WatchedHealth health = WatchedHealth::unknown;
  bool dry = false;
  std::string blocked_by;  ///< what keeps it from being dry
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::int64_t websockets_open = 0;
  std::optional<Millis> last_click;  ///< how long ago
  std::optional<double> requests_per_second;
  std::optional<WatchedBleed> bleed;

  [[nodiscard]] std::int64_t users() const { return live + pending; }
};

struct WatchedPool {
  std::string name;
  std::vector<std::string> problems;
  std::vector<WatchedNode> nodes;
};

struct WatchedStatus {
  std::vector<WatchedPool> pools;
  std::optional<double> requests_per_second;

  /// Null: there is no such node.
  [[nodiscard]] const WatchedNode* find(std::string_view key) const;
  /// In the order in which they are shown.
  [[nodiscard]] std::vector<const WatchedNode*> nodes() const;
};

/// The response to `status json`; empty when it is not such a response.
[[nodiscard]] std::optional<WatchedStatus> parse_watched_status(std::string_view response);

/// A line of `events --follow json`, for people: "11:12:13Z shop/alice bleed: bleeding by root";
/// empty when it is not such a line. `pool`: only events of its nodes and those of no node; empty:
/// all.
[[nodiscard]] std::optional<std::string> parse_event_line(std::string_view line,
                                                          std::string_view pool);

}  // namespace bonedry::ctl
