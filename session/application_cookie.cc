#include "session/application_cookie.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace bonedry::session {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `word` is in lower case.
bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, {}, lower);
}

std::string_view trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// Takes what is before the separator off the front of `rest`, and the separator with it.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

// -- Dates ----------------------------------------------------------------------------------------

bool is_delimiter(char c) {
  return c == '\t' || (c >= ' ' && c <= '/') || (c >= ';' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

/// Takes a number of `least` to `most` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t size = 0;
  int number = 0;
  while (size < text.size() && size < most && is_digit(text[size])) {
    number = number * 10 + (text[size++] - '0');
  }
  if (size < least) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

/// A number that is the whole token, or is followed by something else than a digit.
std::optional<int> leading_number(std::string_view token, std::size_t least, std::size_t most) {
  const std::optional<int> number = take_number(token, least, most);
  const bool longer = !token.empty() && is_digit(token.front());
  return longer ? std::nullopt : number;
}

std::optional<std::chrono::seconds> time_of_day(std::string_view token) {
  const auto hour = take_number(token, 1, 2);
  if (!hour || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto minute = take_number(token, 1, 2);
  if (!minute || !token.starts_with(':')) return std::nullopt;
  token.remove_prefix(1);
  const auto second = leading_number(token, 1, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

std::optional<unsigned> month(std::string_view token) {
  static constexpr std::array<std::string_view, 12> kMonths{
      "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto found = std::ranges::find_if(
      kMonths, [token](std::string_view name) { return is_word(token.substr(0, 3), name); });
  if (found == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

/// The parts of a date as they are found: the first token that fits a part is that part.
struct DateParts {
  std::optional<std::chrono::seconds> time;
  std::optional<int> day;
  std::optional<unsigned> month;
  std::optional<int> year;

  void take(std::string_view token) {
    if (!time && (time = time_of_day(token))) return;
    if (!day && (day = leading_number(token, 1, 2))) return;
    if (!month && (month = session::month(token))) return;
    if (!year) year = leading_number(token, 2, 4);
  }
};

int whole_year(int year) {
  if (year >= 70 && year <= 99) return year + 1900;
  return year <= 69 ? year + 2000 : year;
}

}  // namespace

std::optional<WallTime> parse_cookie_date(std::string_view text) {
  DateParts parts;
  while (!text.empty()) {
    const auto* const begin = std::ranges::find_if_not(text, is_delimiter);
    const auto* const end = std::find_if(begin, text.end(), is_delimiter);
    parts.take({begin, end});
    text = {end, text.end()};
  }
  if (!parts.time || !parts.day || !parts.month || !parts.year) return std::nullopt;
  const int year = whole_year(*parts.year);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{*parts.month},
                                         std::chrono::day{static_cast<unsigned>(*parts.day)}};
  if (year < 1601 || !date.ok()) return std::nullopt;
  const auto at = std::chrono::sys_days{date} + *parts.time;
  return WallTime{std::chrono::milliseconds{at.time_since_epoch()}.count()};
}

namespace {

// -- Set-Cookie -----------------------------------------------------------------------------------

/// When a cookie ends, as far as its attributes say so. Of several of a kind the last counts.
struct CookieEnd {
  std::optional<bool> past_by_age;
  std::optional<WallTime> expires;

  void read(std::string_view attribute) {
    std::string_view value = attribute;
    const std::string_view name = trim(take_until(value, '='));
    value = trim(value);
    if (is_word(name, "max-age")) read_age(value);
    if (!is_word(name, "expires")) return;
    if (const auto date = parse_cookie_date(value)) expires = date;
  }

  [[nodiscard]] bool past(WallTime now) const {
    return past_by_age.value_or(expires.has_value() && *expires <= now);
  }

 private:
  /// Only the sign of the number matters, so that it may be of any length.
  void read_age(std::string_view value) {
    const bool negative = value.starts_with('-');
    const std::string_view digits = value.substr(negative ? 1 : 0);
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return;
    past_by_age = negative || digits.find_first_not_of('0') == std::string_view::npos;
  }
};

}  // namespace

CookieNews read_set_cookie(std::string_view field, std::string_view name, WallTime now) {
  std::string_view attributes = field;
  std::string_view value = take_until(attributes, ';');
  if (value.find('=') == std::string_view::npos) return {};
  if (trim(take_until(value, '=')) != name) return {};
  value = trim(value);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  CookieEnd end;
  while (!attributes.empty()) end.read(take_until(attributes, ';'));
  if (value.empty() || end.past(now)) return {CookieChange::cleared, {}};
  return {CookieChange::given, value};
}

}  // namespace bonedry::session
