// The session of an exchange's user: finding it for the request, updating it by the response.

#include "proxy/exchange.h"
#include "proxy/request_cookies.h"
#include "session/exemption.h"

#include <optional>
#include <string_view>

namespace bonedry::proxy {
namespace {

/// The last one, as in the access log; empty: none.
std::string_view user_agent_of(const http::Head& request) {
  std::string_view value;
  for (const http::Field& field : request.fields) {
    if (field.id != http::FieldName::other) continue;
    if (http::equal_ignoring_case(request.name(field), "user-agent")) value = request.value(field);
  }
  return value;
}

/// The node's wall clock, by the response's Date field.
std::optional<WallTime> date_of(const http::Head& response) {
  for (const http::Field& field : response.fields) {
    if (field.id == http::FieldName::date) {
      return session::parse_cookie_date(response.value(field));
    }
  }
  return std::nullopt;
}

}  // namespace

/// False: the exchange waits for what the other members of the cluster know of the session.
bool Exchange::find_session() {
  if (!runtime_->affinity().sticky()) return true;
  std::optional<session::SessionInquiry> inquiry;
  if (context_.inquiries() != nullptr) inquiry.emplace();
  binding_ = look_up(inquiry ? &*inquiry : nullptr);
  // Counted only from trusted peers, since any client can write such a mark.
  if (source_.client.trust != http::Trust::none && runtime_->cookie_lost_in_front(request_head_)) {
    runtime_->view().counters->cookie_clashes_in_front.fetch_add(1, std::memory_order_relaxed);
  }
  if (inquiry && !inquiry->questions().empty() && !ask_others(*inquiry)) return false;
  note_exemption();
  return true;
}

void Exchange::note_exemption() {
  if (!matches_exemption()) return;
  routing_.decision = balancer::RouteDecision::exempt;
  runtime_->view().counters->exempt_requests.fetch_add(1, std::memory_order_relaxed);
}

session::SessionBinding Exchange::look_up(session::SessionInquiry* inquiry) {
  session::Affinity& affinity = runtime_->affinity();
  const Instant now = context_.exact_now();
  session::CookieLookup lookup;
  lookup.inquiry = inquiry;
  each_cookie(request_head_, affinity.cookie_name(), [&affinity, &lookup, now](auto value) {
    affinity.look_up_cookie(value, lookup, now);
  });
  return affinity.finish_lookup(lookup);
}

/// A request that comes with a session in progress is its user's, whatever else is true of it: the
/// session must neither end nor change its node because of it.
bool Exchange::matches_exemption() const {
  const auto& exemptions = runtime_->view().config.session.exempt;
  if (exemptions.empty() || binding_.held) return false;
  return session::matches_any(exemptions,
                              {request_head_.text(request_head_.method), info_.path,
                               user_agent_of(request_head_), parse_ip(client_address())});
}

/// Counts a new user, and no longer counts one who logs out, before the client gets any of the
/// response and before the exchange leaves the node's counter. A client that has left gets no
/// cookie, so no session begins for it. What a tester does concerns no session.
std::string Exchange::update_session() {
  if (pass_) return {};
  if (is_exempt()) return {};
  if (downstream_->gone() && !binding_.held) {
    held_.reservation.reset();
    return {};
  }
  const session::ResponseCookies cookies = read_user_cookies();
  const bool is_new = !binding_.held;
  std::string cookie = runtime_->affinity().on_response(binding_, held_.index, cookies);
  held_.reservation.reset();
  if (is_new || cookies.sets_cookie()) tell_others();
  return cookie;
}

/// A browser may come back with the application's cookie through another member at once, for the
/// images of the page. The cookie does not say which node its user is on.
void Exchange::tell_others() {
  const bool is_learned = runtime_->affinity().owner() == session::Affinity::Owner::application;
  if (is_learned && context_.inquiries() != nullptr) context_.inquiries()->tell_soon();
}

session::ResponseCookies Exchange::read_user_cookies() const {
  session::ResponseCookies response;
  if (source_.tls != nullptr) response.channel = session::ResponseCookies::Channel::tls;
  const session::Affinity& affinity = runtime_->affinity();
  if (!affinity.sticky()) return response;
  const std::string_view method = request_head_.text(request_head_.method);
  if (affinity.is_logout(method, info_.path, response_head_.status)) {
    response.user = session::UserStatus::logged_out;
  }
  const std::string& logout = affinity.logout_header();
  for (const http::Field& field : response_head_.fields) {
    if (field.id == http::FieldName::set_cookie) {
      runtime_->note_set_cookie(response_head_.value(field));
    }
    if (field.id == http::FieldName::set_cookie && !affinity.tracked_cookie().empty()) {
      affinity.note_set_cookie(response_head_.value(field), cookie_context(), response);
    } else if (!logout.empty() && http::equal_ignoring_case(response_head_.name(field), logout)) {
      response.user = session::UserStatus::logged_out;
    }
  }
  if (response.sets_cookie()) {
    const bool had = has_cookie(request_head_, affinity.tracked_cookie());
    response.had_cookie =
        had ? session::ResponseCookies::HadCookie::yes : session::ResponseCookies::HadCookie::no;
  }
  return response;
}

/// A trusted proxy in front may have sent another host than the browser, so its host is not used.
session::CookieContext Exchange::cookie_context() const {
  session::CookieContext context;
  if (source_.client.trust == http::Trust::none) context.host = http::name_of_host(info_.host);
  context.path = info_.path.substr(0, info_.path.find('?'));
  context.date = date_of(response_head_);
  context.now = context_.wall();
  return context;
}

}  // namespace bonedry::proxy
