#pragma once

#include "proxy/http/field_sink.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"
#include "proxy/http/message.h"

namespace bonedry::http {

/// The fields of a request that its node gets as they were received, whatever version of HTTP it
/// speaks; without those that are for one connection only, and those that we write ourselves.
/// Fields that report the client are kept only from a trusted proxy. The first: Host, if it was
/// received and the target is not absolute.
void each_kept_request_field(const Head& head, const RequestInfo& request, const ClientInfo& client,
                             const RequestEdits& edits, FieldSink& sink);

/// The fields that we write: Via, the client's address, scheme, host and certificate, the request's
/// id. X-Forwarded-For and Forwarded of a trusted proxy are appended to, -Proto and -Host stay if
/// each has one valid value. The certificate that the client has shown replaces received ones (RFC
/// 9440, section 2.4). RFC 9110, section 7.6. A request of our own, without a client, has none.
void each_own_request_field(const Head& head, const RequestInfo& request, const ClientInfo& client,
                            const RequestEdits& edits, FieldSink& sink);

/// Calls `callback(name, value)` for each of some "Name: value\r\n" lines.
template <class Callback>
void each_line(std::string_view lines, const Callback& callback) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos) callback(line.substr(0, colon), line.substr(colon + 2));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
  }
}

}  // namespace bonedry::http
