#pragma once

#include <cstdint>
#include <string>

/// What a command of HAProxy's answers, and how it goes over the connection: HAProxy's
/// management.txt, 9.3, and what HAProxy 2.6 was seen to send.
namespace bonedry::admin::haproxy {

/// What a reply is. The messages have the levels of syslog, as HAProxy's have.
enum class ReplyKind : std::uint8_t {
  data,  ///< a table or a value: never has a severity
  done,  ///< the command has succeeded and has nothing to say
  info,
  error,
};

struct Reply {
  ReplyKind kind = ReplyKind::done;
  std::string text;  ///< `data`: whole lines; messages: without the last line end
};

[[nodiscard]] Reply data(std::string lines);
[[nodiscard]] Reply done();
[[nodiscard]] Reply info(std::string text);
/// Makes the text safe to show: it may have what the client sent.
[[nodiscard]] Reply error(const std::string& text);

/// Whether messages begin with their severity: "[3]: " or "[err]: ".
enum class SeverityOutput : std::uint8_t { none, number, string };
/// Whether the connection stays open, with a prompt after each reply.
enum class Prompt : std::uint8_t { off, on };

struct ReplyFormat {
  SeverityOutput severity = SeverityOutput::none;
  Prompt prompt = Prompt::off;
};

/// The end of every reply: an empty line, or in its place the prompt.
[[nodiscard]] std::string end_of_reply(Prompt prompt);

/// The bytes of a reply, with its end.
[[nodiscard]] std::string to_wire(const Reply& reply, const ReplyFormat& format);

}  // namespace bonedry::admin::haproxy
