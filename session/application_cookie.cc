#include "session/application_cookie.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace bonedry::session {
namespace {

using ascii::is_digit;

/// `word` must be in lower case.
bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, {}, ascii::to_lower);
}

/// Returns the text before the separator; removes it and the separator from the front of `rest`.
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

/// Reads a number of `min` to `max` digits and removes it from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t min, std::size_t max) {
  std::size_t size = 0;
  int number = 0;
  while (size < text.size() && size < max && is_digit(text[size])) {
    number = number * 10 + (text[size++] - '0');
  }
  if (size < min) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

/// A number at the front of the token that is not followed by another digit.
std::optional<int> leading_number(std::string_view token, std::size_t min, std::size_t max) {
  const std::optional<int> number = take_number(token, min, max);
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

/// The parts of a date. The first token that fits a part becomes that part.
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

// A node that clears a cookie usually writes a time long past, such as 1970. A time nearer to now
// may be a short lifetime seen by a slow clock, and a user who is counted as gone too early is
// lost.
constexpr Millis kDateMargin = std::chrono::minutes{10};
constexpr Millis kOurClockMargin = std::chrono::hours{24};

// 6265bis, section 5.6: anything longer is refused.
constexpr std::size_t kMaxBytes = 4096;
constexpr std::size_t kMaxAttributeBytes = 1024;

/// The attributes of a cookie. Of several of the same kind the last counts.
struct Attributes {
  std::optional<bool> past_by_age;
  std::optional<WallTime> expires;
  std::string_view domain;
  std::string_view path;
  bool secure = false;

  void read(std::string_view attribute) {
    std::string_view value = attribute;
    const std::string_view name = ascii::trimmed(take_until(value, '='));
    value = ascii::trimmed(value);
    if (value.size() > kMaxAttributeBytes) return;
    if (is_word(name, "max-age")) return read_age(value);
    if (is_word(name, "secure")) secure = true;
    if (is_word(name, "domain")) domain = value.starts_with('.') ? value.substr(1) : value;
    if (is_word(name, "path")) path = value.starts_with('/') ? value : std::string_view{};
    if (!is_word(name, "expires")) return;
    if (const auto date = parse_cookie_date(value)) expires = date;
  }

  [[nodiscard]] bool past(const CookieContext& context) const {
    if (past_by_age) return *past_by_age;
    if (!expires) return false;
    if (context.date) return *expires + kDateMargin <= *context.date;
    return *expires + kOurClockMargin <= context.now;
  }

 private:
  /// Only the sign of the number matters, so it may be of any length.
  void read_age(std::string_view value) {
    const bool negative = value.starts_with('-');
    const std::string_view digits = value.substr(negative ? 1 : 0);
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return;
    past_by_age = negative || digits.find_first_not_of('0') == std::string_view::npos;
  }
};

/// RFC 6265, section 5.1.4: the path of a cookie without a Path attribute.
std::string_view default_path(std::string_view path) {
  const std::size_t last = path.rfind('/');
  if (!path.starts_with('/') || last == 0) return "/";
  return path.substr(0, last);
}

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// RFC 6265, section 5.1.3. A single label counts as a public suffix, unless it is the host itself.
bool is_within(std::string_view host, std::string_view domain) {
  if (ascii::equal_ignoring_case(host, domain)) return true;
  if (host.size() <= domain.size() || is_address(host)) return false;
  if (domain.find('.') == std::string_view::npos) return false;
  const std::string_view end = host.substr(host.size() - domain.size());
  return host[host.size() - domain.size() - 1] == '.' && ascii::equal_ignoring_case(end, domain);
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && is_word(text.substr(0, word.size()), word);
}

bool is_refused(std::string_view name, const Attributes& said, const CookieContext& context) {
  if (!said.domain.empty() && !context.host.empty() && !is_within(context.host, said.domain)) {
    return true;
  }
  if (starts_with_word(name, "__secure-")) return !said.secure;
  if (!starts_with_word(name, "__host-")) return false;
  return !said.secure || !said.domain.empty() || said.path != "/";
}

/// FNV-1a, folded into the range of a tag.
class TagHash {
 public:
  void add(std::string_view text) {
    for (const char c : text) add(c);
    add('\0');
  }
  void add_lower(std::string_view text) {
    for (const char c : text) add(ascii::to_lower(c));
    add('\0');
  }
  [[nodiscard]] CookieTag tag() const {
    return static_cast<CookieTag>(1 + (hash_ ^ (hash_ >> 32U)) % (kSeveralTag - 1));
  }

 private:
  void add(char c) { hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3; }
  std::uint64_t hash_ = 0xCBF29CE484222325;
};

}  // namespace

SetCookieEffect read_set_cookie(std::string_view field, std::string_view name,
                                const CookieContext& context) {
  std::string_view attributes = field;
  std::string_view value = take_until(attributes, ';');
  if (value.find('=') == std::string_view::npos) return {};
  if (ascii::trimmed(take_until(value, '=')) != name || name.empty()) return {};
  value = ascii::trimmed(value);
  if (name.size() + value.size() > kMaxBytes) return {};
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  Attributes said;
  while (!attributes.empty()) said.read(take_until(attributes, ';'));
  if (is_refused(name, said, context)) return {};
  const std::string_view path = said.path.empty() ? default_path(context.path) : said.path;
  // A cookie whose Domain is the host's own name differs from a cookie without a Domain.
  TagHash hash;
  hash.add(said.domain.empty() ? "host" : "domain");
  hash.add_lower(said.domain.empty() ? context.host : said.domain);
  hash.add(path);
  SetCookieEffect effects{CookieChange::set, value, hash.tag(), SetCookieEffect::Scope::other};
  if (said.domain.empty() && path == "/") effects.scope = SetCookieEffect::Scope::usual;
  if (!value.empty() && !said.past(context)) return effects;
  effects.change = CookieChange::cleared;
  effects.value = {};
  return effects;
}

}  // namespace bonedry::session
