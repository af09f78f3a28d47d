#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::conf {

/// What came of reading the certificate files of one listener again.
struct CertificateReading {
  std::size_t listener = 0;  ///< index in the config
  Result<ListenerTls> tls;   ///< with the new contents, or which file is wrong, and why
  std::vector<std::string> warnings = {};
};

}  // namespace bonedry::conf
