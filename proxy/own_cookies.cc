#include "proxy/own_cookies.h"

#include "session/cookie_header.h"

namespace bonedry::proxy {

/// Finds the first cookie of any of the names, since the caller goes on behind it.
OwnCookies::Kept OwnCookies::filter(std::string_view value) const {
  Kept kept;
  for (const std::string& name : names_) {
    const auto found = session::find_cookie(value, name);
    if (!found || (kept.changed && found->after.size() < kept.after.size())) continue;
    kept = {found->before, found->after, true};
  }
  return kept;
}

}  // namespace bonedry::proxy
