#pragma once

#include "admin/command_table.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin {

/// Longest command, without its line end: many times what any command needs, and small enough that
/// a thousand clients that send nothing useful cost four megabytes.
constexpr std::size_t kMaxLineBytes = 4096;
/// Most words in a command: also many times what any command needs.
constexpr std::size_t kMaxWords = 32;

enum class Format : std::uint8_t { text, json };

/// Where a word had double quotes. A word that begins with one is never an option; a word that has
/// any is never the word `json`.
enum class Quoting : std::uint8_t { none, inside, from_start };

struct Word {
  std::string text;
  Quoting quoting = Quoting::none;

  friend bool operator==(const Word&, const Word&) = default;
};

/// Splits a line at spaces and tabs. "Double quotes" keep them; within quotes, \" and \\ are
/// escapes. The error is for the operator, like all errors here, and does not contain the word
/// "error".
[[nodiscard]] Result<std::vector<Word>> split_words(std::string_view line);

/// Quotes a word so that split_words returns it unchanged. It must not have control characters.
[[nodiscard]] std::string quote_word(std::string_view word);

/// A valid command: it is in the command table, has the words that it takes, and valid values.
struct CommandLine {
  struct OptionValue {
    const Option* option = nullptr;
    std::string value;
  };

  const Command* command = nullptr;
  std::vector<std::string> positionals;
  std::vector<OptionValue> options;
  Format format = Format::text;

  [[nodiscard]] bool has(std::string_view option) const { return find(option) != nullptr; }
  /// Empty when the option was not given.
  [[nodiscard]] std::optional<Millis> duration(std::string_view option) const;
  [[nodiscard]] std::optional<std::size_t> count(std::string_view option) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view option) const;
  [[nodiscard]] std::string text(std::string_view option) const;

 private:
  [[nodiscard]] const OptionValue* find(std::string_view option) const;
};

[[nodiscard]] Result<CommandLine> parse_command_line(std::string_view line);

}  // namespace bonedry::admin
