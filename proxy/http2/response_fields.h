#pragma once

#include "proxy/http/head.h"
#include "proxy/http/response_fields.h"
#include "proxy/http2/session.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {

/// Collects the fields of a response; the session makes their names lower case (RFC 9113, section
/// 8.2). Owned by a connection, used for one head after another, so that it allocates once.
class ResponseFields final : public http::ResponseFieldSink {
 public:
  /// Begins a head; `head` is where received fields lie.
  void start(const http::Head& head, int status) {
    head_ = &head;
    fields_.clear();
    used_ = 0;
    left_out_ = {};
    add(":status", static_cast<std::uint64_t>(status));
  }
  /// Fields of the head with this name are not taken; a literal.
  void leave_out(std::string_view name) { left_out_ = name; }
  void received(const http::Field& field) override {
    const std::string_view name = head_->name(field);
    if (!left_out_.empty() && http::equal_ignoring_case(name, left_out_)) return;
    fields_.push_back({name, head_->value(field)});
  }
  void added(std::string_view name, std::string_view value) override {
    if (used_ == kept_.size()) kept_.emplace_back();
    std::string& kept = kept_[used_++];
    kept = value;
    fields_.push_back({name, kept});
  }
  void add(std::string_view name, std::uint64_t number) { added(name, std::to_string(number)); }

  /// Valid until the next `start`.
  [[nodiscard]] std::span<const FieldView> all() const { return fields_; }

 private:
  const http::Head* head_ = nullptr;
  std::string_view left_out_;
  std::vector<FieldView> fields_;
  std::deque<std::string> kept_;  // does not move them when it grows
  std::size_t used_ = 0;
};

}  // namespace bonedry::http2
