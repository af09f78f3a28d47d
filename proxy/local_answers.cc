#include "proxy/local_answers.h"

#include "proxy/acme_challenge.h"
#include "proxy/health_answer.h"

namespace bonedry::proxy {
namespace {

constexpr std::string_view kChallengePath = "/.well-known/acme-challenge/";
// RFC 9110, 15.5.20.
constexpr http::Refusal kMisdirected{421, "the connection is for another host",
                                     "[listener.tls] certificates"};

/// RFC 9110, 15.4.9: 308 keeps the method. The https port is the standard one, whatever the port
/// of the request.
Result<http::LocalResponse, http::Refusal> redirect_to_https(const http::RequestInfo& request) {
  const std::string_view host = http::name_of_host(request.host);
  if (host.empty()) return Failure{http::Refusal{400, "no Host"}};
  http::LocalResponse response{308, "the site is served over https"};
  response.location = "https://" + std::string(host);
  // RFC 9112, 3.2.4: "*" stands for an empty path.
  if (request.path != "*") response.location += request.path;
  return response;
}

}  // namespace

/// Health comes first: a load balancer may ask by address, over a connection for no host.
std::optional<LocalAnswer> LocalAnswers::find(const LocalRequest& request) const {
  const auto& [head, info, tls, now, process] = request;
  if (asks_for_health(info)) {
    return LocalAnswer{answer_health(head.text(head.method), pool_, process, now),
                       LocalAnswer::Logged::no};
  }
  if (!acme_challenges_.empty() && info.path.starts_with(kChallengePath)) {
    return LocalAnswer{challenge(info.path.substr(kChallengePath.size()), head)};
  }
  if (is_misdirected(request)) return LocalAnswer{Failure{kMisdirected}};
  if (redirect_ == conf::Redirect::https) return LocalAnswer{redirect_to_https(info)};
  return std::nullopt;
}

bool LocalAnswers::asks_for_health(const http::RequestInfo& request) const {
  return !health_path_.empty() && request.path.substr(0, request.path.find('?')) == health_path_;
}

/// A client may send requests for several hosts over one connection (RFC 9110, 7.4). One of
/// HTTP/1.0 may name none.
bool LocalAnswers::is_misdirected(const LocalRequest& request) const {
  if (!hosts_ || request.tls == nullptr || request.info.host.empty()) return false;
  std::string_view host = http::name_of_host(request.info.host);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string& asked = request.tls->server_name;
  // Who has asked for this very host, or for none, does not mean another one.
  const bool is_for_another = !asked.empty() && !http::equal_ignoring_case(asked, host);
  const bool is_checked = strict_ == Strict::always || (request.head.major == 2 && is_for_another);
  return is_checked && !hosts_->covers(asked, host);
}

http::LocalResponse LocalAnswers::challenge(std::string_view token, const http::Head& head) const {
  const std::string_view method = head.text(head.method);
  http::LocalResponse response{404, "there is no such ACME challenge"};
  if (method != "GET" && method != "HEAD") return response;
  response.content = read_acme_challenge(acme_challenges_, token);
  if (response.content) response.status = 200;
  return response;
}

}  // namespace bonedry::proxy
