#pragma once

#include "proxy/http/head.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What is known of messages independent of the HTTP version (RFC 9110). For framing, which depends
/// on the version, see rules.h.
namespace bonedry::http {

/// Whether a message has a body, and whether its length is known before its end.
enum class BodyLength : std::uint8_t { none, known, unknown };

struct Body {
  BodyLength length = BodyLength::none;
  std::uint64_t bytes = 0;  ///< of BodyLength::known
};

/// Why a request is not forwarded, and the response to it.
struct Refusal {
  int status = 400;
  const char* why = "";  ///< a literal, for the client and the log
  const char* key = "";  ///< a literal: the config key of the limit, for the log; or empty
};

/// For the log: what is wrong, and the config key of the limit.
[[nodiscard]] std::string reason_of(const Refusal& refusal);

/// RFC 9112, section 3.2. HTTP/2 has only the first and the last.
enum class TargetForm : std::uint8_t { origin, absolute, asterisk };

/// What is known of a valid request that can be forwarded. Views refer to its head.
struct RequestInfo {
  Body body;
  TargetForm target_form = TargetForm::origin;
  std::string_view host;                      ///< empty only in HTTP/1.0
  std::string_view path;                      ///< path and query, beginning with '/', or "*"
  std::optional<std::uint64_t> max_forwards;  ///< only of OPTIONS, as received
  bool expects_continue = false;
  bool idempotent = false;  ///< RFC 9110, section 9.2.2
  bool is_head = false;     ///< the method is HEAD: its response has no body
  /// The one protocol that the client asks, and is allowed, to switch to; empty: none.
  std::string_view upgrade;
  /// Whether the request means anything without the switch: one of HTTP/2 does not (RFC 8441).
  enum class Switch : std::uint8_t { offered, required } switching = Switch::offered;
};

/// What is known of a valid final response (or a 101) that can be forwarded.
struct ResponseInfo {
  Body body;
  /// The protocol that the node switches to, after which a tunnel follows. Empty: none.
  std::string_view upgrade;

  [[nodiscard]] bool switches() const { return !upgrade.empty(); }
};

inline constexpr std::string_view kOctets = "application/octet-stream";
inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

/// A response that the proxy makes itself.
struct LocalResponse {
  int status = 500;
  std::string_view text;                       ///< one line for people, without a line end
  std::optional<unsigned> retry_after_s = {};  ///< RFC 9110, section 10.2.3
  std::string location = {};                   ///< RFC 9110, section 10.2.2; empty: none
  std::string set_cookie = {};                 ///< RFC 6265, section 4.1; empty: none
  std::string_view allow = {};                 ///< RFC 9110, section 10.2.1; empty: none
  std::optional<std::string> content = {};     ///< the body, instead of `text`
  std::string_view content_type = kOctets;     ///< of `content`
};

}  // namespace bonedry::http
