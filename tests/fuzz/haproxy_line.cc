// A line of HAProxy's commands on the admin socket.
#include "admin/haproxy/command_line.h"
#include "admin/printable.h"
#include "tests/fuzz/target.h"

#include <string>

namespace bonedry::fuzz {
namespace {

using admin::haproxy::Words;

std::string spelled(const std::vector<Words>& commands) {
  std::string line;
  for (const Words& words : commands) line += admin::haproxy::to_line(words) + ";";
  return line;
}

}  // namespace

int fuzz_one(Input input) {
  const std::string_view line = text_of(input);
  (void)admin::haproxy::is_haproxy_line(line);
  const auto commands = admin::haproxy::split_commands(line);
  if (!commands) {
    require(!admin::has_control(commands.error()), "an error is one line");
    return 0;
  }
  require(commands->size() <= line.size() / 2 + 1, "a command takes a character and a semicolon");
  for (const Words& words : *commands) {
    require(!words.empty() && words.size() <= admin::haproxy::kMaxWords, "words are few, not none");
    for (const std::string& word : words) require(!word.empty(), "no word is empty");
  }
  const auto again = admin::haproxy::split_commands(spelled(*commands));
  require(again && *again == *commands, "commands that are written down come back");
  return 0;
}

}  // namespace bonedry::fuzz
