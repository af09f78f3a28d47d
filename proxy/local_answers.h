#pragma once

#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
#include "proxy/io/tls_info.h"
#include "proxy/process_state.h"
#include "proxy/tls/host_names.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

/// A request to a listener, and when it came.
struct LocalRequest {
  const http::Head& head;
  const http::RequestInfo& info;
  const io::TlsInfo* tls = nullptr;  ///< null: the client's connection is not encrypted
  Instant now;
  ProcessState process = ProcessState::running;
};

/// A complete response, or why there is none.
struct LocalAnswer {
  enum class Logged : std::uint8_t { yes, no };

  Result<http::LocalResponse, http::Refusal> response;
  Logged logged = Logged::yes;  ///< whether the access log gets a line
};

/// The requests to a listener that no node is asked for: all of them where it redirects, those for
/// its own health, those of ACME servers for a challenge (http-01), and those that came over the
/// connection of another host (with HTTP/2, or `strict_host`). They belong to no session.
/// Immutable; one for each listener in a worker's Router.
class LocalAnswers {
 public:
  LocalAnswers() = default;
  /// `hosts`: see `ServerContext::names`; null: it has no TLS. `pool`: that of the listener, which
  /// must outlive this; null if it redirects.
  LocalAnswers(const conf::Listener& config, std::shared_ptr<const tls::HostNames> hosts,
               const balancer::PoolView* pool)
      : redirect_(config.redirect),
        health_path_(config.health_path),
        acme_challenges_(config.acme_challenges),
        hosts_(std::move(hosts)),
        strict_(config.tls && config.tls->strict_host ? Strict::always : Strict::with_http2),
        pool_(pool) {}

  /// Nothing if the request is for a node. May read a small file, see `read_acme_challenge`.
  [[nodiscard]] std::optional<LocalAnswer> find(const LocalRequest& request) const;

 private:
  [[nodiscard]] bool asks_for_health(const http::RequestInfo& request) const;
  [[nodiscard]] http::LocalResponse challenge(std::string_view token, const http::Head& head) const;
  [[nodiscard]] bool is_misdirected(const LocalRequest& request) const;

  conf::Redirect redirect_ = conf::Redirect::no;
  std::string health_path_;
  std::string acme_challenges_;
  std::shared_ptr<const tls::HostNames> hosts_;
  /// For which requests the certificate must be valid: browsers send those for several hosts over
  /// one connection of HTTP/2, and only of that (RFC 9113, section 9.1.1).
  enum class Strict : std::uint8_t { with_http2, always } strict_ = Strict::with_http2;
  const balancer::PoolView* pool_ = nullptr;
};

}  // namespace bonedry::proxy
