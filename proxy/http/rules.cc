#include "proxy/http/rules.h"

#include "proxy/base/ascii.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bonedry::http {
namespace {

using ValidationError = std::optional<Refusal>;  // nullopt: valid

constexpr std::uint64_t kMaxLength =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

using Table = std::array<bool, 256>;

constexpr bool in(const Table& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

/// RFC 3986, 3.2.2: reg-name. Without the comma: no host name has one, but two joined Hosts do.
constexpr Table kHostChar = [] {
  Table table{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-._~!$&'()*+;=%")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

/// Characters of a target: visible ASCII except '#'. RFC 3986 allows fewer, browsers send these.
constexpr Table kTargetChar = [] {
  Table table{};
  for (unsigned char c = '!'; c <= '~'; ++c) table[c] = c != '#';
  return table;
}();

using ascii::is_digit;

/// An IPv6 address without brackets. Zones (RFC 6874) are not accepted: only their own host can use
/// them.
bool valid_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return false;
  text.copy(terminated.data(), text.size());
  in6_addr address{};
  return text.find('\0') == std::string_view::npos &&
         inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

bool valid_port(std::string_view digits) {
  if (digits.size() > 5) return false;
  unsigned number = 0;
  for (const char digit : digits) {
    if (!is_digit(digit)) return false;
    number = number * 10 + static_cast<unsigned>(digit - '0');
  }
  return number <= 65535;
}

/// uri-host [ ":" port ] without userinfo (RFC 9110, section 7.2).
bool valid_authority(std::string_view text) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !valid_ipv6(text.substr(1, end - 1))) return false;
    rest = text.substr(end + 1);
  } else {
    const auto end = std::ranges::find_if_not(text, [](char c) { return in(kHostChar, c); });
    const auto size = static_cast<std::size_t>(end - text.begin());
    if (size == 0) return false;
    rest = text.substr(size);
  }
  return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
}

/// The fields that decide how a message is treated, collected in one pass: how often each occurs,
/// and its last value.
struct FramingFields {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t encodings = 0;
  std::size_t max_forwards = 0;
  std::string_view host;
  std::string_view length;
  std::string_view encoding;
  std::string_view hops;
  std::size_t upgrades = 0;
  std::string_view upgrade;
  bool names_upgrade = false;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool expects_more = false;
};

void note_connection(std::string_view value, FramingFields& found) {
  each_element(value, [&found](std::string_view option) {
    found.close = found.close || equal_ignoring_case(option, "close");
    found.keep_alive = found.keep_alive || equal_ignoring_case(option, "keep-alive");
    found.names_upgrade = found.names_upgrade || equal_ignoring_case(option, "upgrade");
  });
}

/// Expect is a list; an empty one expects nothing (RFC 9110, 5.6.1 and 10.1.1).
void note_expectation(std::string_view value, FramingFields& found) {
  each_element(value, [&found](std::string_view expectation) {
    const bool known = equal_ignoring_case(expectation, "100-continue");
    found.expects_continue = found.expects_continue || known;
    found.expects_more = found.expects_more || !known;
  });
}

FramingFields collect_fields(const Head& head) {
  FramingFields found;
  for (const Field& field : head.fields) {
    switch (field.id) {
      case FieldName::host:
        ++found.hosts;
        found.host = head.value(field);
        break;
      case FieldName::content_length:
        ++found.lengths;
        found.length = head.value(field);
        break;
      case FieldName::transfer_encoding:
        ++found.encodings;
        found.encoding = head.value(field);
        break;
      case FieldName::connection:
        note_connection(head.value(field), found);
        break;
      case FieldName::expect:
        note_expectation(head.value(field), found);
        break;
      case FieldName::max_forwards:
        ++found.max_forwards;
        found.hops = head.value(field);
        break;
      case FieldName::upgrade:
        ++found.upgrades;
        found.upgrade = head.value(field);
        break;
      default:
        break;
    }
  }
  return found;
}

/// The framing rules that requests and responses share; the error text says what is wrong.
Result<Framing, const char*> message_framing(const Head& head, const FramingFields& fields,
                                             Framing without) {
  if (fields.encodings > 0) {
    if (fields.lengths > 0) return Failure{"both Transfer-Encoding and Content-Length"};
    if (head.http_1_0()) return Failure{"Transfer-Encoding in HTTP/1.0"};
    if (fields.encodings > 1 || !equal_ignoring_case(fields.encoding, "chunked")) {
      return Failure{"a Transfer-Encoding other than chunked"};
    }
    return Framing{FramingKind::chunked, 0};
  }
  if (fields.lengths == 0) return without;
  if (fields.lengths > 1) return Failure{"more than one Content-Length"};
  const auto length = parse_length(fields.length);
  if (!length) return Failure{"a Content-Length that is not a number"};
  return Framing{*length == 0 ? FramingKind::none : FramingKind::length, *length};
}

/// RFC 9112, 9.3.
Persistence persistence_of(const Head& head, const FramingFields& fields) {
  if (fields.close || (head.http_1_0() && !fields.keep_alive)) return Persistence::close;
  return Persistence::keep_alive;
}

ValidationError check_host(const Head& head, const FramingFields& fields, RequestFacts& facts) {
  facts.host = fields.host;
  if (fields.hosts > 1) return Refusal{400, "more than one Host"};
  if (fields.hosts == 0 && !head.http_1_0()) return Refusal{400, "no Host"};
  if (fields.hosts == 1 && !valid_authority(facts.host)) return Refusal{400, "a malformed Host"};
  return std::nullopt;
}

ValidationError check_absolute(const Head& head, std::string_view rest, RequestFacts& facts) {
  facts.target_form = TargetForm::absolute;
  const std::size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  if (!valid_authority(authority)) return Refusal{400, "a malformed authority in the target"};
  // RFC 9112, 3.2.2 lets a proxy replace Host, but no honest client sends one that disagrees.
  if (!facts.host.empty() && !equal_ignoring_case(authority, facts.host)) {
    return Refusal{400, "a target and a Host that disagree"};
  }
  facts.host = authority;
  // RFC 9112, 3.2.4: OPTIONS for a whole server is forwarded as "*".
  const std::string_view none = head.text(head.method) == "OPTIONS" ? "*" : "/";
  facts.path = slash == std::string_view::npos ? none : rest.substr(slash);
  if (facts.path.starts_with('?')) return Refusal{400, "a target without a path"};
  return std::nullopt;
}

ValidationError check_target(const Head& head, RequestFacts& facts) {
  const std::string_view target = head.text(head.target);
  const auto fits = [](char c) { return in(kTargetChar, c); };
  if (target.empty() || !std::ranges::all_of(target, fits)) {
    return Refusal{400, "a malformed target"};
  }
  if (target.starts_with('/')) {
    facts.path = target;
    return std::nullopt;
  }
  if (target == "*") {
    if (head.text(head.method) != "OPTIONS")
      return Refusal{400, "a target that is only allowed for OPTIONS"};
    facts.target_form = TargetForm::asterisk;
    facts.path = target;
    return std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() &&
        equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      return check_absolute(head, target.substr(scheme.size()), facts);
    }
  }
  return Refusal{400, "a malformed target"};
}

