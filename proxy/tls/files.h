#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <set>
#include <string>
#include <vector>

namespace bonedry::tls {

/// Reads the files that the config names for TLS and puts their contents into it; checks that
/// OpenSSL accepts them and the other settings for TLS. Returns warnings; an error names the
/// listener, the HTTP door or the pool, what is wrong, and the file. Reads files that may be
/// changed at any time.
[[nodiscard]] Result<std::vector<std::string>> read_files(conf::Config& config, WallTime now);

/// The same without listeners.
[[nodiscard]] Result<std::vector<std::string>> read_pool_files(conf::Config& config, WallTime now);

/// The same for one listener; the errors and warnings do not name it. On an error some of the
/// contents may have been replaced.
[[nodiscard]] Result<std::vector<std::string>> read_files(conf::ListenerTls& tls, WallTime now);

/// The paths of the files that `read_files` reads, as in the config.
[[nodiscard]] std::set<std::string> files_of(const conf::ListenerTls& tls);

}  // namespace bonedry::tls
