#include "admin/haproxy/reply.h"

#include "admin/printable.h"

#include <utility>

namespace bonedry::admin::haproxy {
namespace {

std::string severity_prefix(ReplyKind kind, SeverityOutput output) {
  const bool is_error = kind == ReplyKind::error;
  switch (output) {
    case SeverityOutput::none:
      return "";
    case SeverityOutput::number:
      return is_error ? "[3]: " : "[6]: ";
    case SeverityOutput::string:
      return is_error ? "[err]: " : "[info]: ";
  }
  return "";
}

}  // namespace

Reply data(std::string lines) {
  return {ReplyKind::data, std::move(lines)};
}

Reply done() {
  return {ReplyKind::done, ""};
}

Reply info(std::string text) {
  return {ReplyKind::info, std::move(text)};
}

Reply error(const std::string& text) {
  return {ReplyKind::error, printable_text(text)};
}

std::string end_of_reply(Prompt prompt) {
  return prompt == Prompt::on ? "\n> " : "\n";
}

std::string to_wire(const Reply& reply, const ReplyFormat& format) {
  std::string bytes;
  if (reply.kind == ReplyKind::info || reply.kind == ReplyKind::error) {
    bytes = severity_prefix(reply.kind, format.severity) + reply.text + "\n";
  } else {
    bytes = reply.text;
  }
  return bytes + end_of_reply(format.prompt);
}

}  // namespace bonedry::admin::haproxy
