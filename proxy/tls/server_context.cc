#include "proxy/tls/server_context.h"

#include "proxy/base/ascii.h"
#include "proxy/tls/context.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/ticket_data.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

namespace bonedry::tls {
namespace {

// Mozilla's intermediate list, version 5.7, without DHE, for which nobody makes parameters.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
// The first of these that this OpenSSL knows.
constexpr std::array<const char*, 2> kGroups{"X25519MLKEM768:X25519:prime256v1:secp384r1",
                                             "X25519:prime256v1:secp384r1"};

/// The host name that a ClientHello asks for (RFC 6066, section 3), in lower case; or empty.
std::string server_name_of(SSL* ssl) {
  const unsigned char* extension = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) != 1) return {};
  constexpr std::size_t kPrefix = 5;  // length of the list, type of the name, its length
  if (size <= kPrefix || extension[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t length = std::size_t{extension[3]} * 256 + extension[4];
  if (length != size - kPrefix) return {};
  std::string name(reinterpret_cast<const char*>(extension) + kPrefix, length);
  std::ranges::transform(name, name.begin(), ascii::to_lower);
  return name;
}

std::string alpn_list(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) {
    list.push_back(static_cast<char>(protocol.size()));
    list += protocol;
  }
  return list;
}

/// For tickets, which must stay small: a certificate may have a thousand names.
std::string id_of(const HostNames::Host& host) {
  std::string names;
  for (const std::string& name : host.names) names += name + '\n';
  std::string id(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(names.data(), names.size(), reinterpret_cast<unsigned char*>(id.data()), &size,
             EVP_sha256(), nullptr);
  id.resize(size);
  return id;
}

Result<> set_groups(SSL_CTX& context, const std::string& configured) {
  if (!configured.empty()) {
    if (SSL_CTX_set1_groups_list(&context, configured.c_str()) == 1) return Done{};
    return Failure{"groups: OpenSSL does not accept \"" + configured + "\""};
  }
  for (const char* groups : kGroups) {
    if (SSL_CTX_set1_groups_list(&context, groups) == 1) return Done{};
  }
  return Failure{"groups: " + take_error()};
}

}  // namespace

/// The functions that OpenSSL calls.
struct ServerCallbacks {
  static const ServerContext::Host& host(const SSL* ssl) {
    return *static_cast<const ServerContext::Host*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
  static const ServerContext& server(const SSL* ssl) { return host(ssl).owner; }

  /// Before anything else is looked at, so that tickets are checked for the host that was chosen.
  static int on_client_hello(SSL* ssl, int* alert, void* /*data*/) {
    const ServerContext& self = server(ssl);
    const std::string name = server_name_of(ssl);
    const std::optional<std::size_t> host = self.names_->find(name);
    if (!host && self.config_.strict_sni) {
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_CLIENT_HELLO_ERROR;
    }
    if (host) SSL_set_SSL_CTX(ssl, self.hosts_[*host]->context.get());
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  /// `on_client_hello` has used the name, if a certificate has it. Without this OpenSSL would not
  /// confirm any (RFC 6066, section 3), nor know it when a session of TLS 1.2 is resumed.
  static int on_server_name(SSL* /*ssl*/, int* /*alert*/, void* /*data*/) {
    return SSL_TLSEXT_ERR_OK;
  }

  /// RFC 7301, section 3.2: a client with which we share no protocol gets an alert.
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                     const unsigned char* offered, unsigned offered_size, void* /*data*/) {
    const std::string& ours = server(ssl).alpn_;
    const int result =
        SSL_select_next_proto(const_cast<unsigned char**>(chosen), size,
                              reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  /// RFC 6066, section 8. OpenSSL calls it when the certificate has been chosen.
  static int on_status_request(SSL* ssl, void* /*data*/) {
    const conf::OcspFile& file = server(ssl).config_.ocsp_response;
    if (SSL_get_certificate(ssl) != host(ssl).stapled) return SSL_TLSEXT_ERR_NOACK;
    if (!ocsp_fault(file, SystemClock().wall()).empty()) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(file.response.data(), file.response.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(file.response.size()));
    return SSL_TLSEXT_ERR_OK;
  }

  static int on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac, int sealing) {
    const ServerContext& self = server(ssl);
    return sealing != 0 ? seal_ticket(self, name, iv, cipher, mac)
                        : open_ticket(ssl, name, iv, cipher, mac);
  }

  static int seal_ticket(const ServerContext& self, unsigned char* name, unsigned char* iv,
                         EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    const TicketKey& key = self.identity_.keys->current();
    std::ranges::copy(key.name, name);
    const EVP_CIPHER* const kind = self.library_.ticket_cipher();
    const bool made = RAND_bytes(iv, EVP_CIPHER_get_iv_length(kind)) == 1 &&
                      EVP_EncryptInit_ex2(cipher, kind, key.cipher.data(), iv, nullptr) == 1 &&
                      set_mac_key(mac, key);
    return made ? 1 : -1;
  }

  /// 0: not a ticket of ours; 2: the client gets a new one as well.
  static int open_ticket(const SSL* ssl, const unsigned char* name, const unsigned char* iv,
                         EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    const ServerContext& self = server(ssl);
    const TicketKey* const key = self.identity_.keys->find(name);
    if (key == nullptr) return 0;
    const EVP_CIPHER* const kind = self.library_.ticket_cipher();
    if (EVP_DecryptInit_ex2(cipher, kind, key->cipher.data(), iv, nullptr) != 1 ||
        !set_mac_key(mac, *key)) {
      return -1;
    }
    // A ticket of TLS 1.3 should be used once (RFC 8446, C.4), so each resumption gives a new one.
    const bool renew = key != &self.identity_.keys->current() || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? 2 : 1;
  }

  static bool set_mac_key(EVP_MAC_CTX* mac, const TicketKey& key) {
    std::array<char, 7> digest{"SHA256"};
    auto* const secret = const_cast<std::uint8_t*>(key.mac.data());
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
  }

  /// A ticket of a resumed session has the data of the first one.
  static int on_new_ticket(SSL* ssl, void* /*data*/) {
    if (SSL_session_reused(ssl) == 1) return 1;
    const std::string bound = TicketData{SystemClock().wall(), host(ssl).id}.serialize();
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), bound.data(), bound.size());
  }

