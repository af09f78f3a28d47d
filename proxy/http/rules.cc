#include "proxy/http/rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bonedry::http {
namespace {

using Judged = std::optional<Refusal>;  // nothing: fine

constexpr std::uint64_t kMaxLength =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// uri-host [ ":" port ] without userinfo (RFC 9110, section 7.2).
bool valid_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view literal = text.substr(1, end - 1);
    const auto fits = [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
             c == '.';
    };
    if (!std::ranges::all_of(literal, fits)) return false;
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const std::size_t colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    if (host.empty() || !std::ranges::all_of(host, is_host_char)) return false;
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  if (port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
  unsigned number = 0;
  if (!port.empty()) std::from_chars(port.data(), port.data() + port.size(), number);
  return number <= 65535;
}

/// How often each of the fields that decide framing came, and what they said.
struct FramingFields {
  std::size_t lengths = 0;
  std::size_t encodings = 0;
  std::string_view length;
  std::string_view encoding;
};

FramingFields framing_fields(const Head& head) {
  FramingFields found;
  for (const Field& field : head.fields) {
    if (field.id == FieldName::content_length) {
      ++found.lengths;
      found.length = head.value(field);
    } else if (field.id == FieldName::transfer_encoding) {
      ++found.encodings;
      found.encoding = head.value(field);
    }
  }
  return found;
}

/// The framing that both kinds of message share; the text says what is wrong.
Result<Framing, const char*> message_framing(const Head& head, Framing without) {
  const FramingFields fields = framing_fields(head);
  if (fields.encodings > 0) {
    if (fields.lengths > 0) return Failure{"both Transfer-Encoding and Content-Length"};
    if (head.http_1_0()) return Failure{"Transfer-Encoding in HTTP/1.0"};
    if (fields.encodings > 1 || !equal_ignoring_case(fields.encoding, "chunked")) {
      return Failure{"a Transfer-Encoding other than chunked"};
    }
    return Framing{BodyKind::chunked, 0};
  }
  if (fields.lengths == 0) return without;
  if (fields.lengths > 1) return Failure{"more than one Content-Length"};
  const auto length = parse_length(fields.length);
  if (!length) return Failure{"a Content-Length that is not a number"};
  return Framing{*length == 0 ? BodyKind::none : BodyKind::length, *length};
}

Persistence persistence_of(const Head& head) {
  bool close = false;
  bool keep_alive = false;
  for (const Field& field : head.fields) {
    if (field.id != FieldName::connection) continue;
    each_element(head.value(field), [&](std::string_view option) {
      close = close || equal_ignoring_case(option, "close");
      keep_alive = keep_alive || equal_ignoring_case(option, "keep-alive");
    });
  }
  if (close) return Persistence::close;
  return head.http_1_0() && !keep_alive ? Persistence::close : Persistence::keep_alive;
}

Judged judge_host(const Head& head, RequestFacts& facts) {
  std::size_t hosts = 0;
  for (const Field& field : head.fields) {
    if (field.id != FieldName::host) continue;
    ++hosts;
    facts.host = head.value(field);
  }
  if (hosts > 1) return Refusal{400, "more than one Host"};
  if (hosts == 0 && !head.http_1_0()) return Refusal{400, "no Host"};
  if (hosts == 1 && !valid_authority(facts.host)) return Refusal{400, "a malformed Host"};
  return std::nullopt;
}

Judged judge_absolute(const Head& head, std::string_view rest, RequestFacts& facts) {
  facts.target_form = TargetForm::absolute;
  const std::size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  if (!valid_authority(authority)) return Refusal{400, "a malformed authority in the target"};
  // RFC 9112, 3.2.2 lets a proxy replace Host; one that disagrees is never sent by an honest
  // client.
  if (!facts.host.empty() && !equal_ignoring_case(authority, facts.host)) {
    return Refusal{400, "a target and a Host that disagree"};
  }
  facts.host = authority;
  // RFC 9112, 3.2.4: OPTIONS of a whole server reaches the node as such.
  const std::string_view none = head.text(head.method) == "OPTIONS" ? "*" : "/";
  facts.path = slash == std::string_view::npos ? none : rest.substr(slash);
  if (facts.path.starts_with('?')) return Refusal{400, "a target without a path"};
  return std::nullopt;
}

Judged judge_target(const Head& head, RequestFacts& facts) {
  const std::string_view target = head.text(head.target);
  const auto visible = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (target.empty() || !std::ranges::all_of(target, visible)) {
    return Refusal{400, "a malformed target"};
  }
  if (target.starts_with('/')) {
    facts.path = target;
    return std::nullopt;
  }
  if (target == "*") {
    if (head.text(head.method) != "OPTIONS") return Refusal{400, "a target that OPTIONS alone has"};
    facts.target_form = TargetForm::asterisk;
    facts.path = target;
    return std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() &&
        equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      return judge_absolute(head, target.substr(scheme.size()), facts);
    }
  }
  return Refusal{400, "a malformed target"};
}

