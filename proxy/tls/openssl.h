#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

/// Owners of OpenSSL's objects, and its errors as text.
namespace bonedry::tls {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Bio = std::unique_ptr<BIO, Freed<&BIO_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using X509Certificate = std::unique_ptr<X509, Freed<&X509_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>>;
using SslSession = std::unique_ptr<SSL_SESSION, Freed<&SSL_SESSION_free>>;
using SslConnection = std::unique_ptr<SSL, Freed<&SSL_free>>;

/// The oldest error in this thread's queue as text, such as "no start line"; empties the queue.
[[nodiscard]] std::string take_error();

}  // namespace bonedry::tls
