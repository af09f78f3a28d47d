#pragma once

#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::admin {

/// How many users a node has had since it left rotation: a value, with few points however long that
/// takes.
class UserCurve {
 public:
  struct Point {
    Millis at{0};            ///< since the node left rotation
    std::int64_t users = 0;  ///< live and pending sessions

    friend bool operator==(const Point&, const Point&) = default;
  };

  /// As many as a curve on a screen can show.
  static constexpr std::size_t kMaxPoints = 128;
  /// How far two points are apart at first. When there is no room for more, every second point is
  /// dropped and the others stay, twice as far apart.
  static constexpr Millis kFinestStep = std::chrono::seconds{1};

  UserCurve() = default;
  /// Restores a curve. Nothing: no curve has these points.
  [[nodiscard]] static std::optional<UserCurve> restored(Millis step, std::vector<Point> points);

  /// What is there now. It replaces the last point if that is less than a step after the one before
  /// it. Times that run backwards are ignored.
  void note(const Point& now);

  /// Oldest first, at least a step apart, except for the last one, which is what was noted last.
  [[nodiscard]] const std::vector<Point>& points() const { return points_; }
  [[nodiscard]] Millis step() const { return step_; }

  friend bool operator==(const UserCurve&, const UserCurve&) = default;

 private:
  void halve();

  Millis step_ = kFinestStep;
  std::vector<Point> points_;
};

}  // namespace bonedry::admin
