#include "tests/fuzz/head_check.h"

#include "proxy/http/rules.h"

#include <algorithm>
#include <cstring>

namespace bonedry::fuzz {

using http::equal_ignoring_case;
using http::FramingKind;

namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

/// Visible characters, spaces and tabs, and bytes beyond ASCII.
bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find(kLineEnd);
  require(end != std::string_view::npos, "a line ends with CRLF");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + kLineEnd.size());
  require(is_text(line), "no control character is within a line");
  return line;
}

StrictHead::Line parse_field(std::string_view line) {
  const std::size_t colon = line.find(": ");
  require(colon != std::string_view::npos, "a colon and a blank follow the name of a field");
  const StrictHead::Line field{line.substr(0, colon), line.substr(colon + 2)};
  require(is_token(field.name), "the name of a field is a token");
  require(field.value == ascii::trimmed(field.value), "no blanks are around the value of a field");
  return field;
}

bool named_in_connection(const http::Head& head, std::string_view name) {
  bool named = false;
  for (const http::Field& field : head.fields) {
    if (!equal_ignoring_case(head.name(field), "connection")) continue;
    http::each_element(head.value(field), [&](std::string_view element) {
      named = named || equal_ignoring_case(element, name);
    });
  }
  return named;
}

std::vector<std::string> sorted_lines(const StrictHead& head,
                                      const std::vector<std::string_view>& except) {
  std::vector<std::string> lines{std::string(head.first_line)};
  for (const StrictHead::Line& field : head.fields) {
    const bool removed_field = std::ranges::any_of(
        except, [&field](std::string_view name) { return equal_ignoring_case(name, field.name); });
    if (!removed_field) lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  std::ranges::sort(lines);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

StrictHead::StrictHead(std::string_view text) {
  first_line = take_line(text);
  while (!text.starts_with(kLineEnd)) fields.push_back(parse_field(take_line(text)));
  require(text == kLineEnd, "an empty line ends a head");
}

std::size_t StrictHead::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields, [name](const Line& field) { return equal_ignoring_case(field.name, name); }));
}

std::string_view StrictHead::value(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields, [name](const Line& field) { return equal_ignoring_case(field.name, name); });
  require(found != fields.end(), "a field is there");
  return found->value;
}

void require_field_lines(std::string_view lines) {
  while (!lines.empty()) parse_field(take_line(lines));
}

void require_one_framing(const StrictHead& head, http::Framing framing) {
  const std::size_t lengths = head.count("content-length");
  const std::size_t encodings = head.count("transfer-encoding");
  switch (framing.kind) {
    case FramingKind::chunked:
      require(lengths == 0 && encodings == 1, "a chunked body is framed by chunks alone");
      require_equal(head.value("transfer-encoding"), "chunked", "and by nothing else");
      return;
    case FramingKind::length:
      require(lengths == 1 && encodings == 0, "a body has one length, and no other framing");
      require(http::parse_length(head.value("content-length")) == framing.length,
              "the length goes on as it is");
      return;
    case FramingKind::none:
      require(encodings == 0 && lengths <= 1, "no body is framed by no chunks, and one length");
      return;
    case FramingKind::until_close:
    case FramingKind::tunnel:
      require(encodings == 0 && lengths == 0, "a body that ends with the connection says nothing");
      return;
  }
}

void require_fields_kept(const http::Head& head, const StrictHead& forwarded) {
  std::string wanted;
  for (const http::Field& field : head.fields) {
    const std::string_view name = head.name(field);
    if (http::field_name(name) != http::FieldName::other || named_in_connection(head, name)) {
      continue;
    }
    wanted += std::string(name) + ": " + std::string(head.value(field)) + "\n";
  }
  std::string found;
  for (const auto& [name, value] : forwarded.fields) {
    if (http::field_name(name) != http::FieldName::other) continue;
    found += std::string(name) + ": " + std::string(value) + "\n";
  }
  require_equal(found, wanted, "fields go on as they came");
  for (const std::string_view name : {"keep-alive", "proxy-connection", "te", "upgrade"}) {
    require(forwarded.count(name) == 0, "what is for one connection does not go on");
  }
}

void require_same_lines(const StrictHead& found, const StrictHead& wanted,
                        const std::vector<std::string_view>& except) {
  require_equal(joined(sorted_lines(found, except)), joined(sorted_lines(wanted, except)),
                "a head that went on once goes on unchanged");
}

ReadHead::ReadHead(http::Parser::Kind kind, const http::HeadLimits& limits, Delivery delivery)
    : parser_(kind) {
  delivery = delivery.first(limits.bytes);
  std::string come;
  for (std::string_view piece = delivery.next(); !piece.empty(); piece = delivery.next()) {
    come += piece;
    const BlockRef block = pool.take_large(come.size());
    std::memcpy(block->data(), come.data(), come.size());
    status = parser_.parse_head(block->data(), come.size(), limits, head);
    head.block = block;
    if (status != http::ParseStatus::more) return;
  }
}

std::string ReadHead::refusal() const {
  if (status == http::ParseStatus::complete) return "";
  if (status == http::ParseStatus::more) return "incomplete";
  return std::to_string(parser_.refusal().status) + " " + parser_.refusal().why;
}

std::string ReadHead::description() const {
  std::string text = std::string(head.text(head.method)) + " " +
                     std::string(head.text(head.target)) + " " + std::to_string(head.status) + " " +
                     std::string(head.text(head.reason)) + " " + std::to_string(head.major) + "." +
                     std::to_string(head.minor) + " " + std::to_string(head.size) + "\n";
  for (const http::Field& field : head.fields) {
    require(http::field_name(head.name(field)) == field.id, "a field has the id of its name");
    text += std::string(head.name(field)) + ": " + std::string(head.value(field)) + "\n";
  }
  return text;
}

}  // namespace bonedry::fuzz
