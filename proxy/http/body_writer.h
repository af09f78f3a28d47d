#pragma once

#include "proxy/http/body_pieces.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/rules.h"

#include <cstddef>
#include <string_view>

namespace bonedry::http {

/// Frames one HTTP/1 body after another (RFC 9112, sections 6 and 7). Owned by a connection.
class BodyWriter {
 public:
  /// Begins a message whose body has this framing.
  void start(FramingKind framing) { framing_ = framing; }
  [[nodiscard]] FramingKind framing() const { return framing_; }
  /// Whether the body's bytes are sent unchanged.
  [[nodiscard]] bool is_plain() const { return framing_ != FramingKind::chunked; }

  /// Queues the pieces of one read, with offsets from `data`, in `block`. There must be at least
  /// one: an empty chunk would end the body (RFC 9112, section 7.1).
  void write(const BlockRef& block, const char* data, const BodyPieces& pieces,
             HeadSink sink) const;
  /// Ends a body that is not plain; `trailers` are "Name: value\r\n" lines.
  void end(std::string_view trailers, HeadSink sink) const;

 private:
  FramingKind framing_ = FramingKind::none;
};

}  // namespace bonedry::http
