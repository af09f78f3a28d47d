#include "admin/haproxy/command_line.h"

#include "admin/command_table.h"
#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace bonedry::admin::haproxy {
namespace {

/// First words of HAProxy's commands; none of them is a command of ours.
constexpr std::array<std::string_view, 29> kVerbs{"_getsocks",
                                                  "abort",
                                                  "acl",
                                                  "add",
                                                  "clear",
                                                  "commit",
                                                  "debug",
                                                  "del",
                                                  "disable",
                                                  "dump",
                                                  "echo",
                                                  "enable",
                                                  "expert-mode",
                                                  "experimental-mode",
                                                  "get",
                                                  "httpclient",
                                                  "mcli-debug-mode",
                                                  "new",
                                                  "operator",
                                                  "prepare",
                                                  "prompt",
                                                  "quit",
                                                  "set",
                                                  "show",
                                                  "shutdown",
                                                  "ssl",
                                                  "trace",
                                                  "update",
                                                  "user"};

bool ends_word(char c) {
  return ascii::is_blank(c) || c == ';';
}

std::string_view first_word(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t;"), line.size()));
  return line.substr(
      0, static_cast<std::size_t>(std::ranges::find_if(line, ends_word) - line.begin()));
}

std::string lower(std::string_view word) {
  std::string out(word);
  std::ranges::transform(out, out.begin(), ascii::to_lower);
  return out;
}

/// Reads commands off the front of a line.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  Result<std::vector<Words>> split() {
    std::vector<Words> commands;
    while (!rest_.empty()) {
      auto words = next_command();
      if (!words) return Failure{words.error()};
      if (!words->empty()) commands.push_back(std::move(*words));
    }
    return commands;
  }

 private:
  /// Up to and including its ';'.
  Result<Words> next_command() {
    Words words;
    for (skip_blanks(); !rest_.empty() && rest_.front() != ';'; skip_blanks()) {
      const bool names_worker = words.empty() && rest_.front() == '@';
      std::string word = next_word();
      if (names_worker) continue;
      if (words.size() == kMaxWords) {
        return Failure{"A command has at most " + std::to_string(kMaxWords) + " words."};
      }
      words.push_back(std::move(word));
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return words;
  }

  std::string next_word() {
    std::string word;
    while (!rest_.empty() && !ends_word(rest_.front())) {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      word += rest_.front();
      rest_.remove_prefix(1);
    }
    return word;
  }

  void skip_blanks() {
    while (!rest_.empty() && ascii::is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

bool is_haproxy_line(std::string_view line) {
  if (line.find(" HTTP/") != std::string_view::npos) return false;  // "GET / HTTP/1.1", by mistake
  const std::string_view word = first_word(line);
  if (word.starts_with('@')) return true;
  if (find_command(word) != nullptr) {
    return line.substr(static_cast<std::size_t>(word.data() - line.data()) + word.size())
        .starts_with(';');
  }
  return std::ranges::find(kVerbs, lower(word)) != kVerbs.end();
}

Result<std::vector<Words>> split_commands(std::string_view line) {
  return Splitter(line).split();
}

std::optional<std::int64_t> parse_number(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::string to_line(const Words& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    for (const char c : word) {
      if (ends_word(c) || c == '\\' || c == '@') line += '\\';
      line += c;
    }
  }
  return line;
}

}  // namespace bonedry::admin::haproxy
