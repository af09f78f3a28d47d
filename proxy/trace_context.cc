#include "proxy/trace_context.h"

#include <algorithm>
#include <cstddef>

namespace bonedry::proxy {
namespace {

// "00-<32 hex: trace id>-<16 hex: parent id>-<2 hex: flags>"
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kSize = 55;

/// Upper case is not valid.
bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string_view trace_id(std::string_view traceparent) {
  if (traceparent.size() < kSize) return {};
  const std::string_view version = traceparent.substr(0, 2);
  if (!is_hex(version) || version == "ff") return {};
  if (traceparent.size() > kSize && (version == "00" || traceparent[kSize] != '-')) return {};
  for (const std::size_t dash : {kTraceAt, kParentAt, kFlagsAt}) {
    if (traceparent[dash - 1] != '-') return {};
  }
  const std::string_view trace = traceparent.substr(kTraceAt, kParentAt - 1 - kTraceAt);
  const std::string_view parent = traceparent.substr(kParentAt, kFlagsAt - 1 - kParentAt);
  const bool valid = is_id(trace) && is_id(parent) && is_hex(traceparent.substr(kFlagsAt, 2));
  return valid ? trace : std::string_view{};
}

std::string_view trace_id_of(const http::Head& head) {
  const http::Field* only = nullptr;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldName::other) continue;
    if (!http::equal_ignoring_case(head.name(field), "traceparent")) continue;
    if (only != nullptr) return {};
    only = &field;
  }
  return only == nullptr ? std::string_view{} : trace_id(head.value(*only));
}

}  // namespace bonedry::proxy
