#pragma once

#include "proxy/http/head.h"

#include <cstdint>
#include <string_view>

namespace bonedry::http {

/// What happens to request fields that CGI-like applications would mistake for others, see
/// `has_cgi_ambiguous_char`.
enum class UnderscoreNames : std::uint8_t { drop, pass, refuse };

/// What becomes of a field of a request because of its name.
struct CheckedName {
  FieldName id = FieldName::other;
  enum class Fate : std::uint8_t { forward, drop, refuse } fate = Fate::forward;
};

/// A name that applications may take for one that a client must not set itself counts as that one
/// where it is forwarded. `name` is a token (RFC 9110, section 5.6.2).
[[nodiscard]] CheckedName check_request_field_name(std::string_view name, UnderscoreNames policy);

/// Whether a trailer of a request may be forwarded.
[[nodiscard]] CheckedName::Fate check_request_trailer_name(std::string_view name,
                                                           UnderscoreNames policy);

}  // namespace bonedry::http
