#pragma once

#include "proxy/base/ascii.h"
#include "proxy/base/block.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bonedry::http {

/// The fields that a proxy must know by name. All others are `other` and are forwarded unchanged.
enum class FieldName : std::uint8_t {
  other,
  bonedry_pass,       ///< a tester's pass for a node
  client_info_field,  ///< any other field that states where a request came from
  connection,
  content_length,
  cookie,
  date,
  expect,
  forwarded,
  host,
  keep_alive,
  max_forwards,
  proxy,
  proxy_authenticate,
  proxy_connection,
  set_cookie,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  via,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
};

/// Case-insensitive (RFC 9110, section 5.1). `client_info_field` stands for the names from which
/// applications take a client's address, scheme, host, target, user or certificate, as listed in
/// docs/proxies.md. These include all names that begin with X-Forwarded- and similar prefixes.
[[nodiscard]] FieldName field_name(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
/// A valid Host without its port: "shop.example", "[2001:db8::1]".
[[nodiscard]] std::string_view name_of_host(std::string_view host);
/// Whether a name has a character that is neither letter, digit nor '-'. CGI, WSGI, PHP and others
/// turn each such character, and '-' as well, into '_': to them X_User and X.User are X-User.
/// `name` is a token (RFC 9110, section 5.6.2).
[[nodiscard]] bool has_cgi_ambiguous_char(std::string_view name);

/// A piece of a head, by offset: heads are parsed in the buffer into which they were read, and may
/// still move to a larger block while they are incomplete.
struct Span {
  std::uint32_t at = 0;
  std::uint32_t size = 0;
};

struct Field {
  Span name;
  Span value;  ///< without leading and trailing spaces and tabs
  FieldName id = FieldName::other;
};

/// A parsed head: views of the received bytes. Owned by an exchange and reused with it, so that its
/// memory is allocated once.
struct Head {
  BlockRef block;              ///< keeps the bytes alive
  const char* base = nullptr;  ///< where the offsets of spans begin
  std::uint32_t size = 0;      ///< including the empty line at its end
  Span method;                 ///< request only
  Span target;                 ///< request only
  Span reason;                 ///< response only; empty when there is none
  int status = 0;              ///< response only
  int major = 0;
  int minor = 0;
  std::vector<Field> fields;

  [[nodiscard]] std::string_view text(Span span) const { return {base + span.at, span.size}; }
  [[nodiscard]] std::string_view name(const Field& field) const { return text(field.name); }
  [[nodiscard]] std::string_view value(const Field& field) const { return text(field.value); }
  /// The first field of this name, or nullptr.
  [[nodiscard]] const Field* find(FieldName id) const;
  [[nodiscard]] bool http_1_0() const { return major == 1 && minor == 0; }
  void clear();
};

/// "HTTP/1.1", as a log shows the version of a message.
[[nodiscard]] std::string_view protocol_text(const Head& head);

/// The first words of a request that could not be parsed, to find it in a log.
struct RequestPreview {
  std::string_view method;
  std::string_view target;
};
[[nodiscard]] RequestPreview request_preview(std::string_view bytes);

/// Calls `callback(element)` for each element of the comma-separated list in a field's value,
/// without surrounding spaces and tabs. Skips empty elements (RFC 9110, section 5.6.1).
template <class Callback>
void each_element(std::string_view value, const Callback& callback) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view element = ascii::trimmed(value.substr(0, comma));
    if (!element.empty()) callback(element);
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

}  // namespace bonedry::http
