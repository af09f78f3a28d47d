#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::conf {

/// What came of reading the certificate files of one listener, or of the HTTP door, again.
struct CertificateReading {
  std::size_t server = 0;   ///< see tls_servers
  Result<ListenerTls> tls;  ///< with the new contents, or which file is wrong, and why
  std::vector<std::string> warnings = {};
};

}  // namespace bonedry::conf
