#include "proxy/pass_gate.h"

#include "conf/pass_cookie.h"
#include "proxy/request_cookies.h"
#include "session/affinity.h"

#include <chrono>
#include <utility>

namespace bonedry::proxy {
namespace {

using session::PassFault;
using session::ValidPass;
using Place = PassInRequest::Place;

constexpr http::Refusal kSeveral{403, "the request has more than one pass"};
/// A redirect would lose the body, or have it sent twice; and WebSocket clients follow none. To
/// forward the request would show the pass to the node.
constexpr http::Refusal kNeedsField{
    400, "a pass in the URL is for GET and HEAD; other requests need the field Bonedry-Pass"};

http::Refusal refusal_of(PassFault fault) {
  switch (fault) {
    case PassFault::expired:
      return {403, "the pass has expired"};
    case PassFault::revoked:
      return {403, "the pass was revoked"};
    case PassFault::node_gone:
      return {403, "the pass is for a node that is no longer in the pool"};
    case PassFault::unknown:
      break;
  }
  return {403, "the pass is not valid here: damaged, of another pool, or of another secret"};
}

PassAnswer refuse(const http::Refusal& refusal) {
  http::LocalResponse response;
  response.status = refusal.status;
  response.text = refusal.why;
  return {refusal, std::move(response)};
}

/// RFC 9110, 15.4.3. Not cached without an explicit permission.
PassAnswer redirect(const http::RequestInfo& request, std::string_view text, std::string cookie) {
  http::LocalResponse response;
  response.status = 302;
  response.text = text;
  response.location = location_without_pass(request.path);
  response.set_cookie = std::move(cookie);
  return {std::nullopt, std::move(response)};
}

}  // namespace

PassGate::PassGate(const balancer::PoolView& pool, std::span<const std::string> secrets)
    : pool_(pool), secrets_(secrets), cookie_(conf::pass_cookie_name(pool.config.name)) {}

PassDecision PassGate::decide(const PassInRequest& pass, const http::Head& head,
                              const http::RequestInfo& request, Channel channel, WallTime wall) {
  switch (pass.place) {
    case Place::query:
      return by_query(pass, head, request, channel, wall);
    case Place::field:
      return by_field(pass, wall);
    case Place::none:
    case Place::cookie:
      break;
  }
  return by_cookie(head, channel, wall);
}

PassDecision PassGate::by_query(const PassInRequest& pass, const http::Head& head,
                                const http::RequestInfo& request, Channel channel, WallTime wall) {
  const std::string_view method = head.text(head.method);
  const bool follows = (method == "GET" || method == "HEAD") && request.upgrade.empty() &&
                       request.body.length == http::BodyLength::none;
  if (!follows) return refuse(kNeedsField);
  if (pass.count == PassInRequest::Count::several) return refuse(kSeveral);
  if (pass.value == kEndOfPass) {
    return redirect(request, "the pass has ended", set_cookie("", Millis{0}, channel));
  }
  const auto valid = checker().check(pass.value, wall);
  if (!valid) return refuse(refusal_of(valid.error()));
  return redirect(request, "the pass is in a cookie from now on",
                  set_cookie(pass.value, valid->expires - wall, channel));
}

PassDecision PassGate::by_field(const PassInRequest& pass, WallTime wall) {
  if (pass.count == PassInRequest::Count::several) return refuse(kSeveral);
  auto valid = checker().check(pass.value, wall);
  if (!valid) return refuse(refusal_of(valid.error()));
  return std::move(*valid);
}

/// Any valid one will do, since a sister domain can add others. If there is none, the browser drops
/// its cookie, so that its next request is that of a user again.
PassDecision PassGate::by_cookie(const http::Head& head, Channel channel, WallTime wall) {
  std::optional<ValidPass> found;
  std::optional<PassFault> fault;  // of the first one
  session::CryptoBudget budget;
  each_cookie(head, cookie_, [&](std::string_view value) {
    if (found || !budget.take()) return;
    auto valid = checker().check(value, wall);
    if (valid) {
      found = std::move(*valid);
    } else if (!fault) {
      fault = valid.error();
    }
  });
  if (found) return std::move(*found);
  PassAnswer answer = refuse(refusal_of(fault.value_or(PassFault::unknown)));
  answer.response.set_cookie = set_cookie("", Millis{0}, channel);
  return answer;
}

session::PassChecker& PassGate::checker() {
  if (!checker_) checker_.emplace(pool_, secrets_);
  return *checker_;
}

/// SameSite=Lax: Strict cookies are not sent with the request that follows the redirect if the
/// tester has clicked on a link in a chat or mail.
std::string PassGate::set_cookie(std::string_view value, Millis max_age, Channel channel) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(max_age).count();
  std::string text = cookie_ + "=";
  text.append(value).append("; Path=/; Max-Age=").append(std::to_string(seconds));
  text += "; HttpOnly; SameSite=Lax";
  const conf::Secure secure = pool_.config.session.attributes.secure;
  const bool automatic = secure == conf::Secure::automatic && channel == Channel::tls;
  if (automatic || secure == conf::Secure::always) text += "; Secure";
  return text;
}

}  // namespace bonedry::proxy
