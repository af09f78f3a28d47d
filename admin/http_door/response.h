#pragma once

#include "admin/http_door/problem.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bonedry::admin::http_door {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kProblemJson = "application/problem+json";
inline constexpr std::string_view kText = "text/plain; charset=utf-8";
inline constexpr std::string_view kEventStream = "text/event-stream";

/// A whole response, or the head of a stream.
struct Response {
  int status = 200;
  std::string_view content_type = kJson;
  std::string body = {};
  /// A body that outlives the response, in place of `body`.
  std::string_view page = {};
  /// Gives the body piece by piece, in place of `body`; an empty piece ends it.
  std::function<std::string_view()> pieces = {};
  std::string fields = {};  ///< further "Name: value\r\n" lines
  std::string_view cache_control = "no-store";

  [[nodiscard]] std::string_view content() const {
    return page.empty() ? std::string_view(body) : page;
  }
};

/// A problem, with the fields that its status demands.
[[nodiscard]] Response to_response(const Problem& problem);

/// How the end of the body is known, and whether another response may follow it.
enum class BodyEnd : std::uint8_t {
  length_then_next,
  length_then_close,
  chunked_then_next,
  chunked_then_close,
  close,
};

/// The head, with what keeps a page from doing more than it should: a Content-Security-Policy that
/// allows only files of this origin, no framing, no sniffing, no reading by other origins.
[[nodiscard]] std::string render_head(const Response& response, BodyEnd end, WallTime now,
                                      Millis hsts);

/// One server-sent event (HTML Living Standard, section 9.2). `data` is one line, with or without
/// its end; `id` empty: the event has none.
[[nodiscard]] std::string stream_event(std::string_view name, std::string_view data,
                                       std::string_view id = {});

}  // namespace bonedry::admin::http_door