ValidationError check_method(std::string_view method, RequestFacts& facts) {
  if (method == "GET") {  // by far the most frequent
    facts.idempotent = true;
    return std::nullopt;
  }
  if (method == "CONNECT") return Refusal{405, "CONNECT is not served here"};
  if (method == "TRACE") return Refusal{405, "TRACE is not served here"};
  static constexpr std::array<std::string_view, 4> kIdempotent{"HEAD", "OPTIONS", "PUT", "DELETE"};
  facts.idempotent = std::ranges::find(kIdempotent, method) != kIdempotent.end();
  facts.is_head = method == "HEAD";
  return std::nullopt;
}

/// RFC 9110, 5.6.2 and 7.8: name or name/version.
bool valid_protocol(std::string_view text) {
  const auto fits = [](char c) { return c == '/' || ascii::is_token_char(c); };
  return !text.empty() && std::ranges::all_of(text, fits);
}

/// The protocol of the Upgrade field, if Connection names it and there is exactly one; else empty.
/// A choice of several is not forwarded, because only the node would know which one was chosen.
std::string_view upgrade_of(const FramingFields& fields) {
  const bool asked = fields.names_upgrade && fields.upgrades == 1;
  return asked && valid_protocol(fields.upgrade) ? fields.upgrade : std::string_view{};
}

/// RFC 9110, 7.6.2: only for OPTIONS and TRACE, and TRACE is not supported.
ValidationError check_max_forwards(const Head& head, const FramingFields& fields,
                                   RequestFacts& facts) {
  if (fields.max_forwards == 0 || head.text(head.method) != "OPTIONS") return std::nullopt;
  facts.max_forwards = parse_length(fields.hops);
  if (fields.max_forwards > 1 || !facts.max_forwards)
    return Refusal{400, "a malformed Max-Forwards"};
  if (*facts.max_forwards == 0) return Refusal{200, "Max-Forwards is 0"};
  return std::nullopt;
}

