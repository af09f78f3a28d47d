#include "proxy/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace bonedry::tls {
namespace {

Bio open_text(std::string_view text) {
  return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// A key with a password is refused, not asked for on the terminal.
int no_password(char* /*into*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

}  // namespace

std::vector<X509Certificate> parse_certificates(std::string_view pem, OSSL_LIB_CTX* library) {
  const Bio text = open_text(pem);
  std::vector<X509Certificate> all;
  while (true) {
    X509* certificate = X509_new_ex(library, nullptr);
    if (PEM_read_bio_X509(text.get(), &certificate, &no_password, nullptr) == nullptr) {
      X509_free(certificate);
      break;
    }
    all.emplace_back(certificate);
  }
  ERR_clear_error();
  return all;
}

Pkey parse_key(std::string_view pem, OSSL_LIB_CTX* library) {
  const Bio text = open_text(pem);
  Pkey key{
      PEM_read_bio_PrivateKey_ex(text.get(), nullptr, &no_password, nullptr, library, nullptr)};
  ERR_clear_error();
  return key;
}

}  // namespace bonedry::tls
