#include "proxy/http/body_writer.h"

namespace bonedry::http {

void BodyWriter::write(const BlockRef& block, const char* data, const BodyPieces& pieces,
                       HeadSink sink) const {
  if (!is_plain()) write_chunk_line(pieces.bytes, sink);
  for (const Span& piece : pieces.all()) {
    sink.queue.push(sink.blocks, {block, data + piece.at, piece.size});
  }
  if (!is_plain()) sink.queue.push_copy(sink.blocks, "\r\n");
}

void BodyWriter::end(std::string_view trailers, HeadSink sink) const {
  sink.queue.push_copy(sink.blocks, "0\r\n");
  sink.queue.push_copy(sink.blocks, trailers);
  sink.queue.push_copy(sink.blocks, "\r\n");
}

}  // namespace bonedry::http
