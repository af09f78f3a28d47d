#pragma once

#include "conf/loader.h"
#include "proxy/base/result.h"

#include <string_view>

namespace bonedry::proxy {

/// A config together with the contents of the files that it names. Everything that can be known to
/// be wrong before a start or a reload is an error here.
[[nodiscard]] Result<conf::Loaded> load_config(std::string_view toml, std::string_view file_name);

/// The same without the files of listeners, for a process that accepts no clients any more.
[[nodiscard]] Result<conf::Loaded> load_pools(std::string_view toml, std::string_view file_name);

}  // namespace bonedry::proxy
