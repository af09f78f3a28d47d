#pragma once

#include "proxy/http/head.h"
#include "session/cookie_header.h"

#include <string_view>

namespace bonedry::proxy {

/// Calls `show` with the value of each of the request's cookies of that name: all of them, since
/// the valid one may be the last. Takes time linear in the length of the head, which `header_bytes`
/// bounds.
template <class Show>
void each_cookie(const http::Head& request, std::string_view name, const Show& show) {
  for (const http::Field& field : request.fields) {
    if (field.id != http::FieldName::cookie) continue;
    auto found = session::find_cookie(request.value(field), name);
    for (; found; found = session::find_cookie(found->after, name)) show(found->value);
  }
}

[[nodiscard]] inline bool has_cookie(const http::Head& request, std::string_view name) {
  for (const http::Field& field : request.fields) {
    const bool has = field.id == http::FieldName::cookie &&
                     session::find_cookie(request.value(field), name).has_value();
    if (has) return true;
  }
  return false;
}

}  // namespace bonedry::proxy
