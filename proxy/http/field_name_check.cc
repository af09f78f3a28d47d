#include "proxy/http/field_name_check.h"

#include "proxy/http/rules.h"

#include <algorithm>
#include <array>

namespace bonedry::http {
namespace {

using Fate = CheckedName::Fate;

/// The field that applications which fold names would take this one for, if it is one that a client
/// must not set itself; else `other`.
FieldName folded_name(std::string_view name) {
  std::array<char, 32> folded{};  // longer than all names that are known in full
  const std::size_t size = std::min(name.size(), folded.size());
  std::ranges::transform(name.substr(0, size), folded.begin(), [](char c) {
    return has_cgi_ambiguous_char({&c, 1}) ? '-' : c;
  });
  switch (field_name({folded.data(), size})) {
    case FieldName::client_info_field:
    case FieldName::forwarded:
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
      return FieldName::client_info_field;
    case FieldName::x_request_id:
      return FieldName::x_request_id;
    default:
      return FieldName::other;
  }
}

Fate fate_of(UnderscoreNames policy) {
  switch (policy) {
    case UnderscoreNames::drop:
      return Fate::drop;
    case UnderscoreNames::pass:
      return Fate::forward;
    case UnderscoreNames::refuse:
      return Fate::refuse;
  }
  return Fate::refuse;
}

}  // namespace

CheckedName check_request_field_name(std::string_view name, UnderscoreNames policy) {
  const FieldName id = field_name(name);
  // Anything may follow the prefix of a client_info_field, so that is checked as well.
  const bool may_fold = id == FieldName::other || id == FieldName::client_info_field;
  if (!may_fold || !has_cgi_ambiguous_char(name)) return {id};
  const Fate fate = fate_of(policy);
  if (fate != Fate::forward) return {id, fate};
  const FieldName folded = folded_name(name);
  return {folded == FieldName::other ? id : folded};
}

Fate check_request_trailer_name(std::string_view name, UnderscoreNames policy) {
  if (has_cgi_ambiguous_char(name)) {
    const Fate fate = fate_of(policy);
    if (fate != Fate::forward) return fate;
    if (folded_name(name) != FieldName::other) return Fate::drop;
  }
  return trailer_allowed(name) ? Fate::forward : Fate::drop;
}

}  // namespace bonedry::http
