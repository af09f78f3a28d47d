#pragma once

#include "proxy/http/field_sink.h"
#include "proxy/http/head.h"
#include "proxy/http2/session.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {

/// Collects the fields of a head that is sent; the session makes their names lower case (RFC 9113,
/// section 8.2). One for all connections of a worker, so that it allocates once: the function that
/// starts a head sends it, too.
class SentFields final : public http::FieldSink {
 public:
  /// Begins a head; `head` is where received fields lie.
  void start(const http::Head& head) {
    head_ = &head;
    fields_.clear();
    used_ = 0;
    left_out_ = {};
  }
  /// Received fields with this name are not taken; a literal.
  void leave_out(std::string_view name) { left_out_ = name; }
  /// Host is `:authority` here.
  void received(const http::Field& field) override {
    if (field.id == http::FieldName::host) return;
    const std::string_view name = head_->name(field);
    if (!left_out_.empty() && http::equal_ignoring_case(name, left_out_)) return;
    fields_.push_back({name, head_->value(field)});
  }
  void added(std::string_view name, std::string_view value) override {
    begin(name);
    part(value);
    end();
  }
  void begin(std::string_view name) override {
    if (used_ == kept_.size()) kept_.emplace_back();
    kept_[used_].clear();
    name_ = name;
  }
  void part(std::string_view text) override { kept_[used_] += text; }
  void end() override { fields_.push_back({name_, kept_[used_++]}); }
  /// The same for literals, and what is there until the head has been sent.
  void view(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void add(std::string_view name, std::uint64_t number) { added(name, std::to_string(number)); }

  /// Valid until the next `start`. Names that were added must still be there: they are literals,
  /// or parts of what is sent.
  [[nodiscard]] std::span<const FieldView> all() const { return fields_; }

 private:
  const http::Head* head_ = nullptr;
  std::string_view left_out_;
  std::string_view name_;
  std::vector<FieldView> fields_;
  std::deque<std::string> kept_;  // does not move them when it grows
  std::size_t used_ = 0;
};

}  // namespace bonedry::http2
