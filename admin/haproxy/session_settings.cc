#include "admin/haproxy/session_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace bonedry::admin::haproxy {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t microseconds;
};
constexpr std::array kUnits{Unit{"", 1'000'000},      Unit{"us", 1},
                            Unit{"ms", 1'000},        Unit{"s", 1'000'000},
                            Unit{"m", 60'000'000},    Unit{"h", 3'600'000'000},
                            Unit{"d", 86'400'000'000}};

/// HAProxy's longest time-out, 24.8 days.
constexpr std::int64_t kMaxTimeoutMs = std::numeric_limits<std::int32_t>::max();

/// Nothing unless it is from 1 ms to the longest.
std::optional<Millis> parse_delay(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::ranges::find(kUnits, text, &Unit::name);
  if (unit == kUnits.end()) return std::nullopt;
  // Compared before it is multiplied: 2^32 days in microseconds do not fit into 64 bits.
  if (number > kMaxTimeoutMs * 1000 / unit->microseconds) return std::nullopt;
  const std::int64_t ms = number * unit->microseconds / 1000;
  if (ms == 0) return std::nullopt;
  return Millis{ms};
}

}  // namespace

Reply set_severity_output(Arguments arguments, SessionSettings& settings) {
  const std::string_view wanted = arguments.empty() ? std::string_view() : arguments.front();
  if (wanted == "none") {
    settings.format.severity = SeverityOutput::none;
  } else if (wanted == "number") {
    settings.format.severity = SeverityOutput::number;
  } else if (wanted == "string") {
    settings.format.severity = SeverityOutput::string;
  } else {
    return error("one of 'none', 'number', 'string' is a required argument");
  }
  return done();
}

Reply set_timeout(Arguments arguments, SessionSettings& settings) {
  if (arguments.empty() || arguments.front() != "cli") {
    return error("'set timeout' only supports 'cli'.");
  }
  if (arguments.size() < 2) return error("Expects an integer value.");
  const auto delay = parse_delay(arguments[1]);
  if (!delay) return error("Invalid timeout value.");
  settings.idle_timeout = *delay;
  return done();
}

Reply toggle_prompt(SessionSettings& settings) {
  const bool was_on = settings.format.prompt == Prompt::on;
  settings.format.prompt = was_on ? Prompt::off : Prompt::on;
  return done();
}

}  // namespace bonedry::admin::haproxy
