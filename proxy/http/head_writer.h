#pragma once

#include "proxy/base/slice_queue.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"
#include "proxy/http/rules.h"

#include <cstdint>
#include <span>
#include <string_view>

/// Writes HTTP/1 heads to forward: the received bytes in as few runs as possible, plus the few that
/// change. No side effects except for the memory of copies.
namespace bonedry::http {

/// Where a head is written.
struct HeadSink {
  SliceQueue& queue;
  BlockPool& blocks;
};

/// A request to a node: origin-form, HTTP/1.1, without hop-by-hop fields, with Via and the fields
/// that report its client. Received fields of this kind are kept only from a trusted proxy: then
/// X-Forwarded-For and Forwarded are appended to, -Proto and -Host stay if each has one valid
/// value, and fields that we do not write stay unchanged. The certificate that the client has shown
/// is written in any case, and replaces received ones (RFC 9440, section 2.4). RFC 9110
/// section 7.6, RFC 9112 section 3.2.2. A request of our own has neither Via nor these, and is the
/// last on its connection.
void write_request_head(const Head& head, const RequestInfo& request, const ClientInfo& client,
                        const RequestEdits& edits, HeadSink sink);

/// How to write a response to an HTTP/1 client.
struct ResponseWriteOptions : ResponseEdits {
  FramingKind framing = FramingKind::none;  ///< as sent, which may differ from the received framing
  std::string_view upgrade;  ///< of a 101: the protocol that follows; otherwise empty
  std::string_view hsts;     ///< value of Strict-Transport-Security; empty: as the node says
  Persistence persistence = Persistence::keep_alive;
  /// Whether a Content-Length of 0 is added.
  enum class Length : std::uint8_t { as_received, zero } length = Length::as_received;
  bool to_http_1_0 = false;
};
void write_response_head(const Head& head, const ResponseWriteOptions& options, HeadSink sink);

/// A 1xx response.
void write_interim_head(const Head& head, HeadSink sink);

/// "1f\r\n": the line before a chunk of that many bytes.
void write_chunk_line(std::size_t size, HeadSink sink);

}  // namespace bonedry::http
