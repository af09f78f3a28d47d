#pragma once

#include "proxy/http/body_pieces.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/rules.h"

#include <cstddef>
#include <string_view>

namespace bonedry::http {

/// Frames one body after another as HTTP/1 has it (RFC 9112, sections 6 and 7). Owned by a
/// connection.
class BodyWriter {
 public:
  /// A message begins whose body is framed like this.
  void start(BodyKind framing) { framing_ = framing; }
  [[nodiscard]] BodyKind framing() const { return framing_; }
  /// Whether its bytes go on as they are.
  [[nodiscard]] bool is_plain() const { return framing_ != BodyKind::chunked; }

  /// Queues the pieces of one read; they count from `data`, in `chunk`. At least one: an
  /// empty chunk would be the end (RFC 9112, section 7.1).
  void write(const ChunkRef& chunk, const char* data, const BodyPieces& pieces,
             HeadSink sink) const;
  /// The end of one that is not plain; `trailers` are "Name: value\r\n" lines.
  void end(std::string_view trailers, HeadSink sink) const;

 private:
  BodyKind framing_ = BodyKind::none;
};

}  // namespace bonedry::http
