#include "proxy/http2/request_builder.h"

#include "proxy/http/field_name_check.h"
#include "proxy/http/rules.h"
#include "proxy/http2/field_check.h"
#include "proxy/http2/head_text.h"

#include <cstdint>

namespace bonedry::http2 {

using http::CheckedName;
using http::FieldName;
using http::Refusal;

namespace {

constexpr const char* kBytesKey = "[limits] header_bytes";
constexpr Refusal kTooLarge{431, "a head that is too large", kBytesKey};
constexpr Refusal kBadName{400, "a malformed header field"};
constexpr Refusal kBadPseudo{400, "a pseudo-field that is unknown, repeated or out of place"};

}  // namespace

void RequestBuilder::start(const http::HeadLimits& limits, http::Head& head) {
  limits_ = limits;
  head_ = &head;
  part_ = Part::pseudo;
  refusal_.reset();
  for (std::string* text :
       {&method_, &scheme_, &authority_, &path_, &protocol_, &cookie_, &text_}) {
    text->clear();
  }
  fields_ = 0;
  head.clear();
  head.major = 2;
}

void RequestBuilder::add(std::string_view name, std::string_view value) {
  if (refusal_) return;
  if (name.starts_with(':')) return add_pseudo(name, value);
  if (part_ == Part::pseudo) end_pseudo_fields();
  if (!refusal_) add_field(name, value);
}

/// Null: unknown.
std::string* RequestBuilder::pseudo_field(std::string_view name) {
  switch (name.size()) {  // first, since each head has four
    case 5:
      return name == ":path" ? &path_ : nullptr;
    case 7:
      if (name == ":method") return &method_;
      return name == ":scheme" ? &scheme_ : nullptr;
    case 9:
      return name == ":protocol" ? &protocol_ : nullptr;
    case 10:
      return name == ":authority" ? &authority_ : nullptr;
    default:
      return nullptr;
  }
}

void RequestBuilder::add_pseudo(std::string_view name, std::string_view value) {
  std::string* const known = pseudo_field(name);
  if (known == nullptr || !known->empty() || value.empty() || part_ != Part::pseudo) {
    return refuse(kBadPseudo);
  }
  if (value.size() > limits_.bytes) {
    return refuse(known == &path_ ? Refusal{414, "a target that is too long", kBytesKey}
                                  : kTooLarge);
  }
  *known = value;
}

/// RFC 9113, section 8.3.1; RFC 8441, section 4. What is in these values is judged with the whole
/// head; here, that the first line has three parts.
void RequestBuilder::end_pseudo_fields() {
  part_ = Part::fields;
  if (!http::is_known_method(method_)) return refuse({400, "an unknown or malformed method"});
  if (method_ == "CONNECT" && protocol_.empty()) {
    return refuse({405, "CONNECT is not served here"});
  }
  if (method_ != "CONNECT" && !protocol_.empty()) return refuse(kBadPseudo);
  const bool is_http =
      http::equal_ignoring_case(scheme_, "http") || http::equal_ignoring_case(scheme_, "https");
  if (!is_http) return refuse({400, "an unknown scheme"});
  if (path_.empty()) return refuse({400, "no path"});
  if (!is_value(path_) || !is_value(authority_)) return refuse({400, "a malformed target"});
  write_request_line();
}

void RequestBuilder::write_request_line() {
  head_->method = append(is_connect() ? "GET" : method_);
  (void)append(" ");
  head_->target = append(path_);
  (void)append(" HTTP/1.1\r\n");
  if (!authority_.empty()) append_field(FieldName::host, "host", authority_);
}

/// Whether a field is forwarded; refuses the request where one must not be there.
bool RequestBuilder::admit(std::string_view name, std::string_view value) {
  if (!is_name(name) || !is_value(value)) {
    refuse(kBadName);
    return false;
  }
  if (++fields_ > limits_.fields) {
    refuse({431, "too many header fields", "[limits] headers"});
    return false;
  }
  return true;
}

void RequestBuilder::add_field(std::string_view name, std::string_view value) {
  // Crumbs are one field.
  const bool is_crumb = name == "cookie" && !cookie_.empty();
  if (is_crumb && value.empty()) return;  // it would leave a blank at the end
  if (is_crumb && is_value(value)) {
    cookie_.append("; ").append(value);
    if (cookie_.size() > limits_.bytes) refuse(kTooLarge);
    return;
  }
  if (!admit(name, value)) return;
  const CheckedName checked = http::check_request_field_name(name, limits_.underscore_names);
  if (checked.fate == CheckedName::Fate::drop) return;
  if (checked.fate == CheckedName::Fate::refuse) {
    return refuse({400, "a field name with an underscore or a similar character"});
  }
  if (is_for_connection(checked.id) || (checked.id == FieldName::te && value != "trailers")) {
    return refuse({400, "a field that HTTP/2 does not have"});
  }
  switch (checked.id) {
    case FieldName::cookie:
      cookie_ = value;
      return;
    case FieldName::host:
      // RFC 9113, section 8.3.1: both are the same, or it is an attempt to be two hosts.
      if (authority_.empty()) return append_field(checked.id, name, value);
      if (!http::equal_ignoring_case(value, authority_)) {
        refuse({400, "an authority and a Host that disagree"});
      }
      return;
    default:
      // RFC 8441, section 5: the node's key is ours.
      if (is_connect() && name == "sec-websocket-key") return;
      return append_field(checked.id, name, value);
  }
}

void RequestBuilder::append_field(FieldName id, std::string_view name, std::string_view value) {
  if (!append_line(id, name, value, limits_.bytes, text_, *head_)) refuse(kTooLarge);
}

http::Span RequestBuilder::append(std::string_view text) {
  const auto at = static_cast<std::uint32_t>(text_.size());
  if (text_.size() + text.size() > limits_.bytes) {
    refuse(kTooLarge);
    return {at, 0};
  }
  text_ += text;
  return {at, static_cast<std::uint32_t>(text.size())};
}

void RequestBuilder::refuse(const Refusal& refusal) {
  if (!refusal_) refusal_ = refusal;
}

/// As the node will get it; the rules of Upgrade then apply.
void RequestBuilder::write_switch(std::string_view handshake_key) {
  append_field(FieldName::connection, "connection", "upgrade");
  append_field(FieldName::upgrade, "upgrade", protocol_);
  const bool is_websocket = http::equal_ignoring_case(protocol_, "websocket");
  if (is_websocket) append_field(FieldName::other, "sec-websocket-key", handshake_key);
}

Result<http::RequestInfo, Refusal> RequestBuilder::finish(End end, BlockPool& blocks,
                                                          std::string_view handshake_key) {
  if (!refusal_ && part_ == Part::pseudo) end_pseudo_fields();
  if (!refusal_ && !cookie_.empty()) append_field(FieldName::cookie, "cookie", cookie_);
  if (!refusal_ && is_connect()) write_switch(handshake_key);
  (void)append("\r\n");
  if (refusal_ && head_->target.size == 0) {
    // For the log.
    text_ = method_.substr(0, limits_.bytes / 4);
    head_->method = {0, static_cast<std::uint32_t>(text_.size())};
    head_->target = {head_->method.size, 0};
    head_->fields.clear();
  }
  keep_text(text_, blocks, *head_);
  if (refusal_) return Failure{*refusal_};
  // A tunnel has no end of its own; its bytes come after the switch.
  const auto body =
      end == End::yes || is_connect() ? http::BodyFollows::no : http::BodyFollows::yes;
  auto info = http::validate_http2_request(*head_, body);
  if (!info || !is_connect()) return info;
  if (info->upgrade.empty()) return Failure{Refusal{400, "a malformed protocol"}};
  info->switching = http::RequestInfo::Switch::required;
  return info;
}

void TrailerBuilder::add(const http::HeadLimits& limits, std::string_view name,
                         std::string_view value) {
  if (refusal_) return;
  bytes_ += line_size(name, value);
  if (bytes_ > limits.bytes) {
    refusal_ = Refusal{431, "trailers that are too large", kBytesKey};
    return;
  }
  if (!is_name(name) || !is_value(value)) {
    refusal_ = Refusal{400, "a malformed trailer field"};
    return;
  }
  switch (http::check_request_trailer_name(name, limits.underscore_names)) {
    case CheckedName::Fate::forward:
      lines_.append(name).append(": ").append(value).append("\r\n");
      return;
    case CheckedName::Fate::drop:
      return;
    case CheckedName::Fate::refuse:
      refusal_ = Refusal{400, "a field name with an underscore or a similar character"};
  }
}

}  // namespace bonedry::http2
