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

/// Longest command, without its line end: many times what any takes, and small enough that a
/// thousand clients that send nothing useful cost four megabytes.
constexpr std::size_t kMaxLineBytes = 4096;
/// Most words in a command: again many times what any takes.
constexpr std::size_t kMaxWords = 32;

enum class Format : std::uint8_t { text, json };

/// Where a word had double quotes. A word that begins with one is never an option; one that has any
/// is never the word `json`.
enum class Quoting : std::uint8_t { none, inside, from_start };

struct Word {
  std::string text;
  Quoting quoting = Quoting::none;

  friend bool operator==(const Word&, const Word&) = default;
};

/// Splits a line at blanks. "Double quotes" keep blanks; \" and \\ are known within them. The error
/// is for the operator, as all errors here, and without the word "error".
[[nodiscard]] Result<std::vector<Word>> split_words(std::string_view line);

/// The word as it must be written so that split_words gives it back. Without control characters.
[[nodiscard]] std::string quote_word(std::string_view word);

/// A line that names a command of the table, has the words that it takes, and values that are good.
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
  /// Empty when it was not option_value.
  [[nodiscard]] std::optional<Millis> duration(std::string_view option) const;
  [[nodiscard]] std::optional<std::size_t> count(std::string_view option) const;
  [[nodiscard]] std::string text(std::string_view option) const;

 private:
  [[nodiscard]] const OptionValue* find(std::string_view option) const;
};

[[nodiscard]] Result<CommandLine> parse_command_line(std::string_view line);

}  // namespace bonedry::admin
