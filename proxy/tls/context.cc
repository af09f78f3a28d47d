#include "proxy/tls/context.h"

#include "proxy/tls/pem.h"

#include <new>

namespace bonedry::tls {

SslContext make_context(const Library& library, const SSL_METHOD* method) {
  SslContext context{SSL_CTX_new_ex(library.context(), nullptr, method)};
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Result<> use_certificate(SSL_CTX& context, const Library& library,
                         const conf::Certificate& certificate) {
  const auto parsed = parse_certificates(certificate.contents->chain, library.context());
  if (!parsed) return Failure{certificate.certificate + ": " + parsed.error()};
  const auto& chain = *parsed;
  const Pkey key = parse_key(certificate.contents->key, library.context());
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> issuers{
      sk_X509_new_null(), [](STACK_OF(X509) * all) { sk_X509_free(all); }};
  for (std::size_t at = 1; at < chain.size(); ++at) sk_X509_push(issuers.get(), chain[at].get());
  if (chain.empty() || !key ||
      SSL_CTX_use_cert_and_key(&context, chain.front().get(), key.get(), issuers.get(), 1) != 1) {
    return Failure{certificate.certificate + ": " + take_error()};
  }
  return Done{};
}

Result<> trust_issuers(SSL_CTX& context, const Library& library, std::string_view pem) {
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  const auto issuers = parse_certificates(pem, library.context());
  if (!issuers) return Failure{issuers.error()};
  for (const X509Certificate& issuer : *issuers) {
    if (X509_STORE_add_cert(store, issuer.get()) != 1) return Failure{take_error()};
  }
  // Whoever lists an intermediate authority alone trusts what that issues.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context), X509_V_FLAG_PARTIAL_CHAIN);
  return Done{};
}

}  // namespace bonedry::tls
