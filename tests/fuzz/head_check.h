#pragma once

#include "proxy/http/head.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/target.h"

#include <string>
#include <string_view>
#include <vector>

/// Heads, read and checked without the code that is on trial.
namespace bonedry::fuzz {

/// A head as bytes that are not ours, in its strictest form: a first line, then "Name: value" lines
/// of RFC 9110, section 5, each ended by CRLF, then an empty line, and no other control character.
/// Whatever reads HTTP reads such a head in the same way.
struct StrictHead {
  struct Line {
    std::string_view name;
    std::string_view value;
  };
  std::string_view first_line;
  std::vector<Line> fields;

  /// Aborts unless `text` is such a head, and nothing more. Views of `text`.
  explicit StrictHead(std::string_view text);

  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// Of the first of this name, which must be there.
  [[nodiscard]] std::string_view value(std::string_view name) const;
};

/// Aborts unless these are field lines as in a StrictHead.
void require_field_lines(std::string_view lines);

/// Aborts unless the head tells its framing at most once, and that it is this one. For `none` there
/// may be a length: 0, or that of a body which an answer to HEAD would have had.
void require_one_framing(const StrictHead& head, http::Framing framing);

/// Aborts unless fields that nobody here has a name for went on as they came, in their order, but
/// for those that the head names in Connection; and no field for one connection did.
void require_fields_kept(const http::Head& head, const StrictHead& forwarded);

/// Aborts unless both have the same lines but those of these names, in any order.
void require_same_lines(const StrictHead& found, const StrictHead& wanted,
                        const std::vector<std::string_view>& except);

/// A head parsed out of memory that ends where the bytes that have come do, so that the sanitizer
/// sees each look beyond them. It moves with each piece, as one does that outgrows its chunk.
class ReadHead {
 public:
  ReadHead(http::Parser::Kind kind, const http::HeadLimits& limits, Delivery delivery);

  /// "" when it is complete; else what the parser said.
  [[nodiscard]] std::string refusal() const;
  /// Equal for equal heads.
  [[nodiscard]] std::string description() const;

  ChunkPool pool;
  http::Head head;
  http::ParseStatus status = http::ParseStatus::more;

 private:
  http::Parser parser_;
};

}  // namespace bonedry::fuzz
