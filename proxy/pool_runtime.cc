#include "proxy/pool_runtime.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {

namespace {

http::ForwardedFields to_http(conf::ForwardedFields fields) {
  switch (fields) {
    case conf::ForwardedFields::x_forwarded:
      return http::ForwardedFields::x_forwarded;
    case conf::ForwardedFields::rfc7239:
      return http::ForwardedFields::rfc7239;
    case conf::ForwardedFields::both:
      break;
  }
  return http::ForwardedFields::both;
}

http::CacheAdvice to_http(conf::CookieCache cache) {
  switch (cache) {
    case conf::CookieCache::make_private:
      return http::CacheAdvice::make_private;
    case conf::CookieCache::no_cache:
      return http::CacheAdvice::no_cache;
    case conf::CookieCache::as_is:
      break;
  }
  return http::CacheAdvice::as_is;
}

std::vector<std::string> with(std::vector<std::string> names, const std::string& one_more) {
  names.push_back(one_more);
  return names;
}

}  // namespace

PoolRuntime::PoolRuntime(std::shared_ptr<const balancer::Topology> topology,
                         const balancer::PoolView& view, std::span<const std::string> secrets,
                         session::Ledger& ledger, const Clock& clock,
                         std::shared_ptr<PoolState> state, std::vector<NodeStreams*> streams)
    : topology_(std::move(topology)),
      view_(view),
      affinity_(session::make_affinity(view, secrets, ledger, clock)),
      passes_(view, secrets),
      user_cookies_(own_cookies()),
      tester_cookies_(with(own_cookies(), passes_.cookie())),
      state_(std::move(state)),
      streams_(std::move(streams)),
      via_with_cookie_(http::kOurVia) {
  via_with_cookie_ += " (cookie " + view.config.session.cookie + ")";
}

bool PoolRuntime::has_own_cookie() const {
  return affinity_->sticky() && affinity_->owner() == session::Affinity::Owner::proxy;
}

std::vector<std::string> PoolRuntime::own_cookies() const {
  if (!has_own_cookie()) return {};
  return {affinity_->cookie_name()};
}

http::RequestEdits PoolRuntime::edits(const OwnCookies& cookies) const {
  return {cookies.empty() ? nullptr : &cookies, to_http(view_.config.forwarded), via()};
}

http::ResponseEdits PoolRuntime::response_edits() const {
  http::ResponseEdits edits;
  if (affinity_->sticky()) edits.removed_field = affinity_->logout_header();
  edits.cache = to_http(view_.config.session.attributes.cache);
  return edits;
}

std::string_view PoolRuntime::via() const {
  const bool clash = has_own_cookie() && view_.counters->cookie_clashes.load() > 0;
  return clash ? std::string_view(via_with_cookie_) : http::kOurVia;
}

bool PoolRuntime::cookie_lost_in_front(const http::Head& request) const {
  return affinity_->sticky() && http::passed_through(request, via_with_cookie_);
}

void PoolRuntime::note_set_cookie(std::string_view field) const {
  if (!has_own_cookie()) return;
  const std::string_view name = ascii::trimmed(field.substr(0, field.find('=')));
  if (name == affinity_->cookie_name()) {
    view_.counters->cookie_clashes.fetch_add(1, std::memory_order_relaxed);
  }
}

bool PoolRuntime::allows_upgrade(std::string_view protocol) const {
  // Nodes of HTTP/2 would have to speak RFC 8441, which bonedry does not ask of them.
  const bool can_switch = view_.config.protocol == conf::NodeProtocol::h1;
  if (protocol.empty() || !can_switch) return false;
  return std::ranges::any_of(view_.config.upgrades, [protocol](const std::string& upgrade) {
    return http::equal_ignoring_case(upgrade, protocol);
  });
}

}  // namespace bonedry::proxy
