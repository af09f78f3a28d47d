#pragma once

#include "proxy/http/head.h"

#include <string_view>

namespace bonedry::http {

/// Takes the fields of a message that is forwarded, whatever version of HTTP they are written in.
class FieldSink {
 public:
  /// As the sender has written it.
  virtual void received(const Field& field) = 0;
  /// Written by us; views for this call.
  virtual void added(std::string_view name, std::string_view value) = 0;

  /// Written by us in parts: `begin`, any number of `part`, `end`.
  virtual void begin(std::string_view name) = 0;
  virtual void part(std::string_view text) = 0;
  virtual void end() = 0;

 protected:
  ~FieldSink() = default;
};

/// Passes a Content-Length on without leading zeros: the RFC allows them, but some recipients would
/// read an octal number.
void forward_length(const Head& head, const Field& field, FieldSink& sink);

}  // namespace bonedry::http
