#include "proxy/tls/connection.h"

#include <stdexcept>

namespace bonedry::tls {

Library::Library()
    : context_(OSSL_LIB_CTX_new()),
      ticket_cipher_(EVP_CIPHER_fetch(context_.get(), "AES-256-CBC", nullptr)) {
  if (!context_ || !ticket_cipher_) throw std::runtime_error("OpenSSL: " + take_error());
}

}  // namespace bonedry::tls
