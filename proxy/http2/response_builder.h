#pragma once

#include "proxy/base/block.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/parser.h"
#include "proxy/http/rules.h"
#include "proxy/http2/session.h"

#include <string>
#include <string_view>

namespace bonedry::http2 {

/// Makes an http::Head of the fields of an HTTP/2 response (RFC 9113, section 8.3.2), written as
/// lines of HTTP/1.1, so that clients of HTTP/1.1 get its bytes as they are. Owned by a connection,
/// used for one head after another: header blocks never interleave.
class ResponseBuilder {
 public:
  /// Begins a head. What is written to `head` is valid after `finish`.
  void start(const http::HeadLimits& limits, http::Head& head);
  void add(std::string_view name, std::string_view value);
  /// The head is complete: what is known of it, or a literal for the log that says what is wrong.
  [[nodiscard]] Result<http::ResponseFacts, const char*> finish(End end, http::RequestKind request,
                                                                BlockPool& blocks);

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void add_field(std::string_view name, std::string_view value);
  void fail(const char* why);

  http::HeadLimits limits_;
  http::Head* head_ = nullptr;
  const char* error_ = nullptr;
  std::string text_;
};

/// Makes "Name: value\r\n" lines of the trailers of a response that may be forwarded.
class ResponseTrailers {
 public:
  void add(const http::HeadLimits& limits, std::string_view name, std::string_view value);
  /// What is wrong, a literal; null: nothing.
  [[nodiscard]] const char* error() const { return error_; }
  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  const char* error_ = nullptr;
  std::string lines_;
};

}  // namespace bonedry::http2
