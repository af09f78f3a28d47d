#pragma once

#include "proxy/base/chunk.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/head.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bonedry::http::test {

/// A head as text that is equal for equal heads: "GET /x 1.1" or "200 OK 1.1", then a line
/// "Name=[value]" for each field.
[[nodiscard]] std::string describe(const Head& head);

/// A head that was parsed from one chunk, as a connection does it.
class ParsedHead {
 public:
  /// All at once. What stands behind the head is left alone.
  ParsedHead(Parser::Kind kind, std::string_view text, const HeadLimits& limits = {});

  /// "" when it was parsed; else "431 too many header fields".
  [[nodiscard]] std::string refusal() const;

  ChunkPool pool;
  Head head;
  Parser parser;
  ParseStatus status = ParseStatus::more;
};

class ParsedRequest : public ParsedHead {
 public:
  explicit ParsedRequest(std::string_view text, const HeadLimits& limits = {})
      : ParsedHead(Parser::Kind::request, text, limits) {}

  /// "" when parser and rules let it pass; else the first refusal.
  [[nodiscard]] std::string verdict() const;
  /// What the rules know of it; it must have passed.
  [[nodiscard]] RequestFacts facts() const;
};

class ParsedResponse : public ParsedHead {
 public:
  explicit ParsedResponse(std::string_view text, AskedBy by = AskedBy::other)
      : ParsedHead(Parser::Kind::response, text), asked_by(by) {}

  [[nodiscard]] std::string verdict() const;
  [[nodiscard]] ResponseFacts facts() const;

  AskedBy asked_by;
};

/// Everything in a queue, as a socket gets it.
[[nodiscard]] std::string text_of(const SliceQueue& queue);

/// Whether `text` has this line, with its line end.
[[nodiscard]] bool has_line(std::string_view text, std::string_view line);

}  // namespace bonedry::http::test
