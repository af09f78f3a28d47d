#pragma once

#include "proxy/http/field_sink.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"

#include <string_view>

namespace bonedry::http {

/// RFC 9110, section 7.6.3: what Via says of the version of a received message.
[[nodiscard]] std::string_view via_version(const Head& head);

/// The fields of a response for its client, whatever version of HTTP that speaks, without those
/// that are for one connection only. `hsts`: value of Strict-Transport-Security; empty: as the node
/// says.
void each_response_field(const Head& head, const ResponseEdits& edits, std::string_view hsts,
                         FieldSink& sink);

}  // namespace bonedry::http