  /// Whether the client's certificate, if it has shown one, is no longer valid.
  static bool has_expired(SSL_SESSION* session) {
    const X509* const client = SSL_SESSION_get0_peer(session);
    return client != nullptr && X509_cmp_current_time(X509_get0_notAfter(client)) <= 0;
  }

  /// Whether nodes get to see what a ticket does not contain: the issuers of a client's
  /// certificate.
  static bool lacks_issuers(const ServerContext& self, SSL_SESSION* session) {
    return self.config_.client_cert_chain && SSL_SESSION_get0_peer(session) != nullptr;
  }

  /// A ticket of another host is not accepted: it would skip the check of what belongs to this one
  /// (CVE-2025-23419).
  static SSL_TICKET_RETURN on_ticket(SSL* ssl, SSL_SESSION* session,
                                     const unsigned char* /*key_name*/, std::size_t /*size*/,
                                     SSL_TICKET_STATUS status, void* /*data*/) {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    void* bound = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket_appdata(session, &bound, &size);
    const auto data = TicketData::parse({static_cast<const char*>(bound), size});
    const bool valid = data && data->host == host(ssl).id && data->is_fresh(SystemClock().wall());
    if (!valid || has_expired(session) || lacks_issuers(server(ssl), session)) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
  }
};

Result<std::shared_ptr<ServerContext>> ServerContext::make(const Library& library,
                                                           const conf::ListenerTls& config,
                                                           Identity identity) {
  std::shared_ptr<ServerContext> made(new ServerContext(library, config, std::move(identity)));
  made->alpn_ = alpn_list(config.alpn);
  const Result<> hosts = made->make_hosts();
  ERR_clear_error();
  if (!hosts) return Failure{hosts.error()};
  return made;
}

Result<> ServerContext::make_hosts() {
  for (const HostNames::Host& names : names_->all()) {
    Host& host = *hosts_.emplace_back(std::make_unique<Host>(*this));
    host.id = id_of(names);
    const Result<> made = make_context(host, names.certificates);
    if (!made) return made;
  }
  return Done{};
}

Result<> ServerContext::make_context(Host& host,
                                     const std::vector<std::size_t>& certificates) const {
  host.context = tls::make_context(library_, TLS_server_method());
  SSL_CTX& context = *host.context;
  SSL_CTX_set_app_data(&context, &host);
  const Result<> applied = apply_settings(context);
  if (!applied) return applied;
  const conf::OcspFile& ocsp = config_.ocsp_response;
  for (const std::size_t index : certificates) {
    const Result<> used = use_certificate(context, library_, config_.certificates[index]);
    if (!used) return used;
    if (ocsp.response.empty() || ocsp.certificate != index) continue;
    host.stapled = SSL_CTX_get0_certificate(&context);  // the one that it was given last
    SSL_CTX_set_tlsext_status_cb(&context, &ServerCallbacks::on_status_request);
  }
  return Done{};
}

Result<> ServerContext::apply_settings(SSL_CTX& context) const {
  if (config_.minimum_version == conf::TlsVersion::tls_1_3) {
    SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION);
  }
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);  // tickets, which need no lock
  // A client that puts ChaCha20 first has no AES in hardware, and gets what it asks for.
  SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  const std::string& ciphers = config_.ciphers;
  // "HIGH" and others contain some with which anybody could have the other end.
  const std::string list = (ciphers.empty() ? kCiphers : ciphers) + ":!aNULL:!eNULL";
  if (SSL_CTX_set_cipher_list(&context, list.c_str()) != 1) {
    return Failure{"ciphers: OpenSSL does not accept \"" + ciphers + "\""};
  }
  const std::string& suites = config_.cipher_suites;
  if (SSL_CTX_set_ciphersuites(&context, suites.empty() ? kCipherSuites : suites.c_str()) != 1) {
    return Failure{"cipher_suites: OpenSSL does not accept \"" + suites + "\""};
  }
  const Result<> groups = set_groups(context, config_.groups);
  if (!groups) return groups;
  SSL_CTX_set_tlsext_servername_callback(&context, &ServerCallbacks::on_server_name);
  SSL_CTX_set_client_hello_cb(&context, &ServerCallbacks::on_client_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(&context, &ServerCallbacks::on_alpn, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, &ServerCallbacks::on_ticket_key);
  SSL_CTX_set_session_ticket_cb(&context, &ServerCallbacks::on_new_ticket,
                                &ServerCallbacks::on_ticket, nullptr);
  ERR_clear_error();
  return verify_clients(context);
}

