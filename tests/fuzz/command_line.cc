// A line of the admin socket.
#include "admin/command_line.h"

#include "admin/access/token_word.h"
#include "admin/printable.h"
#include "proxy/base/ascii.h"
#include "tests/fuzz/target.h"

#include <string>

namespace bonedry::fuzz {
namespace {

using admin::CommandLine;
using admin::Format;
using admin::ValueKind;

void check_words(std::string_view line) {
  const auto words = admin::split_words(line);
  if (!words) return;
  require(words->size() <= admin::kMaxWords, "words are few");
  std::string quoted;
  for (const admin::Word& word : *words) quoted += admin::quote_word(word.text) + " ";
  const auto again = admin::split_words(quoted);
  require(again && again->size() == words->size(), "quoted words are as many");
  for (std::size_t i = 0; i < words->size(); ++i) {
    require_equal((*again)[i].text, (*words)[i].text, "a quoted word comes back");
  }
}

void check_error(const std::string& error) {
  require(!error.empty(), "an error says something");
  require(!admin::has_control(error), "an error is one line");
  require_equal(admin::printable(error), error, "an error is safe to show");
}

void check_values(const CommandLine& line) {
  const auto& takes = line.command->positionals;
  require(line.positionals.size() <= takes.size(), "no more words are taken than are known");
  for (std::size_t i = line.positionals.size(); i < takes.size(); ++i) {
    require(takes[i].presence == admin::Presence::optional, "a word that must be there is");
  }
  for (const CommandLine::OptionValue& given : line.options) {
    require(line.command->find_option(given.option->name) == given.option,
            "an option is one of the command's");
    if (given.option->kind == ValueKind::none) continue;
    require_equal(admin::value_error(*given.option, given.value), "", "a value is good");
  }
}

std::string spelled(const CommandLine& line) {
  std::string text(line.command->name);
  for (const std::string& word : line.positionals) text += " " + admin::quote_word(word);
  for (const CommandLine::OptionValue& given : line.options) {
    text += " --" + std::string(given.option->name);
    if (given.option->kind != ValueKind::none) text += "=" + admin::quote_word(given.value);
  }
  return line.format == Format::json ? text + " json" : text;
}

/// Nothing of a line is lost, and a token is never part of the command, whose words errors repeat.
void check_token(std::string_view line, const admin::access::Presented& presented) {
  require(line.ends_with(presented.command), "the command is the end of the line");
  if (!presented.token) return require_equal(presented.command, line, "no token, no change");
  const std::string_view before = line.substr(0, line.size() - presented.command.size());
  require(before.ends_with(std::string("token:") + std::string(*presented.token)),
          "before it is the token");
  require(presented.command.empty() || ascii::is_blank(presented.command.front()),
          "and a token ends at a blank");
}

}  // namespace

int fuzz_one(Input input) {
  const admin::access::Presented presented = admin::access::split_token(text_of(input));
  check_token(text_of(input), presented);
  const std::string_view line = presented.command;
  check_words(line);
  const auto parsed = admin::parse_command_line(line);
  if (!parsed) {
    check_error(parsed.error());
    return 0;
  }
  check_values(*parsed);
  const std::string text = spelled(*parsed);
  const auto again = admin::parse_command_line(text);
  require_equal(again ? "" : again.error(), "", "a command can be written down");
  require(again->command == parsed->command, "and is the same command");
  require_equal(spelled(*again), text, "with the same words");
  return 0;
}

}  // namespace bonedry::fuzz