Judged judge_method(std::string_view method, RequestFacts& facts) {
  if (method == "CONNECT") return Refusal{405, "CONNECT is not served here"};
  if (method == "TRACE") return Refusal{405, "TRACE is not served here"};
  static constexpr std::array<std::string_view, 5> kIdempotent{"GET", "HEAD", "OPTIONS", "PUT",
                                                               "DELETE"};
  facts.idempotent = std::ranges::find(kIdempotent, method) != kIdempotent.end();
  facts.head = method == "HEAD";
  return std::nullopt;
}

/// RFC 9110, 5.6.2 and 7.8: name or name/version.
bool valid_protocol(std::string_view text) {
  const auto fits = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~/").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

/// The one protocol of the one Upgrade field that Connection names; empty when it is not so. A
/// choice of several is not passed on: which was taken would be the node's word alone.
std::string_view upgrade_of(const Head& head) {
  const Field* const upgrade = head.find(FieldName::upgrade);
  if (upgrade == nullptr) return {};
  bool named = false;
  std::size_t fields = 0;
  for (const Field& field : head.fields) {
    if (field.id == FieldName::upgrade) ++fields;
    if (field.id != FieldName::connection) continue;
    each_element(head.value(field), [&named](std::string_view option) {
      named = named || equal_ignoring_case(option, "upgrade");
    });
  }
  const std::string_view protocol = head.value(*upgrade);
  return named && fields == 1 && valid_protocol(protocol) ? protocol : std::string_view{};
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t length = 0;
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || length > kMaxLength) return std::nullopt;
  return length;
}

Result<RequestFacts, Refusal> judge_request(const Head& head) {
  RequestFacts facts;
  if (head.major != 1 || head.minor > 1)
    return Failure{Refusal{505, "a version other than HTTP/1.0 and 1.1"}};
  if (const Judged bad = judge_method(head.text(head.method), facts)) return Failure{*bad};
  if (const Judged bad = judge_host(head, facts)) return Failure{*bad};
  if (const Judged bad = judge_target(head, facts)) return Failure{*bad};
  const auto framing = message_framing(head, Framing{});
  if (!framing) return Failure{Refusal{400, framing.error()}};
  facts.framing = *framing;
  facts.persistence = persistence_of(head);
  if (const Field* const expect = head.find(FieldName::expect)) {
    if (!equal_ignoring_case(head.value(*expect), "100-continue")) {
      return Failure{Refusal{417, "an expectation other than 100-continue"}};
    }
    facts.expects_continue = !head.http_1_0();
  }
  // RFC 9110, 7.8: not in HTTP/1.0; and the switch comes after the whole request, body and all.
  const bool may_switch = !head.http_1_0() && facts.framing.kind == BodyKind::none && !facts.head;
  if (may_switch) facts.upgrade = upgrade_of(head);
  return facts;
}

Result<ResponseFacts, const char*> judge_response(const Head& head, AskedBy asked_by) {
  ResponseFacts facts;
  if (head.major != 1 || head.minor > 1) return Failure{"a version other than HTTP/1.0 and 1.1"};
  if (head.status < 100 || head.status > 599) return Failure{"a status out of range"};
  if (head.status == 101) {
    if (asked_by != AskedBy::upgrade) return Failure{"a 101 that was not asked for"};
    facts.upgrade = upgrade_of(head);
    if (facts.upgrade.empty()) return Failure{"a 101 without the protocol"};
    facts.framing = Framing{BodyKind::tunnel, 0};
    facts.persistence = Persistence::close;
    return facts;
  }
  facts.interim = head.status < 200;
  facts.persistence = persistence_of(head);
  const auto framing = message_framing(head, Framing{BodyKind::until_close, 0});
  if (!framing) return Failure{framing.error()};
  facts.framing = *framing;
  if (asked_by == AskedBy::head || has_no_body(head.status)) facts.framing = Framing{};
  if (facts.framing.kind == BodyKind::until_close) facts.persistence = Persistence::close;
  return facts;
}

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
    case FieldName::date:
      return false;  // whatever Connection says
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
  return found;
}

bool is_host(std::string_view text) {
  return valid_authority(text);
}

bool trailer_allowed(std::string_view name) {
  static constexpr std::array<std::string_view, 16> kForbidden{
      "authorization", "cache-control", "content-encoding", "content-range",       "content-type",
      "expires",       "location",      "max-forwards",     "proxy-authorization", "range",
      "retry-after",   "vary",          "warning",          "www-authenticate",    "age",
      "pragma"};
  if (field_name(name) != FieldName::other) return false;
  return std::ranges::none_of(
      kForbidden, [name](std::string_view bad) { return equal_ignoring_case(bad, name); });
}

}  // namespace bonedry::http
