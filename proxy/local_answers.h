#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
#include "proxy/io/tls_info.h"
#include "proxy/tls/host_names.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

/// A complete response, or why there is none.
using LocalAnswer = Result<http::LocalResponse, http::Refusal>;

/// The requests to a listener that no node is asked for: all of them where it redirects, those of
/// ACME servers for a challenge (http-01), and those that came over the connection of another host
/// (`strict_host`). They belong to no session. Immutable; one for each listener in a worker's
/// Router.
class LocalAnswers {
 public:
  LocalAnswers() = default;
  /// `hosts`: see `ServerContext::names`; null: requests may be for any host.
  LocalAnswers(const conf::Listener& config, std::shared_ptr<const tls::HostNames> hosts)
      : redirect_(config.redirect),
        acme_challenges_(config.acme_challenges),
        hosts_(std::move(hosts)) {}

  /// Nothing if the request is for a node. `tls`: null if the client's connection is not encrypted.
  /// May read a small file, see `read_acme_challenge`.
  [[nodiscard]] std::optional<LocalAnswer> find(const http::Head& head,
                                                const http::RequestInfo& request,
                                                const io::TlsInfo* tls) const;

 private:
  [[nodiscard]] LocalAnswer challenge(std::string_view token, const http::Head& head) const;
  [[nodiscard]] bool is_misdirected(const http::RequestInfo& request, const io::TlsInfo& tls) const;

  conf::Redirect redirect_ = conf::Redirect::no;
  std::string acme_challenges_;
  std::shared_ptr<const tls::HostNames> hosts_;
};

}  // namespace bonedry::proxy
