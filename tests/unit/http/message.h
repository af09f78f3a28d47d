#pragma once

#include "proxy/base/block.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/head.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bonedry::http::test {

/// A head as text, equal for equal heads: "GET /x 1.1" or "200 OK 1.1", then one line
/// "Name=[value]" per field.
[[nodiscard]] std::string describe(const Head& head);

/// A head that was parsed from one block, as a connection does it.
class ParsedHead {
 public:
  /// Parses the text in one call. Bytes after the head are left unread.
  ParsedHead(Parser::Kind kind, std::string_view text, const HeadLimits& limits = {});

  /// "" if the head was parsed; otherwise the error, for example "431 too many header fields".
  [[nodiscard]] std::string refusal() const;

  BlockPool pool;
  Head head;
  Parser parser;
  ParseStatus status = ParseStatus::more;
};

class ParsedRequest : public ParsedHead {
 public:
  explicit ParsedRequest(std::string_view text, const HeadLimits& limits = {})
      : ParsedHead(Parser::Kind::request, text, limits) {}

  /// "" if parser and rules accept the request; otherwise the first error.
  [[nodiscard]] std::string verdict() const;
  /// The facts that the rules derive from the request, which they must have accepted.
  [[nodiscard]] RequestFacts facts() const;
};

class ParsedResponse : public ParsedHead {
 public:
  explicit ParsedResponse(std::string_view text, RequestKind by = RequestKind::other)
      : ParsedHead(Parser::Kind::response, text), request_kind(by) {}

  [[nodiscard]] std::string verdict() const;
  [[nodiscard]] ResponseFacts facts() const;

  RequestKind request_kind;
};

/// The content of a queue as a socket receives it.
[[nodiscard]] std::string text_of(const SliceQueue& queue);

/// Whether `text` contains this line, including its line end.
[[nodiscard]] bool has_line(std::string_view text, std::string_view line);

}  // namespace bonedry::http::test
