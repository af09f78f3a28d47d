#include "proxy/http/request_fields.h"

#include "proxy/http/response_fields.h"
#include "proxy/http/rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace bonedry::http {

using namespace std::string_view_literals;

namespace {

void add_number(std::string_view name, std::uint64_t number, FieldSink& sink) {
  std::array<char, 20> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  sink.added(name, std::string_view(digits.data(), end));
}

/// Whether a request field is removed, or written elsewhere than in the loop over all fields.
bool is_removed_or_rewritten(const Field& field, const RequestInfo& request, Trust trust,
                             const RequestEdits& edits, const HopByHop& hop_by_hop) {
  const ForwardedFields forwarded = edits.forwarded;
  switch (field.id) {
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
      return trust == Trust::none || forwarded != ForwardedFields::rfc7239;
    case FieldName::forwarded:
      return trust == Trust::none || forwarded != ForwardedFields::x_forwarded;
    case FieldName::client_info_field:
      return trust == Trust::none;
    case FieldName::host:
      return request.target_form == TargetForm::absolute;
    case FieldName::expect:
      return !request.expects_continue;
    case FieldName::max_forwards:
      return request.max_forwards.has_value();
    case FieldName::x_request_id:
      return !edits.request_id.empty() || hop_by_hop(field);
    case FieldName::proxy:
      return true;  // CGI would name it HTTP_PROXY, which programs take for their own setting
    case FieldName::bonedry_pass:
      return true;
    case FieldName::content_length:
      return false;
    default:
      return hop_by_hop(field);
  }
}

/// Whether applications take a field for one of RFC 9440, however its name is spelled.
bool is_client_cert(std::string_view name) {
  constexpr std::array<std::string_view, 2> kNames{"client-cert", "client-cert-chain"};
  const auto same = [](char received, char known) {
    return ascii::to_lower(received) == known ||
           (known == '-' && has_cgi_ambiguous_char({&received, 1}));
  };
  return std::ranges::any_of(
      kNames, [&](std::string_view known) { return std::ranges::equal(name, known, same); });
}

/// A certificate that a client has shown to us replaces what even a trusted proxy says of one.
bool is_replaced_certificate(const Head& head, const Field& field, const ClientInfo& client) {
  return !client.certificate.empty() && field.id == FieldName::client_info_field &&
         is_client_cert(head.name(field));
}

// Pieces between our cookies. No honest request has more; the rest is dropped.
constexpr std::size_t kMaxCookiePieces = 16;

std::string_view without_last_separator(std::string_view text) {
  const std::size_t end = text.find_last_not_of("; \t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

void write_cookie(const Head& head, const Field& field, const CookieFilter* cookies,
                  FieldSink& sink) {
  if (cookies == nullptr) return sink.received(field);
  CookieFilter::Kept kept = cookies->filter(head.value(field));
  if (!kept.changed) return sink.received(field);
  if (kept.before.empty() && kept.after.empty()) return;
  // A browser may send several cookies of one name, for several paths or domains.
  std::array<std::string_view, kMaxCookiePieces> pieces;
  std::size_t count = 0;
  while (kept.changed && count + 1 < pieces.size()) {
    if (!kept.before.empty()) pieces[count++] = kept.before;
    const std::string_view rest = kept.after;
    kept = cookies->filter(rest);
    if (!kept.changed && !rest.empty()) pieces[count++] = rest;
  }
  if (count == 0) return;
  sink.begin("Cookie");
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    sink.part(last ? without_last_separator(pieces[i]) : pieces[i]);
  }
  sink.end();
}

/// Schemes of requests over HTTP/1.1: some proxies report ws or wss for WebSocket.
bool is_scheme(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kSchemes{"http", "https", "ws", "wss"};
  return std::ranges::any_of(
      kSchemes, [text](std::string_view scheme) { return equal_ignoring_case(text, scheme); });
}

/// The value that a trusted proxy wrote in a field, if there is one and it is valid; else `ours`.
std::string_view forwarded_or(const Head& head, FieldName id, bool (*valid)(std::string_view),
                              std::string_view ours) {
  const Field* only = nullptr;
  for (const Field& field : head.fields) {
    if (field.id != id) continue;
    if (only != nullptr) return ours;
    only = &field;
  }
  return only != nullptr && valid(head.value(*only)) ? head.value(*only) : ours;
}

/// RFC 9110, 5.6.4: whether all quoted strings are closed. Text appended after an unclosed one
/// would be read as part of it.
bool has_balanced_quotes(std::string_view text) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (text[at] == '\\' && quoted) ++at;
  }
  return !quoted;
}

