#include "admin/haproxy_compat.h"

#include "admin/command_table.h"
#include "admin/printable.h"
#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>

namespace bonedry::admin {
namespace {

/// First words of commands of HAProxy's tools; none of them is a command of ours.
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

constexpr std::string_view kSeverity = "severity-output";

bool ends_word(char c) {
  return c == ' ' || c == '\t' || c == ';';
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

/// Several commands in one line, or a command for one worker ("@1 show stat"), exist only in
/// HAProxy.
bool is_of_haproxy(std::string_view line) {
  if (line.find(" HTTP/") != std::string_view::npos) return false;  // "GET / HTTP/1.1", by mistake
  const std::string_view word = first_word(line);
  if (word.starts_with('@')) return true;
  if (find_command(word) != nullptr) {
    return line.substr(static_cast<std::size_t>(word.data() - line.data()) + word.size())
        .starts_with(';');
  }
  return std::ranges::find(kVerbs, lower(word)) != kVerbs.end();
}

}  // namespace

std::string error_for_line(std::string_view line, std::string_view why) {
  if (!is_of_haproxy(line)) return error_line(why);
  const std::string explained = printable(why) + " (HAProxy commands are not supported)";
  if (line.find(kSeverity) != std::string_view::npos) return "\n[3]: " + explained + "\n\n";
  return error_line(explained) +
         error_line("use bleed, maintain and activate instead of drain, maint and ready");
}

}  // namespace bonedry::admin
