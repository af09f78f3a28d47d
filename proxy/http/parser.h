#pragma once

#include "proxy/http/body_pieces.h"
#include "proxy/http/field_name_check.h"
#include "proxy/http/head.h"
#include "proxy/http/rules.h"

#include <llhttp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bonedry::http {

/// Limits for the head of a message.
struct HeadLimits {
  std::size_t bytes = 32768;
  std::size_t fields = 100;
  UnderscoreNames underscore_names = UnderscoreNames::drop;
};

enum class ParseStatus : std::uint8_t {
  more,      ///< all input is consumed; more bytes are needed
  complete,  ///< the head, or the whole body, is complete
  failed,    ///< see `Parser::refusal`
};

/// Whether requests with this method are served: llhttp's list.
[[nodiscard]] bool is_known_method(std::string_view method);

/// Parses one HTTP/1 message after another from bytes that the caller reads and keeps. llhttp
/// (strict) parses heads and chunked bodies; a body of known length is only counted. What llhttp
/// accepts beyond RFC 9112 is checked again here (first lines, what precedes them, the size of
/// chunk lines). The meaning of values, above all framing, is left to rules.h, see `expect_body`.
/// Owned by a connection; does no I/O.
class Parser {
 public:
  enum class Kind : std::uint8_t { request, response };

  explicit Parser(Kind kind) : kind_(kind) { start(); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Resets the parser to expect a head.
  void start();

  /// Parses the head at `base`, of which `size` bytes are available and the first `parsed_bytes()`
  /// have been parsed already. `head` must be the same object until it is complete. On `complete`
  /// the head is `head.size` bytes long, and the caller must set `head.block`.
  ParseStatus parse_head(const char* base, std::size_t size, const HeadLimits& limits, Head& head);
  [[nodiscard]] std::size_t parsed_bytes() const { return parsed_; }

  /// Sets the framing of the body after the head just parsed; llhttp does not derive it itself.
  void expect_body(Framing framing);

  /// Parses body bytes: `used` is how many of `size` belong to this message. Pieces are offsets
  /// from `data`, whose bytes may be moved. `more`: all are used.
  ParseStatus parse_body(char* data, std::size_t size, BodyPieces& pieces, std::size_t& used);

  /// Body bytes that may be forwarded without parsing: the end of the body is known without them.
  [[nodiscard]] std::uint64_t skippable_bytes() const;
  /// How many skippable bytes to prepare for. For a tunnel, which may carry single keystrokes or
  /// files: as many as came last.
  [[nodiscard]] std::uint64_t expected_bytes() const;
  /// Counts `size` skippable bytes as forwarded.
  ParseStatus skip(std::uint64_t size);

  /// Whether the message may end here when the peer has closed.
  [[nodiscard]] bool ends_at_close() const {
    return framing_.kind == FramingKind::until_close || framing_.kind == FramingKind::tunnel;
  }
  [[nodiscard]] const Framing& framing() const { return framing_; }

  /// "Name: value\r\n" lines after a chunked body that may be forwarded. Bounded by the head
  /// limits.
  [[nodiscard]] const std::string& trailers() const { return trailers_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  struct Callbacks;

  ParseStatus fail(Refusal refusal);
  /// Fails because llhttp has rejected something in `bytes`.
  ParseStatus fail_parse(std::string_view bytes);
  ParseStatus fail_large(const Head& head);
  ParseStatus check_start(std::string_view bytes);
  ParseStatus check_request_line(const Head& head);
  ParseStatus check_status_line(const Head& head);
  ParseStatus parse_chunked(char* data, std::size_t size, BodyPieces& pieces, std::size_t& used);
  [[nodiscard]] CheckedName check_name(std::string_view name) const;
  int refuse_name();
  int keep_trailer();

  // Many: llhttp reports piece by piece; what it has reported so far is collected here.
  Kind kind_;
  llhttp_t llhttp_{};
  std::size_t parsed_ = 0;
  Framing framing_;
  std::uint64_t remaining_ = 0;
  std::uint64_t last_skipped_ = 0;
  HeadLimits limits_;
  Refusal refusal_;

  // State of the callbacks during one call.
  Head* head_ = nullptr;
  const char* base_ = nullptr;
  BodyPieces* pieces_ = nullptr;
  char* data_ = nullptr;

  std::size_t dropped_ = 0;   // fields of this head that were dropped
  std::uint64_t chunks_ = 0;  // chunk lines of this body
  std::uint64_t framing_bytes_ = 0;
  std::string trailers_;
  std::string trailer_name_;
  std::string trailer_value_;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace bonedry::http
