#include "conf/values.h"

#include "conf/spelling.h"
#include "proxy/base/ascii.h"
#include "proxy/base/duration.h"
#include "proxy/base/ip_address.h"

#include <sys/un.h>

#include <algorithm>
#include <array>

namespace bonedry::conf {
namespace {

// More than any service is called, and little enough for one frame.
constexpr std::size_t kMaxGrpcService = 200;

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMinSecret = 32;
// Leaves room for the final NUL and for the ".PID" (7 digits at most) of the name that the socket
// is first bound to.
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1 - 8;

using ascii::is_alphanumeric;
using ascii::is_control;
using ascii::is_digit;

bool is_visible(char c) {
  return c > ' ' && c < 0x7f;
}

bool is_in_name(char c) {
  return is_alphanumeric(c) || std::string_view{"._-"}.find(c) != std::string_view::npos;
}

bool is_in_cookie_attribute(char c) {
  return c >= ' ' && c < 0x7f && c != ';' && c != ',';
}

// RFC 6265bis, 5.6: browsers ignore attributes that are longer.
constexpr std::size_t kMaxCookieAttribute = 1024;

constexpr std::size_t kMaxDomain = 253;  // RFC 1035, 2.3.4, as text
constexpr std::size_t kMaxLabel = 63;

bool is_domain_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return c == '-' || is_alphanumeric(c); });
}

/// Browsers take a host whose last label is a number for an IPv4 address and reject Domain cookies
/// for it.
bool is_number(std::string_view label) {
  const bool hex = label.starts_with("0x") || label.starts_with("0X");
  const std::string_view digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
  return label.substr(hex ? 2 : 0).find_first_not_of(digits) == std::string_view::npos;
}

/// A name as in RFC 1123, 2.1; no numeric address.
bool is_host_name(std::string_view text) {
  if (text.size() > kMaxDomain) return false;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_domain_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_domain_label(text) && !is_number(text);
}

/// A domain that a browser can match with a host (RFC 6265, 5.1.3): a leading dot is ignored, as
/// browsers do; a single label is a public suffix, for which they reject cookies.
bool is_cookie_domain(std::string_view text) {
  if (text.starts_with('.')) text.remove_prefix(1);
  return text.find('.') != std::string_view::npos && is_host_name(text);
}

/// A string for which `sound` holds; otherwise `"text" is not WHAT; expected EXPECTED`.
template <class Predicate>
Result<std::string> string_that(const Value& value, const Predicate& sound, std::string_view what,
                                std::string_view expected) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return Failure{mismatch("a string", value)};
  if (sound(*text)) return *text;
  return Failure{quote(*text) + " is not " + std::string{what} + "; expected " +
                 std::string{expected}};
}

/// Takes the `*` at the ends of a text that was checked.
Result<TextPattern> pattern_of(const Result<std::string>& checked) {
  if (!checked) return Failure{checked.error()};
  std::string_view text = *checked;
  const bool open_before = text.starts_with('*');
  const bool open_after = text.ends_with('*');
  if (open_before) text.remove_prefix(1);
  if (open_after) text.remove_suffix(1);
  using Match = TextPattern::Match;
  if (open_before) return TextPattern{std::string{text}, open_after ? Match::part : Match::suffix};
  return TextPattern{std::string{text}, open_after ? Match::prefix : Match::whole};
}

Result<Address> address_from(const Value& value, std::uint16_t least_port,
                             std::string_view wanted) {
  const auto sound = [least_port](std::string_view text) {
    const std::optional<Address> address = parse_address(text);
    return address.has_value() && address->port >= least_port;
  };
  const Result<std::string> text = string_that(value, sound, "an address", wanted);
  if (!text) return Failure{text.error()};
  return *parse_address(*text);
}

// Well formed, but longer than parse_duration accepts: "4000d", not "4000x".
bool is_too_long_a_duration(std::string_view text) {
  std::string small;
  for (const char c : text) {
    if (!is_digit(c)) small += c;
    if (is_digit(c) && (small.empty() || small.back() != '1')) small += '1';
  }
  return parse_duration(small).has_value();
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, is_in_name);
}

Result<bool> boolean(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
  return Failure{mismatch("a boolean (true or false)", value)};
}

