#pragma once

#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"

#include <string_view>

namespace bonedry::http {

/// RFC 9110, section 7.6.3: what Via says of the version of a received message.
[[nodiscard]] std::string_view via_version(const Head& head);

/// Takes the fields of a response that is forwarded.
class ResponseFieldSink {
 public:
  /// As the node has sent it.
  virtual void received(const Field& field) = 0;
  /// Written by us; views for this call.
  virtual void added(std::string_view name, std::string_view value) = 0;

 protected:
  ~ResponseFieldSink() = default;
};

/// The fields of a response for its client, whatever version of HTTP that speaks, without those
/// that are for one connection only. `hsts`: value of Strict-Transport-Security; empty: as the node
/// says.
void each_response_field(const Head& head, const ResponseEdits& edits, std::string_view hsts,
                         ResponseFieldSink& sink);

}  // namespace bonedry::http
