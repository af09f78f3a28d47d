#include "admin/command_line.h"

#include "admin/printable.h"
#include "proxy/base/ascii.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bonedry::admin {
namespace {

using ascii::is_blank;

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

/// Reads words off the front of a line.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  Result<std::vector<Word>> split() {
    std::vector<Word> words;
    for (skip_blanks(); !rest_.empty(); skip_blanks()) {
      if (words.size() == kMaxWords) {
        return Failure{"a command has at most " + std::to_string(kMaxWords) + " words"};
      }
      auto word = next();
      if (!word) return Failure{word.error()};
      words.push_back(std::move(*word));
    }
    return words;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  Result<Word> next() {
    Word word;
    if (rest_.front() == '"') word.quoting = Quoting::from_start;
    while (!rest_.empty() && !is_blank(rest_.front())) {
      const char c = take();
      if (c != '"') {
        word.text += c;
        continue;
      }
      if (word.quoting == Quoting::none) word.quoting = Quoting::inside;
      if (auto read = read_quoted(word.text); !read) return Failure{read.error()};
    }
    return word;
  }

  /// Reads from after the opening quote up to and including the closing one.
  Result<> read_quoted(std::string& into) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return Done{};
      if (c != '\\') {
        into += c;
        continue;
      }
      if (rest_.empty()) break;
      const char escaped = take();
      if (escaped != '"' && escaped != '\\') {
        return Failure{"invalid escape " + in_quotes(std::string{'\\', escaped}) +
                       " in double quotes; use \\\" or \\\\"};
      }
      into += escaped;
    }
    return Failure{"missing closing double quote"};
  }

  std::string_view rest_;
};

bool is_option(const Word& word) {
  return word.quoting != Quoting::from_start && word.text.size() > 1 && word.text.front() == '-';
}

/// Builds a CommandLine from words, using the table row of its command.
class LineParser {
 public:
  LineParser(const Command& command, Format format) { line_ = {&command, {}, {}, format}; }

  Result<CommandLine> parse(std::vector<Word> words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      auto taken = is_option(words[i]) ? take_option(words, i) : take_positional(words[i].text);
      if (!taken) return Failure{taken.error()};
    }
    const auto& takes = line_.command->positionals;
    if (line_.positionals.size() < takes.size()) {
      const Positional& missing = takes[line_.positionals.size()];
      if (missing.presence == Presence::required) {
        return Failure{name() + " needs " + std::string(missing.noun) + usage()};
      }
    }
    return std::move(line_);
  }

 private:
  Result<> take_positional(std::string& text) {
    if (line_.positionals.size() == line_.command->positionals.size()) {
      return Failure{name() + ": unexpected argument " + in_quotes(text) + usage()};
    }
    if (text.empty()) {
      const Positional& empty = line_.command->positionals[line_.positionals.size()];
      return Failure{name() + " needs " + std::string(empty.noun) + ", not an empty word" +
                     usage()};
    }
    line_.positionals.push_back(std::move(text));
    return Done{};
  }

  /// Advances `at` to the option's value when that is a separate word.
  Result<> take_option(std::vector<Word>& words, std::size_t& at) {
    const std::string word = words[at].text;
    const std::size_t equals = word.find('=');
    const Option* option =
        word.starts_with("--") ? line_.command->find_option(word.substr(2, equals - 2)) : nullptr;
    if (option == nullptr) {
      const std::string meant = meant_option(*line_.command, word.substr(0, equals));
      return Failure{name() + ": unknown option " + in_quotes(word) +
                     (meant.empty() ? usage() : meant)};
    }
    if (line_.has(option->name)) return Failure{dashed(*option) + " is given more than once"};
    if (option->kind == ValueKind::none && equals == std::string::npos) {
      line_.options.push_back({option, ""});
      return Done{};
    }
    if (equals != std::string::npos) return take_value(*option, word.substr(equals + 1));
    if (at + 1 == words.size() || is_option(words[at + 1])) {
      return Failure{dashed(*option) + " takes a value" + usage()};
    }
    return take_value(*option, std::move(words[++at].text));
  }

  Result<> take_value(const Option& option, std::string value) {
    if (std::string wrong = value_error(option, value); !wrong.empty()) {
      return Failure{std::move(wrong)};
    }
    line_.options.push_back({&option, std::move(value)});
    return Done{};
  }

  static std::string dashed(const Option& option) { return "--" + std::string(option.name); }
  [[nodiscard]] std::string name() const { return std::string(line_.command->name); }
  [[nodiscard]] std::string usage() const { return "; usage: " + syntax(*line_.command); }

  CommandLine line_;
};

}  // namespace

Result<std::vector<Word>> split_words(std::string_view line) {
  return Splitter(line).split();
}

std::string quote_word(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<CommandLine> parse_command_line(std::string_view line) {
  const auto stray = std::ranges::find_if(
      line, [](char c) { return c != '\t' && has_control(std::string_view(&c, 1)); });
  if (stray != line.end()) {
    return Failure{"control character " + printable(std::string_view(&*stray, 1)) + " at byte " +
                   std::to_string(stray - line.begin() + 1) +
                   "; a command is a single line of text"};
  }
  auto words = split_words(line);
  if (!words) return Failure{words.error()};
  Format format = Format::text;
  if (words->size() > 1 && words->back() == Word{"json", Quoting::none}) {
    format = Format::json;
    words->pop_back();
  }
  if (words->empty()) return Failure{"no command; 'help' lists the commands"};
  const Command* command = find_command(words->front().text);
  if (command == nullptr) return Failure{unknown_command(words->front().text)};
  words->erase(words->begin());
  return LineParser(*command, format).parse(std::move(*words));
}

const CommandLine::OptionValue* CommandLine::find(std::string_view option) const {
  const auto found = std::ranges::find(
      options, option, [](const OptionValue& option_value) { return option_value.option->name; });
  return found == options.end() ? nullptr : &*found;
}

std::optional<Millis> CommandLine::duration(std::string_view option) const {
  const OptionValue* option_value = find(option);
  return option_value == nullptr ? std::nullopt : parse_duration(option_value->value);
}

std::optional<std::size_t> CommandLine::count(std::string_view option) const {
  return number(option);
}

std::optional<std::uint64_t> CommandLine::number(std::string_view option) const {
  const OptionValue* option_value = find(option);
  if (option_value == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(option_value->value.data(),
                  option_value->value.data() + option_value->value.size(), value);
  return value;
}

std::string CommandLine::text(std::string_view option) const {
  const OptionValue* option_value = find(option);
  return option_value == nullptr ? "" : option_value->value;
}

}  // namespace bonedry::admin