Result<Millis> duration(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) {
    return Failure{mismatch(R"(a duration such as "90s", "20m", "12h")", value)};
  }
  if (const std::optional<Millis> parsed = parse_duration(*text)) return *parsed;
  if (is_too_long_a_duration(*text)) {
    return Failure{quote(*text) + " is too long; expected at most " +
                   quote(format_duration(kMaxDuration))};
  }
  return Failure{quote(*text) + R"( is not a duration; expected e.g. "90s", "20m", "12h")"};
}

Result<Millis> positive_duration(const Value& value) {
  Result<Millis> parsed = duration(value);
  if (parsed && *parsed == Millis{0}) {
    return Failure{R"(must be greater than 0; expected e.g. "90s", "20m", "12h")"};
  }
  return parsed;
}

Result<Millis> duration_or_never(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text != nullptr && *text == "never") return Millis{0};
  return positive_duration(value);
}

Result<std::int64_t> integer_between(const Value& value, std::int64_t min, std::int64_t max) {
  const auto* number = std::get_if<std::int64_t>(&value.data);
  if (number == nullptr) return Failure{mismatch("an integer", value)};
  if (*number >= min && *number <= max) return *number;
  return Failure{std::to_string(*number) + " is out of range; expected " + std::to_string(min) +
                 " to " + std::to_string(max)};
}

Result<std::string> name(const Value& value) {
  return string_that(value, is_name, "a name",
                     "1 to 64 letters, digits, dots, underscores and dashes");
}

Result<std::string> reference(const Value& value) {
  const auto sound = [](std::string_view text) { return !text.empty(); };
  return string_that(value, sound, "a name", "the name of a pool");
}

Result<std::string> store_url(const Value& value) {
  const auto sound = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_visible);
  };
  return string_that(value, sound, "a URL",
                     R"(the URL of a Redis or Valkey server, e.g. "redis://10.0.0.5:6379/0")");
}

Result<std::string> user_name_or_nothing(const Value& value) {
  const auto sound = [](std::string_view text) { return std::ranges::all_of(text, is_visible); };
  return string_that(value, sound, "a user name", R"(visible ASCII characters, or "")");
}

Result<Address> listen_address(const Value& value) {
  return address_from(value, 0,
                      R"(a numeric IP address and a port, e.g. "0.0.0.0:8080" or "[::1]:8080")");
}

Result<Address> node_address(const Value& value) {
  return address_from(value, 1,
                      R"(a numeric IP address and a port from 1 to 65535, e.g. "127.0.0.1:9001")"
                      R"( or "[::1]:9001")");
}

Result<Network> network(const Value& value) {
  const auto sound = [](std::string_view text) { return parse_network(text).has_value(); };
  const Result<std::string> text =
      string_that(value, sound, "a network",
                  R"(an IP address or a CIDR block, e.g. "127.0.0.1", "10.0.0.0/8" or "fd00::/8")");
  if (text) return *parse_network(*text);
  const auto* written = std::get_if<std::string>(&value.data);
  const auto meant = written == nullptr ? std::nullopt : enclosing_network(*written);
  if (!meant) return Failure{text.error()};
  return Failure{quote(*written) + " has host bits set; did you mean " + quote(to_string(*meant)) +
                 "?"};
}

Result<std::string> file_path(const Value& value) {
  const auto sound = [](std::string_view text) {
    return !text.empty() && std::ranges::none_of(text, is_control);
  };
  return string_that(value, sound, "a path", "a non-empty path without control characters");
}

Result<std::string> file_path_or_nothing(const Value& value) {
  const auto sound = [](std::string_view text) { return std::ranges::none_of(text, is_control); };
  return string_that(value, sound, "a path", R"(a path without control characters, or "")");
}

Result<std::string> socket_path(const Value& value) {
  Result<std::string> path = file_path(value);
  if (!path || path->size() <= kMaxSocketPath) return path;
  return Failure{"a path of " + std::to_string(path->size()) +
                 " bytes is too long; expected at most " + std::to_string(kMaxSocketPath) +
                 ", the limit of Unix sockets"};
}

Result<AdminHttp> http_door_address(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text != nullptr && text->starts_with('/')) {
    Result<std::string> path = socket_path(value);
    if (!path) return Failure{path.error()};
    return AdminHttp{std::move(*path), {}};
  }
  const Result<Address> address = address_from(
      value, 0,
      R"(a numeric IP address and a port, e.g. "127.0.0.1:9900", or the path of a Unix socket)");
  if (!address) return Failure{address.error()};
  return AdminHttp{"", *address};
}

