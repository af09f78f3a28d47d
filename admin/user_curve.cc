#include "admin/user_curve.h"

#include <utility>

namespace bonedry::admin {
namespace {

/// No bleed takes longer.
constexpr Millis kLongest = std::chrono::years{100};

}  // namespace

std::optional<UserCurve> UserCurve::restored(Millis step, std::vector<Point> points) {
  if (step < kFinestStep || step > kLongest || points.size() > kMaxPoints) return std::nullopt;
  Millis before{-1};
  for (const Point& point : points) {
    if (point.at <= before || point.at > kLongest || point.users < 0) return std::nullopt;
    before = point.at;
  }
  UserCurve curve;
  curve.step_ = step;
  curve.points_ = std::move(points);
  return curve;
}

void UserCurve::note(const Point& now) {
  const std::size_t count = points_.size();
  if (count > 0 && now.at <= points_.back().at) return;
  if (count > 1 && points_[count - 1].at - points_[count - 2].at < step_) points_.pop_back();
  if (points_.size() == kMaxPoints) halve();
  points_.push_back(now);
}

void UserCurve::halve() {
  step_ *= 2;
  std::size_t kept = 0;
  for (std::size_t index = 0; index < points_.size(); index += 2) points_[kept++] = points_[index];
  points_.resize(kept);
}

}  // namespace bonedry::admin
