#pragma once

#include "proxy/base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A TOML document as plain values with their positions in the file. Hides the TOML library from
/// all other files.
namespace bonedry::conf {

/// Both from 1; columns count code points.
struct Position {
  unsigned line = 1;
  unsigned column = 1;

  friend auto operator<=>(const Position&, const Position&) = default;
};

/// A date or a time: no key of ours takes one, so only its kind is kept.
struct Moment {
  std::string_view kind;  ///< "a date", "a time", "a date and time"
};

struct Value;
struct Entry;
using Array = std::vector<Value>;
using Table = std::vector<Entry>;  ///< sorted by key

struct Value {
  Position at;
  std::variant<std::string, std::int64_t, double, bool, Moment, Array, Table> data;
};

struct Entry {
  std::string key;
  Position at;  ///< of the key
  Value value;
};

/// "expected a string, got an integer": says which type the value has.
[[nodiscard]] std::string mismatch(std::string_view expected, const Value& value);

struct SyntaxError {
  Position at;
  std::string what;  ///< contains no number from the file: it could be a secret
};

/// Parses a whole document; the value is its root table. Throws no exception of the TOML library.
[[nodiscard]] Result<Value, SyntaxError> parse_toml(std::string_view text);

}  // namespace bonedry::conf
