#include "proxy/tls/client_context.h"

#include "proxy/base/ip_address.h"
#include "proxy/tls/context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <new>
#include <utility>

namespace bonedry::tls {

void ClientSessions::put(SslSession session) {
  if (sessions_.size() == kMax) sessions_.erase(sessions_.begin());
  sessions_.push_back(std::move(session));
}

SslSession ClientSessions::take() {
  if (sessions_.empty()) return nullptr;
  if (SSL_SESSION_get_protocol_version(sessions_.back().get()) < TLS1_3_VERSION) {
    SSL_SESSION_up_ref(sessions_.back().get());
    return SslSession{sessions_.back().get()};
  }
  SslSession newest = std::move(sessions_.back());
  sessions_.pop_back();
  return newest;
}

namespace {

/// OpenSSL calls it for each session that can be resumed; 1: it is ours now.
int on_new_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<ClientSessions*>(SSL_get_app_data(ssl))->put(SslSession{session});
  return 1;
}

Result<> trust(SSL_CTX& context, const conf::PoolTls& config, const Library& library) {
  if (!config.verify) return Done{};
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  if (config.ca.path.empty()) {
    if (SSL_CTX_set_default_verify_paths(&context) == 1) return Done{};
    return Failure{"the system's CA certificates: " + take_error()};
  }
  const Result<> trusted = trust_issuers(context, library, config.ca.text);
  return trusted ? trusted : Failure{"ca: " + trusted.error()};
}

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const Library& library,
                                                                 const conf::PoolTls& config) {
  SslContext context = make_context(library, TLS_client_method());
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), &on_new_session);
  Result<> done = trust(*context, config, library);
  if (done && config.certificate) {
    done = use_certificate(*context, library, *config.certificate);
  }
  ERR_clear_error();
  if (!done) return Failure{done.error()};
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(context)));
}

/// The session of an earlier connection was verified with the same settings.
Connection ClientContext::connect(const std::string& name, const std::string& alpn,
                                  std::shared_ptr<ClientSessions> sessions) const {
  SslConnection ssl{SSL_new(context_.get())};
  if (!ssl) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  SSL_set_app_data(ssl.get(), sessions.get());
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl.get());
  const bool accepted =
      parse_ip(name) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1
                     : SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1 &&
                           X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size()) == 1;
  if (!accepted) throw std::bad_alloc();  // the name was checked when the config was read
  X509_VERIFY_PARAM_set_hostflags(
      wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (!alpn.empty()) {
    const std::string list = static_cast<char>(alpn.size()) + alpn;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(list.data());
    if (SSL_set_alpn_protos(ssl.get(), bytes, static_cast<unsigned>(list.size())) != 0) {
      throw std::bad_alloc();
    }
  }
  if (const SslSession earlier = sessions->take()) SSL_set_session(ssl.get(), earlier.get());
  return {std::move(sessions), std::move(ssl)};
}

}  // namespace bonedry::tls