/// RFC 9110, 10.1.1.
ValidationError check_expectation(const Head& head, const FramingFields& fields,
                                  RequestFacts& facts) {
  if (fields.expects_more) return Refusal{417, "an expectation other than 100-continue"};
  facts.expects_continue = fields.expects_continue && !head.http_1_0();
  return std::nullopt;
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

Body body_of(const Framing& framing) {
  switch (framing.kind) {
    case FramingKind::none:
      return {};
    case FramingKind::length:
      return {BodyLength::known, framing.length};
    case FramingKind::chunked:
    case FramingKind::until_close:
    case FramingKind::tunnel:
      break;
  }
  return {BodyLength::unknown, 0};
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t length = 0;
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || length > kMaxLength) return std::nullopt;
  return length;
}

Result<RequestFacts, Refusal> validate_request(const Head& head) {
  RequestFacts facts;
  if (head.major != 1 || head.minor > 1)
    return Failure{Refusal{505, "a version other than HTTP/1.0 and 1.1"}};
  const FramingFields fields = collect_fields(head);
  if (const ValidationError bad = check_method(head.text(head.method), facts)) return Failure{*bad};
  if (const ValidationError bad = check_host(head, fields, facts)) return Failure{*bad};
  if (const ValidationError bad = check_target(head, facts)) return Failure{*bad};
  const auto framing = message_framing(head, fields, Framing{});
  if (!framing) return Failure{Refusal{400, framing.error()}};
  facts.framing = *framing;
  facts.body = body_of(*framing);
  facts.persistence = persistence_of(head, fields);
  if (const ValidationError bad = check_expectation(head, fields, facts)) return Failure{*bad};
  if (const ValidationError bad = check_max_forwards(head, fields, facts)) return Failure{*bad};
  // RFC 9110, 7.8: not in HTTP/1.0; and the switch comes after the whole request with its body.
  const bool may_switch =
      !head.http_1_0() && facts.framing.kind == FramingKind::none && !facts.is_head;
  if (may_switch) facts.upgrade = upgrade_of(fields);
  return facts;
}

Result<RequestInfo, Refusal> validate_http2_request(const Head& head, BodyFollows follows) {
  RequestFacts facts;
  const FramingFields fields = collect_fields(head);
  if (const ValidationError bad = check_method(head.text(head.method), facts)) return Failure{*bad};
  if (const ValidationError bad = check_host(head, fields, facts)) return Failure{*bad};
  if (const ValidationError bad = check_target(head, facts)) return Failure{*bad};
  if (facts.target_form == TargetForm::absolute) return Failure{Refusal{400, "a malformed target"}};
  const auto framing = message_framing(head, fields, Framing{});
  if (!framing) return Failure{Refusal{400, framing.error()}};
  facts.body = body_of(*framing);
  if (follows == BodyFollows::no && facts.body.bytes > 0) {
    return Failure{Refusal{400, "a Content-Length without a body"}};
  }
  const bool is_long = follows == BodyFollows::yes && fields.lengths == 0;
  if (is_long) facts.body = {BodyLength::unknown, 0};
  if (const ValidationError bad = check_expectation(head, fields, facts)) return Failure{*bad};
  if (const ValidationError bad = check_max_forwards(head, fields, facts)) return Failure{*bad};
  if (!is_long && !facts.is_head) facts.upgrade = upgrade_of(fields);
  return static_cast<RequestInfo>(facts);
}

Result<ResponseFacts, const char*> validate_response(const Head& head, RequestKind request_kind) {
  ResponseFacts facts;
  if (head.major != 1 || head.minor > 1) return Failure{"a version other than HTTP/1.0 and 1.1"};
  if (head.status < 100 || head.status > 599) return Failure{"a status out of range"};
  const FramingFields fields = collect_fields(head);
  const auto framing = message_framing(head, fields, Framing{FramingKind::until_close, 0});
  if (!framing) return Failure{framing.error()};
  if (head.status == 101) {
    if (request_kind != RequestKind::upgrade) return Failure{"a 101 that was not requested"};
    facts.upgrade = upgrade_of(fields);
    if (facts.upgrade.empty()) return Failure{"a 101 without an Upgrade field"};
    facts.framing = Framing{FramingKind::tunnel, 0};
    facts.body = body_of(facts.framing);
    facts.persistence = Persistence::close;
    return facts;
  }
  facts.interim = head.status < 200;
  facts.persistence = persistence_of(head, fields);
  facts.framing = *framing;
  if (request_kind == RequestKind::head || has_no_body(head.status)) {
    facts.announces_body = fields.encodings > 0 || facts.framing.kind == FramingKind::length;
    facts.framing = Framing{};
  }
  facts.body = body_of(facts.framing);
  if (facts.framing.kind == FramingKind::until_close) facts.persistence = Persistence::close;
  return facts;
}

