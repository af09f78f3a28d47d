#pragma once

#include "proxy/base/block.h"
#include "proxy/http/head.h"

#include <cstddef>
#include <string>
#include <string_view>

/// Heads of HTTP/2 written as lines of HTTP/1.1, to which the spans of an http::Head refer.
namespace bonedry::http2 {

/// The size of "name: value\r\n".
[[nodiscard]] std::size_t line_size(std::string_view name, std::string_view value);

/// Appends a field to the text and to the head; false: the text would have more than `max` bytes.
[[nodiscard]] bool append_line(http::FieldName id, std::string_view name, std::string_view value,
                               std::size_t max, std::string& text, http::Head& head);

/// Copies the complete text into a block, where the head refers to it.
void keep_text(std::string_view text, BlockPool& blocks, http::Head& head);

}  // namespace bonedry::http2
