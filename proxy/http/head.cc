#include "proxy/http/head.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::http {
namespace {

constexpr std::array<std::pair<std::string_view, FieldName>, 18> kNames{{
    {"te", FieldName::te},
    {"via", FieldName::via},
    {"date", FieldName::date},
    {"host", FieldName::host},
    {"cookie", FieldName::cookie},
    {"expect", FieldName::expect},
    {"trailer", FieldName::trailer},
    {"upgrade", FieldName::upgrade},
    {"connection", FieldName::connection},
    {"keep-alive", FieldName::keep_alive},
    {"set-cookie", FieldName::set_cookie},
    {"content-length", FieldName::content_length},
    {"x-forwarded-for", FieldName::x_forwarded_for},
    {"proxy-connection", FieldName::proxy_connection},
    {"x-forwarded-host", FieldName::x_forwarded_host},
    {"transfer-encoding", FieldName::transfer_encoding},
    {"x-forwarded-proto", FieldName::x_forwarded_proto},
    {"proxy-authenticate", FieldName::proxy_authenticate},
}};

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

FieldName field_name(std::string_view text) {
  for (const auto& [name, id] : kNames) {
    if (name.size() < text.size()) continue;
    if (name.size() > text.size()) break;  // the table is sorted by length
    if (equal_ignoring_case(text, name)) return id;
  }
  return FieldName::other;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

const Field* Head::find(FieldName id) const {
  const auto found = std::ranges::find(fields, id, &Field::id);
  return found == fields.end() ? nullptr : &*found;
}

void Head::clear() {
  chunk = ChunkRef{};
  base = nullptr;
  size = 0;
  method = target = reason = Span{};
  status = major = minor = 0;
  fields.clear();
}

}  // namespace bonedry::http
