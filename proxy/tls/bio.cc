#include "proxy/tls/bio.h"

#include "proxy/tls/tls_transport.h"

#include <new>

namespace bonedry::tls {

/// The functions that OpenSSL calls.
struct BioCallbacks {
  static TlsTransport& transport(BIO* bio) {
    return *static_cast<TlsTransport*>(BIO_get_data(bio));
  }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const int result = transport(bio).receive({into, static_cast<std::size_t>(size)});
    if (result != would_block()) return result;
    BIO_set_retry_read(bio);
    return -1;
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    return transport(bio).collect({from, static_cast<std::size_t>(size)});
  }

  static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    switch (command) {
      case BIO_CTRL_EOF:
        return transport(bio).below_end_ == io::IoStatus::closed ? 1 : 0;
      case BIO_CTRL_FLUSH:
        return 1;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
};

namespace {

struct FreeMethod {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};
using Method = std::unique_ptr<BIO_METHOD, FreeMethod>;

Method make_method() {
  Method method{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bonedry transport")};
  if (!method) throw std::bad_alloc();
  BIO_meth_set_read(method.get(), &BioCallbacks::read);
  BIO_meth_set_write(method.get(), &BioCallbacks::write);
  BIO_meth_set_ctrl(method.get(), &BioCallbacks::control);
  BIO_meth_set_create(method.get(), &BioCallbacks::create);
  return method;
}

}  // namespace

void set_bio(SSL& ssl, TlsTransport& transport) {
  static const Method method = make_method();  // constant: OpenSSL's table of our functions
  BIO* const bio = BIO_new(method.get());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, &transport);
  SSL_set_bio(&ssl, bio, bio);
}

}  // namespace bonedry::tls
