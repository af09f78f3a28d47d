#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::redis {

/// What a server answered to one command (RESP 2).
struct Reply {
  enum class Kind : std::uint8_t { nil, status, error, integer, text, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text = {};             ///< of a status, an error or a text: any bytes
  std::vector<Reply> elements = {};  ///< of an array

  friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace bonedry::redis
