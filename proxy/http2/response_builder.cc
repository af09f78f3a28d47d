#include "proxy/http2/response_builder.h"

#include "proxy/base/ascii.h"
#include "proxy/http2/field_check.h"
#include "proxy/http2/head_text.h"

#include <cstdint>

namespace bonedry::http2 {
namespace {

// Where HTTP/1.1 has a version, a status and a reason.
constexpr std::string_view kFirstLine = "HTTP/2\r\n";
constexpr const char* kHeadTooLarge = "a head that is too large";
constexpr const char* kBadField = "a malformed header field";

bool is_status(std::string_view text) {
  return text.size() == 3 && text[0] >= '1' && text[0] <= '5' && ascii::is_digit(text[1]) &&
         ascii::is_digit(text[2]);
}

}  // namespace

void ResponseBuilder::start(const http::HeadLimits& limits, http::Head& head) {
  limits_ = limits;
  head_ = &head;
  error_ = nullptr;
  text_ = kFirstLine;
  head.clear();
  head.major = 2;
}

void ResponseBuilder::add(std::string_view name, std::string_view value) {
  if (error_ != nullptr) return;
  name.starts_with(':') ? add_pseudo(name, value) : add_field(name, value);
}

void ResponseBuilder::add_pseudo(std::string_view name, std::string_view value) {
  if (name != ":status" || head_->status != 0 || !head_->fields.empty()) {
    return fail("a pseudo-field that is unknown, repeated or out of place");
  }
  if (!is_status(value)) return fail("a malformed status");
  for (const char digit : value) head_->status = head_->status * 10 + (digit - '0');
}

void ResponseBuilder::add_field(std::string_view name, std::string_view value) {
  if (!is_name(name) || !is_value(value)) return fail(kBadField);
  const http::FieldName id = http::field_name(name);
  if (is_for_connection(id)) return fail("a field that HTTP/2 does not have");
  const bool fits = head_->fields.size() < limits_.fields &&
                    append_line(id, name, value, limits_.bytes, text_, *head_);
  if (!fits) fail(kHeadTooLarge);
}

void ResponseBuilder::fail(const char* why) {
  if (error_ == nullptr) error_ = why;
}

Result<http::ResponseFacts, const char*> ResponseBuilder::finish(End end, http::RequestKind request,
                                                                 BlockPool& blocks) {
  if (error_ == nullptr && head_->status == 0) fail("no status");
  if (error_ != nullptr) return Failure{error_};
  text_ += "\r\n";
  keep_text(text_, blocks, *head_);
  const auto body = end == End::yes ? http::BodyFollows::no : http::BodyFollows::yes;
  return http::validate_http2_response(*head_, body, request);
}

void ResponseTrailers::add(const http::HeadLimits& limits, std::string_view name,
                           std::string_view value) {
  if (!is_name(name) || !is_value(value)) {
    error_ = kBadField;
    return;
  }
  if (!http::trailer_allowed(name)) return;
  if (lines_.size() + line_size(name, value) > limits.bytes) {
    error_ = "trailers that are too large";
    return;
  }
  lines_.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace bonedry::http2
