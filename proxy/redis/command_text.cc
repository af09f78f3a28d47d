#include "proxy/redis/command_text.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace bonedry::redis {
namespace {

/// Such as "$5\r\n".
void write_length(char kind, std::size_t length, BlockPool& blocks, SliceQueue& to) {
  std::array<char, 24> line{kind};
  char* const end = std::to_chars(line.data() + 1, line.data() + line.size() - 2, length).ptr;
  end[0] = '\r';
  end[1] = '\n';
  to.push_copy(blocks, {line.data(), end + 2});
}

}  // namespace

void write_command(const Words& words, BlockPool& blocks, SliceQueue& to) {
  write_length('*', words.size(), blocks, to);
  for (const std::string& word : words) {
    write_length('$', word.size(), blocks, to);
    to.push_copy(blocks, word);
    to.push_copy(blocks, "\r\n");
  }
}

}  // namespace bonedry::redis
