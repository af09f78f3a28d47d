#include "bench/demo/log_file.h"

#include <charconv>
#include <cstddef>
#include <deque>
#include <fstream>
#include <sstream>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr std::size_t kTailLines = 12;

std::string read_all(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

std::uint16_t logged_port(const std::filesystem::path& log, std::string_view prefix) {
  const std::string output = read_all(log);
  const std::size_t at = output.find(prefix);
  if (at == std::string::npos || output.find('\n', at) == std::string::npos) return 0;
  std::uint16_t port = 0;
  const char* end = output.data() + output.size();
  std::from_chars(output.data() + at + prefix.size(), end, port);
  return port;
}

std::string log_tail(const std::filesystem::path& log) {
  std::ifstream file(log);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > kTailLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

}  // namespace bonedry::demo
