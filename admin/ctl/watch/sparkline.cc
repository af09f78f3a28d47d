#include "admin/ctl/watch/sparkline.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace bonedry::ctl {
namespace {

using Point = admin::UserCurve::Point;

constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kAscii{"_", ".", ":", "-", "=", "+", "*", "#"};

/// Only nobody is the lowest.
std::size_t level_of(std::int64_t users, std::int64_t most) {
  if (users <= 0 || most <= 0) return 0;
  const double part = static_cast<double>(users) / static_cast<double>(most);
  const auto level = static_cast<std::size_t>(part * static_cast<double>(kBlocks.size() - 1) + 0.5);
  return std::clamp<std::size_t>(level, 1, kBlocks.size() - 1);
}

/// How many there were at this time: as many as at the last point before it.
std::int64_t users_at(const std::vector<Point>& curve, Millis at) {
  const auto next = std::ranges::upper_bound(curve, at, {}, &Point::at);
  return next == curve.begin() ? next->users : std::prev(next)->users;
}

}  // namespace

std::string sparkline(const std::vector<Point>& curve, std::size_t width, Charset charset) {
  if (curve.empty()) return "";
  const auto& levels = charset == Charset::utf8 ? kBlocks : kAscii;
  const std::int64_t most = std::ranges::max(curve, {}, &Point::users).users;
  const std::size_t count = std::min(width, curve.size());
  const auto span = static_cast<double>((curve.back().at - curve.front().at).count());
  std::string line;
  for (std::size_t index = 1; index <= count; ++index) {
    const double part =
        count == 1 ? 1.0 : static_cast<double>(index - 1) / static_cast<double>(count - 1);
    const Millis at = index == count
                          ? curve.back().at
                          : curve.front().at + Millis{static_cast<std::int64_t>(span * part)};
    line += levels[level_of(users_at(curve, at), most)];
  }
  return line;
}

}  // namespace bonedry::ctl
