#pragma once

#include "proxy/http/head.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/target.h"

#include <string>
#include <string_view>
#include <vector>

/// Parses and checks heads without the code under test.
namespace bonedry::fuzz {

/// A head in its strictest form, independent of our parser: a first line, then "Name: value" lines
/// as in RFC 9110, section 5, each ended by CRLF, then an empty line, and no other control
/// characters. Every HTTP parser reads such a head in the same way.
struct StrictHead {
  struct Line {
    std::string_view name;
    std::string_view value;
  };
  std::string_view first_line;
  std::vector<Line> fields;

  /// Aborts unless `text` is such a head and nothing more. Keeps views of `text`.
  explicit StrictHead(std::string_view text);

  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// The value of the first field with this name, which must exist.
  [[nodiscard]] std::string_view value(std::string_view name) const;
};

/// Aborts unless these are field lines as in a StrictHead.
void require_field_lines(std::string_view lines);

/// Aborts unless the head declares its framing at most once, and it is this one. With `none` there
/// may be a length: 0, or the length of the body that a response to HEAD would have had.
void require_one_framing(const StrictHead& head, http::Framing framing);

/// Aborts unless all fields unknown to the proxy were forwarded unchanged and in order, except
/// those that Connection names; and no hop-by-hop field was forwarded.
void require_fields_kept(const http::Head& head, const StrictHead& forwarded);

/// Aborts unless both have the same lines, except those with these names, in any order.
void require_same_lines(const StrictHead& found, const StrictHead& wanted,
                        const std::vector<std::string_view>& except);

/// A head parsed from memory that ends where the received bytes end, so that the sanitizer detects
/// every read beyond them. The memory moves with each piece, as when a head outgrows its block.
class ReadHead {
 public:
  ReadHead(http::Parser::Kind kind, const http::HeadLimits& limits, Delivery delivery);

  /// "" when it is complete, else the parser's error.
  [[nodiscard]] std::string refusal() const;
  /// Equal for equal heads.
  [[nodiscard]] std::string description() const;

  BlockPool pool;
  http::Head head;
  http::ParseStatus status = http::ParseStatus::more;

 private:
  http::Parser parser_;
};

}  // namespace bonedry::fuzz
