#include "proxy/pool_runtime.h"

#include "session/cookie_header.h"

#include <algorithm>

namespace bonedry::proxy {

const http::CookieFilter* PoolRuntime::cookie_filter() const {
  const bool ours = affinity_->sticky() && affinity_->owner() == session::Affinity::Owner::proxy;
  return ours ? this : nullptr;
}

std::string_view PoolRuntime::via() const {
  const bool clash = cookie_filter() != nullptr && view_.counters->cookie_clashes.load() > 0;
  return clash ? std::string_view(via_with_cookie_) : http::kOurVia;
}

bool PoolRuntime::lost_cookie(const http::Head& request) const {
  return affinity_->sticky() && http::came_through(request, via_with_cookie_);
}

void PoolRuntime::note_set_cookie(std::string_view field) const {
  if (cookie_filter() == nullptr) return;
  const std::string_view name = http::trimmed(field.substr(0, field.find('=')));
  if (name == affinity_->cookie_name()) {
    view_.counters->cookie_clashes.fetch_add(1, std::memory_order_relaxed);
  }
}

PoolRuntime::Kept PoolRuntime::filter(std::string_view value) const {
  const auto found = session::find_cookie(value, affinity_->cookie_name());
  if (!found) return {};
  return {found->before, found->after, true};
}

http::ForwardedFields PoolRuntime::told_in() const {
  switch (view_.config.forwarded) {
    case conf::ForwardedFields::x_forwarded:
      return http::ForwardedFields::x_forwarded;
    case conf::ForwardedFields::rfc7239:
      return http::ForwardedFields::rfc7239;
    case conf::ForwardedFields::both:
      return http::ForwardedFields::both;
  }
  return http::ForwardedFields::both;
}

bool PoolRuntime::lets_switch_to(std::string_view protocol) const {
  if (protocol.empty()) return false;
  return std::ranges::any_of(view_.config.upgrades, [protocol](const std::string& upgrade) {
    return http::equal_ignoring_case(upgrade, protocol);
  });
}

}  // namespace bonedry::proxy
