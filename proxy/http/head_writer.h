#pragma once

#include "proxy/base/slice_queue.h"
#include "proxy/http/head.h"
#include "proxy/http/rules.h"

#include <cstdint>
#include <span>
#include <string_view>

/// Writes heads as they go on: the bytes that came, in as few runs as possible, and the few that
/// change. Pure but for the memory of copies.
namespace bonedry::http {

/// Where a head is written.
struct HeadSink {
  SliceQueue& queue;
  ChunkPool& chunks;
};

/// Takes what is ours out of the value of a Cookie field.
class CookieFilter {
 public:
  struct Kept {
    std::string_view before;
    std::string_view after;
    bool changed = false;
  };
  virtual ~CookieFilter() = default;
  [[nodiscard]] virtual Kept filter(std::string_view value) const = 0;
};

/// Whether what a request itself says of its way to us is believed: X-Forwarded-*, Forwarded, and
/// all that is FieldName::client_claim.
enum class Trust : std::uint8_t {
  none,       ///< a client may write anything there: dropped
  forwarded,  ///< a trusted proxy wrote it: kept, and continued
};

/// Which fields tell it: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239), or both.
enum class ForwardedFields : std::uint8_t { x_forwarded, rfc7239, both };

/// How we call ourselves in Via (RFC 9110, section 7.6.3). Behind it may stand, as a comment, which
/// cookie is taken out of requests.
constexpr std::string_view kOurVia = "bonedry";

/// Whether the request came through a proxy that calls itself so.
[[nodiscard]] bool came_through(const Head& head, std::string_view via);

/// What a node is told about where a request came from.
struct Origin {
  std::string_view client;  ///< the client's address
  std::string_view scheme;  ///< "http" or "https"
  Trust trust = Trust::none;
  ForwardedFields told_in = ForwardedFields::x_forwarded;
  std::string_view via = kOurVia;  ///< what our entry in Via says of us
};

/// A request on its way to a node: origin-form, HTTP/1.1, without hop-by-hop fields, with Via and
/// the fields that tell where it came from. Of these, what came goes on only from a trusted proxy:
/// X-Forwarded-For and Forwarded are appended to, -Proto and -Host stay if each has one valid
/// value; what is not ours to write stays as it is. RFC 9110 section 7.6, RFC 9112 section 3.2.2.
void write_request_head(const Head& head, const RequestFacts& facts, const Origin& origin,
                        const CookieFilter* cookies, HeadSink sink);

/// What is told to shared caches beside an added Set-Cookie (RFC 9111, 5.2.2).
enum class CacheAdvice : std::uint8_t { as_is, make_private, no_cache };

/// A response on its way to a client.
struct ResponseExtras {
  BodyKind framing = BodyKind::none;  ///< as it is sent on, which may differ from how it came
  std::string_view set_cookie;        ///< value of a field to add, or empty
  std::string_view left_out;          ///< name of a field that does not go on, or empty
  std::string_view upgrade;           ///< of a 101: the protocol that follows, else empty
  Persistence persistence = Persistence::keep_alive;
  bool to_http_1_0 = false;
  CacheAdvice cache = CacheAdvice::as_is;  ///< only with set_cookie
};
void write_response_head(const Head& head, const ResponseExtras& extras, HeadSink sink);

/// A 1xx response.
void write_interim_head(const Head& head, HeadSink sink);

/// "1f\r\n": the line before a chunk of that many bytes.
void write_chunk_line(std::size_t size, HeadSink sink);

}  // namespace bonedry::http
