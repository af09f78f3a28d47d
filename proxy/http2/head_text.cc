#include "proxy/http2/head_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace bonedry::http2 {

std::size_t line_size(std::string_view name, std::string_view value) {
  return name.size() + value.size() + std::string_view(": \r\n").size();
}

bool append_line(http::FieldName id, std::string_view name, std::string_view value, std::size_t max,
                 std::string& text, http::Head& head) {
  const std::size_t at = text.size();
  if (at + line_size(name, value) > max) return false;
  // One by one they would check for room each.
  text.resize(at + line_size(name, value));
  char* to = text.data() + at;
  to = std::copy(name.begin(), name.end(), to);
  *to++ = ':';
  *to++ = ' ';
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r';
  *to++ = '\n';
  const auto name_at = static_cast<std::uint32_t>(at);
  const auto value_at = static_cast<std::uint32_t>(at + name.size() + 2);
  head.fields.push_back({{name_at, static_cast<std::uint32_t>(name.size())},
                         {value_at, static_cast<std::uint32_t>(value.size())},
                         id});
  return true;
}

void keep_text(std::string_view text, BlockPool& blocks, http::Head& head) {
  BlockRef block =
      text.size() <= BlockPool::kBlockSize ? BlockRef{} : blocks.take_large(text.size());
  if (block) {
    std::memcpy(block->data(), text.data(), text.size());
    head.base = block->data();
    head.block = std::move(block);
  } else {
    Slice copy = blocks.copy(text);
    head.base = copy.data;
    head.block = std::move(copy.block);
  }
  head.size = static_cast<std::uint32_t>(text.size());
}

}  // namespace bonedry::http2
