#include "tests/support/tls.h"

#include "tests/support/tls_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <stdexcept>
#include <string_view>

namespace bonedry::test {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

void require(bool done, const std::string& what) {
  if (!done) throw std::invalid_argument(what + ": " + openssl_text());
}

Bio reader_of(const std::string& pem) {
  return Bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

std::vector<Certificate> parse_certificates(const std::string& pem) {
  const Bio reader = reader_of(pem);
  std::vector<Certificate> all;
  while (X509* one = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one);
  }
  require(!all.empty(), "no certificate in the PEM");
  ERR_clear_error();  // that the last one was the last
  return all;
}

void show_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  const auto chain = parse_certificates(certificate);
  require(SSL_CTX_use_certificate(context, chain.front().get()) == 1, "certificate");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    require(SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1, "certificate chain");
  }
  const Bio reader = reader_of(key);
  const PrivateKey parsed{PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr)};
  require(parsed && SSL_CTX_use_PrivateKey(context, parsed.get()) == 1, "key");
}

void trust(SSL_CTX* context, const std::string& ca) {
  for (const Certificate& one : parse_certificates(ca)) {
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) == 1, "CA");
  }
}

/// The CAs whose certificates the server's request names.
void request_certificates_of(SSL_CTX* context, const std::string& ca) {
  for (const Certificate& one : parse_certificates(ca)) {
    require(SSL_CTX_add_client_CA(context, one.get()) == 1, "client CA");
  }
}

int version_number(std::string_view version) {
  if (version.empty()) return 0;  // whatever OpenSSL has
  if (version == "1.0") return TLS1_VERSION;
  if (version == "1.1") return TLS1_1_VERSION;
  if (version == "1.2") return TLS1_2_VERSION;
  if (version == "1.3") return TLS1_3_VERSION;
  throw std::invalid_argument("no TLS version: " + std::string{version});
}

/// What clients and servers are told in the same way.
template <class Settings>
TlsContext make_common_context(const SSL_METHOD* method, const Settings& settings) {
  TlsContext context{SSL_CTX_new(method), SSL_CTX_free};
  SSL_CTX* const raw = context.get();
  require(raw != nullptr, "SSL_CTX_new");
  const int minimum = version_number(settings.minimum_version);
  const int maximum = version_number(settings.maximum_version);
  require(minimum == 0 || SSL_CTX_set_min_proto_version(raw, minimum) == 1, "minimum version");
  require(maximum == 0 || SSL_CTX_set_max_proto_version(raw, maximum) == 1, "maximum version");
  const std::string& ciphers = settings.ciphers;
  require(ciphers.empty() || SSL_CTX_set_cipher_list(raw, ciphers.c_str()) == 1, "ciphers");
  const std::string& groups = settings.groups;
  require(groups.empty() || SSL_CTX_set1_groups_list(raw, groups.c_str()) == 1, "groups");
  if (!settings.certificate.empty()) show_certificate(raw, settings.certificate, settings.key);
  // A FIN without close_notify ends only one direction, as it does without TLS: TlsStream tells it
  // from a close_notify.
  SSL_CTX_set_options(raw, SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

/// The protocols as in the ALPN extension, each after its length.
std::string alpn_to_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& one : protocols) wire += static_cast<char>(one.size()) + one;
  return wire;
}

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned offered_length, void* ours) {
  const auto& wire = *static_cast<const std::string*>(ours);
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, length, bytes_of(wire), static_cast<unsigned>(wire.size()), offered, offered_length);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// The context with the protocols, which it refers to as long as it lives.
TlsContext accept_protocols(TlsContext context, const std::vector<std::string>& protocols) {
  struct Both {
    TlsContext context;
    std::string wire;
  };
  const auto both = std::make_shared<Both>(Both{std::move(context), alpn_to_wire(protocols)});
  SSL_CTX_set_alpn_select_cb(both->context.get(), choose_protocol, &both->wire);
  return TlsContext{both, both->context.get()};
}

}  // namespace

TlsContext make_context(const TlsClient& client) {
  TlsContext context = make_common_context(TLS_client_method(), client);
  SSL_CTX* const raw = context.get();
  if (!client.ca.empty()) {
    trust(raw, client.ca);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  const std::string alpn = alpn_to_wire(client.alpn);
  // Unlike the others, this function returns 0 when it has succeeded.
  require(SSL_CTX_set_alpn_protos(raw, bytes_of(alpn), static_cast<unsigned>(alpn.size())) == 0,
          "ALPN");
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, TlsStream::keep_session);
  return context;
}

TlsContext make_context(const TlsServer& server) {
  TlsContext context = make_common_context(TLS_server_method(), server);
  SSL_CTX* const raw = context.get();
  if (!server.client_ca.empty()) {
    trust(raw, server.client_ca);
    request_certificates_of(raw, server.client_ca);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  SSL_CTX_set_client_hello_cb(raw, TlsStream::note_client_hello, nullptr);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // only tickets
  require(SSL_CTX_set_session_id_context(raw, bytes_of("test"), 4) == 1, "session context");
  require(SSL_CTX_set_num_tickets(raw, server.tickets) == 1, "tickets");
  if (server.tickets == 0) SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
  if (server.alpn.empty()) return context;
  return accept_protocols(std::move(context), server.alpn);
}

}  // namespace bonedry::test