/// OpenSSL accepts no session of another context id. It is derived from all that decides who is let
/// in, and by what encryption.
Result<> ServerContext::verify_clients(SSL_CTX& context) const {
  const std::string policy =
      identity_.listener + " " + std::to_string(static_cast<int>(config_.client_certificates)) +
      " " + config_.ciphers + " " + config_.cipher_suites + " " + config_.client_ca.text;
  std::array<unsigned char, EVP_MAX_MD_SIZE> id{};
  unsigned size = 0;
  EVP_Digest(policy.data(), policy.size(), id.data(), &size, EVP_sha256(), nullptr);
  SSL_CTX_set_session_id_context(&context, id.data(), size);
  if (config_.client_certificates == conf::ClientCertificates::none) return Done{};
  const bool required = config_.client_certificates == conf::ClientCertificates::required;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  const Result<> trusted = trust_issuers(context, library_, config_.client_ca.text);
  if (!trusted) return Failure{"client_ca: " + trusted.error()};
  const auto authorities = parse_certificates(config_.client_ca.text, library_.context());
  if (!authorities) return Failure{"client_ca: " + authorities.error()};
  for (const X509Certificate& issuer : *authorities) {
    if (SSL_CTX_add_client_CA(&context, issuer.get()) != 1) {
      return Failure{"client_ca: " + take_error()};
    }
  }
  return Done{};
}

Connection ServerContext::accept() const {
  Connection connection{shared_from_this(), SslConnection{SSL_new(hosts_.front()->context.get())}};
  if (!connection.ssl) throw std::bad_alloc();
  SSL_set_accept_state(connection.ssl.get());
  return connection;
}

}  // namespace bonedry::tls
