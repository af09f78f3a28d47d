#pragma once

#include "proxy/base/block.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
#include "proxy/http/parser.h"
#include "proxy/http2/session.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::http2 {

/// Makes an http::Head of the fields of an HTTP/2 request (RFC 9113, section 8.3), written as
/// HTTP/1.1 would have it, so that the same rules judge it and a node of HTTP/1.1 gets its bytes as
/// they are. What HTTP/1.1 could not carry, or would read as something else, is refused. Used for
/// one head after another: by all connections of a worker as long as heads come within one read,
/// else by the connection alone, whose header blocks never interleave.
class RequestBuilder {
 public:
  /// Begins a head. What is written to `head` is valid after `finish`.
  void start(const http::HeadLimits& limits, http::Head& head);
  void add(std::string_view name, std::string_view value);
  /// The head is complete: what is known of it, or why it is refused. With a refusal the head has
  /// the method and the target as far as they are known. `handshake_key`: Sec-WebSocket-Key of a
  /// request to switch protocols (RFC 8441, section 5).
  [[nodiscard]] Result<http::RequestInfo, http::Refusal> finish(End end, BlockPool& blocks,
                                                                std::string_view handshake_key);
  /// Whether it is an extended CONNECT (RFC 8441): to switch protocols.
  [[nodiscard]] bool is_connect() const { return !protocol_.empty(); }

 private:
  [[nodiscard]] std::string* pseudo_field(std::string_view name);
  void add_pseudo(std::string_view name, std::string_view value);
  void add_field(std::string_view name, std::string_view value);
  [[nodiscard]] bool admit(std::string_view name, std::string_view value);
  void append_field(http::FieldName id, std::string_view name, std::string_view value);
  void end_pseudo_fields();
  void write_request_line();
  void write_switch(std::string_view handshake_key);
  void refuse(const http::Refusal& refusal);
  [[nodiscard]] http::Span append(std::string_view text);

  http::HeadLimits limits_;
  http::Head* head_ = nullptr;
  enum class Part : std::uint8_t { pseudo, fields } part_ = Part::pseudo;
  std::optional<http::Refusal> refusal_;
  std::string method_;
  std::string scheme_;
  std::string authority_;
  std::string path_;
  std::string protocol_;
  std::string cookie_;  // its crumbs, joined (RFC 9113, section 8.2.3)
  std::string text_;    // the head
  std::size_t fields_ = 0;
};

/// Makes "Name: value\r\n" lines of the trailers of a request that may be forwarded.
class TrailerBuilder {
 public:
  void add(const http::HeadLimits& limits, std::string_view name, std::string_view value);
  /// Why the request cannot go on; nullopt: it can.
  [[nodiscard]] const std::optional<http::Refusal>& refusal() const { return refusal_; }
  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  std::optional<http::Refusal> refusal_;
  std::string lines_;
  std::size_t bytes_ = 0;
};

}  // namespace bonedry::http2
