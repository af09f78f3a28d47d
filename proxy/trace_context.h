#pragma once

#include "proxy/http/head.h"

#include <string_view>

namespace bonedry::proxy {

/// The trace id of a traceparent value (W3C Trace Context, level 1, section 3.2); empty if it is
/// not valid. Of versions after 00, what follows the four known parts may be anything after a '-'.
[[nodiscard]] std::string_view trace_id(std::string_view traceparent);

/// The trace id of a request; empty if it has no traceparent, several, or one that is not valid.
[[nodiscard]] std::string_view trace_id_of(const http::Head& head);

}  // namespace bonedry::proxy
