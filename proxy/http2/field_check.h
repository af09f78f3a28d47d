#pragma once

#include "proxy/http/head.h"

#include <string_view>

/// Rules for single fields of HTTP/2 that libnghttp2 leaves to its user, or has only in part.
namespace bonedry::http2 {

/// RFC 9113, section 8.2.1: a token without upper case letters.
[[nodiscard]] bool is_name(std::string_view name);

/// The same section, and RFC 9110, section 5.5: no control characters, no blanks at either end.
[[nodiscard]] bool is_value(std::string_view value);

/// RFC 9113, section 8.2.2: fields that have a meaning for connections of HTTP/1 only.
[[nodiscard]] bool is_for_connection(http::FieldName id);

}  // namespace bonedry::http2