Result<ResponseFacts, const char*> validate_http2_response(const Head& head, BodyFollows follows,
                                                           RequestKind request_kind) {
  ResponseFacts facts;
  if (head.status < 100 || head.status > 599) return Failure{"a status out of range"};
  if (head.status == 101) return Failure{"a 101, which HTTP/2 does not have"};
  const FramingFields fields = collect_fields(head);
  const auto framing = message_framing(head, fields, Framing{});
  if (!framing) return Failure{framing.error()};
  facts.interim = head.status < 200;
  if (facts.interim && follows == BodyFollows::no) return Failure{"a 1xx as the last response"};
  if (request_kind == RequestKind::head || has_no_body(head.status)) return facts;
  facts.body = body_of(*framing);
  if (follows == BodyFollows::no && facts.body.bytes > 0) {
    return Failure{"a Content-Length without a body"};
  }
  const bool is_open = follows == BodyFollows::yes && fields.lengths == 0;
  if (is_open) facts.body = {BodyLength::unknown, 0};
  return facts;
}

bool needs_zero_length(const Head& head, RequestKind request_kind) {
  const bool may_have_body = request_kind != RequestKind::head && !has_no_body(head.status);
  return may_have_body && head.find(FieldName::content_length) == nullptr;
}

namespace {

/// Fields that Connection may not name (RFC 9110, 7.6.1: those "intended for all recipients of the
/// content"), in addition to those with a FieldName. Without its credentials a request would be
/// another user's; without Cache-Control or Content-Type a response could be cached or interpreted
/// wrongly.
bool for_all_recipients(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kNames{"authorization", "cache-control",
                                                          "expires"};
  static constexpr std::string_view kPrefix = "content-";
  return equal_ignoring_case(name.substr(0, kPrefix.size()), kPrefix) ||
         std::ranges::any_of(
             kNames, [name](std::string_view other) { return equal_ignoring_case(name, other); });
}

}  // namespace

HopByHop::HopByHop(const Head& head) : head_(head) {
  for (const Field& field : head.fields) {
    if (field.id != FieldName::connection) continue;
    each_element(head.value(field), [this](std::string_view option) {
      const bool own =
          equal_ignoring_case(option, "keep-alive") || equal_ignoring_case(option, "close");
      if (!own) names_ = Names::some;
    });
  }
}

bool HopByHop::operator()(const Field& field) const {
  switch (field.id) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::te:
    case FieldName::transfer_encoding:
    case FieldName::upgrade:
      return true;
    case FieldName::content_length:
    case FieldName::cookie:
    case FieldName::host:
    case FieldName::set_cookie:
    case FieldName::via:
    case FieldName::date:
    case FieldName::client_info_field:
    case FieldName::forwarded:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
      return false;  // even if Connection names it
    default:
      return names_ == Names::some && named(head_.name(field));
  }
}

bool HopByHop::named(std::string_view name) const {
  bool found = false;
  for (const Field& field : head_.fields) {
    if (field.id != FieldName::connection) continue;
    each_element(head_.value(field), [&](std::string_view option) {
      found = found || equal_ignoring_case(option, name);
    });
  }
  return found && !for_all_recipients(name);
}

bool is_host(std::string_view text) {
  return valid_authority(text);
}

bool trailer_allowed(std::string_view name) {
  static constexpr std::array<std::string_view, 21> kForbidden{"authorization",
                                                               "cache-control",
                                                               "content-encoding",
                                                               "content-range",
                                                               "content-type",
                                                               "expires",
                                                               "if-match",
                                                               "if-modified-since",
                                                               "if-none-match",
                                                               "if-range",
                                                               "if-unmodified-since",
                                                               "location",
                                                               "pragma",
                                                               "proxy-authorization",
                                                               "range",
                                                               "retry-after",
                                                               "vary",
                                                               "warning",
                                                               "www-authenticate",
                                                               "age",
                                                               "content-location"};
  if (field_name(name) != FieldName::other) return false;
  return std::ranges::none_of(
      kForbidden, [name](std::string_view bad) { return equal_ignoring_case(bad, name); });
}

}  // namespace bonedry::http
