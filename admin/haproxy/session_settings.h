#pragma once

#include "admin/haproxy/reply.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <span>
#include <string>

namespace bonedry::admin::haproxy {

/// Whether the client has asked for the end of its connection.
enum class Quit : std::uint8_t { no, yes };

/// What the commands of one connection have set for it.
struct SessionSettings {
  ReplyFormat format;
  /// How long a client with a prompt may take to send its next line. HAProxy's default is 10 s
  /// ("stats timeout").
  Millis idle_timeout = std::chrono::seconds{30};
  Quit quit = Quit::no;
};

using Arguments = std::span<const std::string>;

/// `set severity-output none|number|string`
[[nodiscard]] Reply set_severity_output(Arguments arguments, SessionSettings& settings);
/// `set timeout cli DELAY`: seconds, or a number with a unit from "us" to "d".
[[nodiscard]] Reply set_timeout(Arguments arguments, SessionSettings& settings);
/// `prompt`: turns the prompt on, or off again.
[[nodiscard]] Reply toggle_prompt(SessionSettings& settings);

}  // namespace bonedry::admin::haproxy