/// RFC 7239, 4: a value is a token, or quoted. A host contains neither quotes nor backslashes.
void write_host(std::string_view host, FieldSink& sink) {
  const std::string_view quote = host.find_first_of(":[]()=;") == host.npos ? "" : "\"";
  sink.part(";host="sv);
  sink.part(quote);
  sink.part(host);
  sink.part(quote);
}

/// RFC 7239: adds an element for this hop after those that trusted proxies wrote.
void write_rfc7239(const Head& head, const ClientInfo& client, std::string_view scheme,
                   std::string_view host, FieldSink& sink) {
  sink.begin("Forwarded");
  for (const Field& field : head.fields) {
    if (client.trust == Trust::none) break;
    if (field.id != FieldName::forwarded || field.value.size == 0) continue;
    if (!has_balanced_quotes(head.value(field))) continue;
    sink.part(head.value(field));
    sink.part(", "sv);
  }
  const bool v6 = client.address.find(':') != std::string_view::npos;
  sink.part(v6 ? "for=\"["sv : "for="sv);
  sink.part(client.address);
  sink.part(v6 ? "]\";proto="sv : ";proto="sv);
  sink.part(scheme);
  if (!host.empty()) write_host(host, sink);
  sink.end();
}

void write_x_forwarded(const Head& head, const ClientInfo& client, std::string_view scheme,
                       std::string_view host, FieldSink& sink) {
  sink.begin("X-Forwarded-For");
  for (const Field& field : head.fields) {
    if (client.trust == Trust::none) break;
    if (field.id != FieldName::x_forwarded_for || field.value.size == 0) continue;
    sink.part(head.value(field));
    sink.part(", "sv);
  }
  sink.part(client.address);
  sink.end();
  sink.added("X-Forwarded-Proto", scheme);
  if (!host.empty()) sink.added("X-Forwarded-Host", host);
}

void write_forwarded(const Head& head, std::string_view host, const ClientInfo& client,
                     ForwardedFields forwarded, FieldSink& sink) {
  std::string_view scheme = client.scheme;
  if (client.trust == Trust::forwarded) {
    scheme = forwarded_or(head, FieldName::x_forwarded_proto, is_scheme, scheme);
    host = forwarded_or(head, FieldName::x_forwarded_host, is_host, host);
  }
  if (forwarded != ForwardedFields::rfc7239) write_x_forwarded(head, client, scheme, host, sink);
  if (forwarded != ForwardedFields::x_forwarded) write_rfc7239(head, client, scheme, host, sink);
}

}  // namespace

void each_kept_request_field(const Head& head, const RequestInfo& request, const ClientInfo& client,
                             const RequestEdits& edits, FieldSink& sink) {
  const HopByHop hop_by_hop(head);
  for (const Field& field : head.fields) {
    if (field.id == FieldName::cookie) {
      write_cookie(head, field, edits.cookies, sink);
    } else if (field.id == FieldName::content_length) {
      forward_length(head, field, sink);
    } else if (!is_removed_or_rewritten(field, request, client.trust, edits, hop_by_hop) &&
               !is_replaced_certificate(head, field, client)) {
      sink.received(field);
    }
  }
}

void each_own_request_field(const Head& head, const RequestInfo& request, const ClientInfo& client,
                            const RequestEdits& edits, FieldSink& sink) {
  if (request.max_forwards) add_number("Max-Forwards", *request.max_forwards - 1, sink);
  if (client.address.empty()) return;
  sink.begin("Via");
  sink.part(via_version(head));
  sink.part(" "sv);
  sink.part(edits.via);
  sink.end();
  write_forwarded(head, request.host, client, edits.forwarded, sink);
  if (!edits.request_id.empty()) sink.added("X-Request-Id", edits.request_id);
  each_line(client.certificate,
            [&sink](std::string_view name, std::string_view value) { sink.added(name, value); });
}

}  // namespace bonedry::http
