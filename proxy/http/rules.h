#pragma once

#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <optional>
#include <string_view>

/// Checks of whole HTTP/1 heads that llhttp leaves to the proxy, as pure functions.
namespace bonedry::http {

/// How the end of a body is known (RFC 9112, section 6.3). `tunnel`: after a 101 there are no more
/// messages, but bytes in both directions until each side closes (RFC 9110, section 7.8).
enum class FramingKind : std::uint8_t { none, length, chunked, until_close, tunnel };

struct Framing {
  FramingKind kind = FramingKind::none;
  std::uint64_t length = 0;  ///< for FramingKind::length
};

/// The part of a framing that does not depend on the HTTP version.
[[nodiscard]] Body body_of(const Framing& framing);

/// Whether a connection can carry another exchange after this one.
enum class Persistence : std::uint8_t { keep_alive, close };

/// What is known of an HTTP/1 request, including what only HTTP/1 has.
struct RequestFacts : RequestInfo {
  Framing framing;
  Persistence persistence = Persistence::keep_alive;
};

/// Validates what decides framing and routing: version, method, target, Host, Content-Length,
/// Transfer-Encoding, Expect, Max-Forwards. RFC 9112 sections 3, 6 and 11.2; RFC 9110 sections 7, 9
/// and 10.1.1. A refusal with status 200 is the response to OPTIONS with Max-Forwards: 0.
[[nodiscard]] Result<RequestFacts, Refusal> validate_request(const Head& head);

/// Whether more of the request follows its head.
enum class BodyFollows : std::uint8_t { no, yes };

/// The same for a head of HTTP/2 (RFC 9113, section 8.3) that is written as one of HTTP/1.1 and has
/// no fields of HTTP/1 connections but those of Upgrade.
[[nodiscard]] Result<RequestInfo, Refusal> validate_http2_request(const Head& head,
                                                                  BodyFollows follows);

struct ResponseFacts : ResponseInfo {
  Framing framing;  ///< FramingKind::tunnel where it switches protocols
  Persistence persistence = Persistence::keep_alive;
  bool interim = false;         ///< 1xx other than 101
  bool announces_body = false;  ///< has none (HEAD, 204, 304), but the head announces one
};

/// The property of a request that decides how its response is parsed.
enum class RequestKind : std::uint8_t { head, upgrade, other };

/// Validates a node's response. The text of the error is for the log (the client gets 502).
[[nodiscard]] Result<ResponseFacts, const char*> validate_response(const Head& head,
                                                                   RequestKind request_kind);

/// The same for a response of HTTP/2 (RFC 9113, section 8.3.2), which switches no protocols.
[[nodiscard]] Result<ResponseFacts, const char*> validate_http2_response(const Head& head,
                                                                         BodyFollows follows,
                                                                         RequestKind request_kind);

/// Whether a response without a body needs a Content-Length in HTTP/1, where it would otherwise end
/// with its connection (RFC 9112, section 6.3); in HTTP/2 its head says that it is all.
[[nodiscard]] bool needs_zero_length(const Head& head, RequestKind request_kind);

/// The value of a Content-Length: digits only, at most 2^63-1.
[[nodiscard]] std::optional<std::uint64_t> parse_length(std::string_view text);

/// Which fields of a head are for its connection only (RFC 9110, section 7.6.1): the well-known
/// ones, and those that a Connection field names. The latter never include a field whose loss would
/// change the meaning of a message or its apparent sender: a peer must not make us drop fields that
/// others added or that a message depends on. Valid as long as the head.
class HopByHop {
 public:
  explicit HopByHop(const Head& head);
  [[nodiscard]] bool operator()(const Field& field) const;

 private:
  [[nodiscard]] bool named(std::string_view name) const;

  const Head& head_;
  enum class Names : std::uint8_t { none, some } names_ = Names::none;
};

/// Whether a text is a valid value of Host: uri-host [ ":" port ] (RFC 9110, section 7.2).
[[nodiscard]] bool is_host(std::string_view text);

/// Whether a trailer may be forwarded: fields for framing, routing, authentication and the like may
/// not (RFC 9110, section 6.5.1).
[[nodiscard]] bool trailer_allowed(std::string_view name);

}  // namespace bonedry::http
