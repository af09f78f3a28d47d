#pragma once

#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
#include "proxy/pass_in_request.h"
#include "session/pass_checker.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace bonedry::proxy {

/// The answer to a request whose pass, or the lack of one, does not lead to a node.
struct PassAnswer {
  /// Why the pass is not taken; nothing: it is, and the browser keeps it from now on.
  std::optional<http::Refusal> refusal;
  http::LocalResponse response;
};

/// What the pass of a request leads to.
using PassDecision = std::variant<session::ValidPass, PassAnswer>;

/// Decides about the passes of requests to one pool of one topology. Owned by one worker; refers to
/// `pool`, which must outlive it, as must `secrets`.
///
/// A request with a pass that is not valid is never forwarded: its tester would take another node
/// for the one that is to be tested.
class PassGate {
 public:
  PassGate(const balancer::PoolView& pool, std::span<const std::string> secrets);

  /// Whether the answer goes to the client by TLS.
  enum class Channel : std::uint8_t { plain, tls };

  /// The pass of a request; `Place::none`: it has none, and is that of a user. Takes time linear in
  /// the length of the head.
  [[nodiscard]] PassInRequest find(const http::Head& head, const http::RequestInfo& request) const {
    return find_pass(head, request.path, cookie_);
  }
  /// `pass`: what `find` has found in the request. `wall`: now.
  [[nodiscard]] PassDecision decide(const PassInRequest& pass, const http::Head& head,
                                    const http::RequestInfo& request, Channel channel,
                                    WallTime wall);

  /// Name of the cookie in which browsers keep passes for this pool.
  [[nodiscard]] const std::string& cookie() const { return cookie_; }

 private:
  [[nodiscard]] PassDecision by_query(const PassInRequest& pass, const http::Head& head,
                                      const http::RequestInfo& request, Channel channel,
                                      WallTime wall);
  [[nodiscard]] PassDecision by_field(const PassInRequest& pass, WallTime wall);
  [[nodiscard]] PassDecision by_cookie(const http::Head& head, Channel channel, WallTime wall);
  [[nodiscard]] session::PassChecker& checker();
  [[nodiscard]] std::string set_cookie(std::string_view value, Millis max_age,
                                       Channel channel) const;

  const balancer::PoolView& pool_;
  std::span<const std::string> secrets_;
  const std::string cookie_;
  // Made for the first pass: most topologies see none, and its keys cost some time for each node.
  std::optional<session::PassChecker> checker_;
};

}  // namespace bonedry::proxy
