#include "proxy/base/duration.h"

#include <array>
#include <charconv>

namespace bonedry {
namespace {

struct Unit {
  std::string_view name;
  Millis length;
};

// "ms" comes before "m", so that the longer name matches first.
constexpr std::array<Unit, 5> kUnits{{{"ms", Millis{1}},
                                      {"d", std::chrono::hours{24}},
                                      {"h", std::chrono::hours{1}},
                                      {"m", std::chrono::minutes{1}},
                                      {"s", std::chrono::seconds{1}}}};

const Unit* unit_at(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  if (text == "0") return Millis{0};
  if (text.empty()) return std::nullopt;
  Millis sum{0};
  while (!text.empty()) {
    std::int64_t amount = 0;
    if (text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit* unit = unit_at(text);
    if (unit == nullptr || amount > kMaxDuration / unit->length) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum += amount * unit->length;
    if (sum > kMaxDuration) return std::nullopt;
  }
  return sum;
}

std::string format_duration(Millis duration) {
  if (duration < Millis{0}) return "-" + format_duration(-duration);
  if (duration < std::chrono::seconds{1}) return std::to_string(duration.count()) + "ms";
  const std::int64_t seconds = duration.count() / 1000;
  if (seconds < 10 && duration.count() % 1000 >= 100) {
    return std::to_string(seconds) + "." + std::to_string(duration.count() % 1000 / 100) + "s";
  }
  const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small,
                      const char* small_unit) {
    std::string text = std::to_string(large) + large_unit;
    if (small != 0) text += std::to_string(small) + small_unit;
    return text;
  };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

}  // namespace bonedry
