#include "proxy/tls/openssl.h"

#include <openssl/err.h>

namespace bonedry::tls {

std::string take_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "unknown error";
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(error);
}

}  // namespace bonedry::tls
