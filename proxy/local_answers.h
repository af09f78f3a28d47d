#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// A complete response, or why there is none.
using LocalAnswer = Result<http::LocalResponse, http::Refusal>;

/// The requests to a listener that no node is asked for: all of them where it redirects, and those
/// of ACME servers for a challenge (http-01). They belong to no session. Immutable; one for each
/// listener in a worker's Router.
class LocalAnswers {
 public:
  LocalAnswers() = default;
  explicit LocalAnswers(const conf::Listener& config)
      : redirect_(config.redirect), acme_challenges_(config.acme_challenges) {}

  /// Nothing if the request is for a node. May read a small file, see `read_acme_challenge`.
  [[nodiscard]] std::optional<LocalAnswer> find(const http::Head& head,
                                                const http::RequestInfo& request) const;

 private:
  [[nodiscard]] LocalAnswer challenge(std::string_view token, const http::Head& head) const;

  conf::Redirect redirect_ = conf::Redirect::no;
  std::string acme_challenges_;
};

}  // namespace bonedry::proxy