Result<std::string> secret(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return Failure{mismatch("a string", value)};
  if (text->size() >= kMinSecret) return *text;
  return Failure{"too short for a secret (" + std::to_string(text->size()) +
                 " bytes); expected at least " + std::to_string(kMinSecret) + " bytes"};
}

// Far longer than any; a health check's request has to fit in one chunk.
constexpr std::size_t kMaxUrlPath = 4096;

Result<std::string> url_path(const Value& value) {
  const auto sound = [](std::string_view text) {
    return text.starts_with('/') && text.size() <= kMaxUrlPath &&
           std::ranges::all_of(text, is_visible) && text.find('#') == std::string_view::npos;
  };
  return string_that(value, sound, "a URL path",
                     R"(one that begins with "/", of at most 4096 characters, without spaces )"
                     R"(or "#", e.g. "/healthz")");
}

Result<std::string> path_without_query(const Value& value) {
  const auto sound = [](std::string_view text) {
    return text.starts_with('/') && std::ranges::all_of(text, is_visible) &&
           text.find_first_of("?#") == std::string_view::npos;
  };
  return string_that(value, sound, "a path without a query",
                     R"(one that begins with "/", without spaces, "?" and "#", e.g. "/logout")");
}

// Longer than those of real applications and clients. A user agent is searched for within one that
// a client has sent.
constexpr std::size_t kMaxPathPattern = 1024;
constexpr std::size_t kMaxUserAgentPattern = 128;

Result<TextPattern> path_pattern(const Value& value) {
  const auto sound = [](std::string_view text) {
    return text.starts_with('/') && text != "/*" && text.size() <= kMaxPathPattern &&
           std::ranges::all_of(text, is_visible) && text.find_first_of("?#") == text.npos &&
           text.find('*') >= text.size() - 1;
  };
  return pattern_of(string_that(
      value, sound, "a path or the beginning of paths",
      R"(one such as "/healthz" or "/static/*", of at most 1024 characters, without spaces, "?" )"
      R"(and "#"; not "/*", which is every path)"));
}

Result<TextPattern> user_agent_pattern(const Value& value) {
  const auto sound = [](std::string_view text) {
    if (text.size() > kMaxUserAgentPattern) return false;
    if (text.starts_with('*')) text.remove_prefix(1);
    if (text.ends_with('*')) text.remove_suffix(1);
    return !text.empty() && text.find('*') == text.npos &&
           std::ranges::all_of(text, [](char c) { return c == ' ' || is_visible(c); });
  };
  return pattern_of(string_that(
      value, sound, "a user agent or a part of one",
      R"(printable ASCII such as "kube-probe/*" or "*bot*", of at most 128 characters, )"
      R"(with "*" only at its ends; not "*", which is every user agent)"));
}

Result<Network> part_of_internet(const Value& value) {
  Result<Network> parsed = network(value);
  if (!parsed || !parsed->contains_all_of_family()) return parsed;
  return Failure{quote(to_string(*parsed)) +
                 R"( is every client; expected a smaller network, e.g. "10.0.0.0/8")"};
}

Result<std::string> token(const Value& value) {
  const auto sound = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, ascii::is_token_char);
  };
  return string_that(value, sound, "a token", "letters, digits and !#$%&'*+-.^_`|~");
}

Result<std::string> token_or_nothing(const Value& value) {
  const auto sound = [](std::string_view text) {
    return std::ranges::all_of(text, ascii::is_token_char);
  };
  return string_that(value, sound, "a token",
                     "letters, digits and !#$%&'*+-.^_`|~, or \"\" for none");
}

Result<std::string> upgrade_protocol(const Value& value) {
  const auto name_of = [](std::string_view text) {
    std::string name{text.substr(0, text.find('/'))};
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return name;
  };
  const auto sound = [&name_of](std::string_view text) {
    static constexpr std::array<std::string_view, 4> kNever{"h2", "h2c", "http", "tls"};
    const std::string_view version =
        text.find('/') == std::string_view::npos ? "0" : text.substr(text.find('/') + 1);
    const std::string name = name_of(text);
    return !name.empty() && !version.empty() && std::ranges::all_of(name, ascii::is_token_char) &&
           std::ranges::all_of(version, ascii::is_token_char) &&
           std::ranges::find(kNever, name) == kNever.end();
  };
  return string_that(value, sound, "a protocol to upgrade to",
                     R"(a name such as "websocket"; HTTP and TLS are not allowed)");
}

Result<std::string> grpc_service(const Value& value) {
  const auto sound = [](std::string_view text) {
    const auto fits = [](char c) { return c > ' ' && c < 0x7f; };
    return text.size() <= kMaxGrpcService && std::ranges::all_of(text, fits);
  };
  return string_that(value, sound, "a service of gRPC",
                     R"(a name such as "shop.Orders", or "" for the whole server)");
}

std::string token_error(std::string_view token) {
  const std::string size = std::to_string(token.size()) + " bytes";
  if (token.size() < kMinTokenBytes) {
    return "too short for a token (" + size + "); expected at least " +
           std::to_string(kMinTokenBytes) + " bytes";
  }
  if (token.size() > kMaxTokenBytes) {
    return "too long for a token (" + size + "); expected at most " +
           std::to_string(kMaxTokenBytes) + " bytes";
  }
  if (std::ranges::all_of(token, is_visible)) return "";
  return "not a token; expected visible ASCII characters without spaces";
}

Result<TokenDigest> admin_token(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return Failure{mismatch("a string", value)};
  if (std::string wrong = token_error(*text); !wrong.empty()) return Failure{std::move(wrong)};
  return TokenDigest{*text};
}

Result<TokenScope> token_scope(const Value& value) {
  using Kind = TokenScope::Kind;
  constexpr std::string_view kBleed = "bleed:";
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return Failure{mismatch("a string", value)};
  if (*text == "read") return TokenScope{Kind::read};
  if (*text == "operate") return TokenScope{Kind::operate};
  if (text->starts_with(kBleed)) {
    const std::string_view id = std::string_view{*text}.substr(kBleed.size());
    const std::size_t slash = std::min(id.find('/'), id.size());
    TokenScope scope{Kind::bleed, std::string{id.substr(0, slash)},
                     std::string{id.substr(std::min(slash + 1, id.size()))}};
    if (is_name(scope.pool) && is_name(scope.node)) return scope;
  }
  return Failure{quote(*text) +
                 R"( is not a scope; expected "read", "bleed:POOL/NODE" or "operate")"};
}

Result<std::string> command_word(const Value& value) {
  const auto sound = [](std::string_view text) { return std::ranges::none_of(text, is_control); };
  return string_that(value, sound, "a word of a command", "text without control characters");
}

Result<std::string> cipher_list(const Value& value) {
  const auto sound = [](std::string_view text) { return std::ranges::all_of(text, is_visible); };
  return string_that(value, sound, "a list for OpenSSL",
                     R"(names separated by ":", or "" for the default)");
}

Result<std::string> server_name(const Value& value) {
  const auto sound = [](std::string_view text) {
    return text.empty() || is_host_name(text) || parse_ip(text).has_value();
  };
  return string_that(value, sound, "a host name",
                     R"(a name such as "shop.internal" or a numeric address, without a port; or "")"
                     " for the node's address");
}

Result<std::string> cookie_path(const Value& value) {
  const auto sound = [](std::string_view text) {
    return text.starts_with('/') && text.size() <= kMaxCookieAttribute &&
           std::ranges::all_of(text, is_in_cookie_attribute);
  };
  return string_that(value, sound, "a cookie path",
                     R"(ASCII text that begins with "/", without ";" and ",")");
}

Result<std::string> cookie_domain(const Value& value) {
  const auto sound = [](std::string_view text) { return text.empty() || is_cookie_domain(text); };
  return string_that(value, sound, "a cookie domain",
                     R"(a domain name of two labels or more, without scheme and port, e.g. )"
                     R"("shop.example", or "" for the host of the request)");
}

Result<std::size_t> one_of(const Value& value, const std::vector<std::string_view>& words) {
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return Failure{mismatch("a string", value)};
  const auto found = std::ranges::find(words, *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  return Failure{quote(*text) + " is not a valid value; expected one of: " + join(words)};
}

}  // namespace bonedry::conf
