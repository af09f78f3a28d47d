#include "tests/unit/http/message.h"

#include <sys/uio.h>

#include <array>
#include <cstring>
#include <vector>

namespace bonedry::http::test {

std::string describe(const Head& head) {
  const std::string version = std::to_string(head.major) + "." + std::to_string(head.minor);
  std::string text;
  if (head.status == 0) {
    text = std::string(head.text(head.method)) + " " + std::string(head.text(head.target)) + " ";
  } else {
    text = std::to_string(head.status) + " " + std::string(head.text(head.reason)) + " ";
  }
  text += version + "\n";
  for (const Field& field : head.fields) {
    text += std::string(head.name(field)) + "=[" + std::string(head.value(field)) + "]";
    if (field.id != FieldName::other) text += " known";
    text += "\n";
  }
  return text;
}

ParsedHead::ParsedHead(Parser::Kind kind, std::string_view text, const HeadLimits& limits)
    : parser(kind) {
  const BlockRef block = pool.take_large(text.size() + 1);
  std::memcpy(block->data(), text.data(), text.size());
  status = parser.parse_head(block->data(), text.size(), limits, head);
  head.block = block;
}

std::string ParsedHead::refusal() const {
  if (status == ParseStatus::complete) return "";
  if (status == ParseStatus::more) return "incomplete";
  return std::to_string(parser.refusal().status) + " " + parser.refusal().why;
}

std::string ParsedRequest::verdict() const {
  if (const std::string refused = refusal(); !refused.empty()) return refused;
  const auto judged = validate_request(head);
  if (judged) return "";
  return std::to_string(judged.error().status) + " " + judged.error().why;
}

RequestFacts ParsedRequest::facts() const {
  EXPECT_EQ(verdict(), "") << describe(head);
  const auto judged = validate_request(head);
  return judged ? *judged : RequestFacts{};
}

std::string ParsedResponse::verdict() const {
  if (const std::string refused = refusal(); !refused.empty()) return refused;
  const auto judged = validate_response(head, request_kind);
  return judged ? "" : judged.error();
}

ResponseFacts ParsedResponse::facts() const {
  EXPECT_EQ(verdict(), "") << describe(head);
  const auto judged = validate_response(head, request_kind);
  return judged ? *judged : ResponseFacts{};
}

std::string text_of(const SliceQueue& queue) {
  std::vector<iovec> vectors(4096);
  const std::size_t count = queue.gather(vectors);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  }
  return text;
}

bool has_line(std::string_view text, std::string_view line) {
  return text.find("\r\n" + std::string(line) + "\r\n") != std::string_view::npos;
}

}  // namespace bonedry::http::test
