#pragma once

#include "conf/loader.h"
#include "proxy/base/result.h"

#include <string_view>

namespace bonedry::proxy {

/// A config together with the contents of the files that it names. Everything that can be known to
/// be wrong before a start or a reload is an error here.
[[nodiscard]] Result<conf::Loaded> load_config(std::string_view toml, std::string_view file_name);

/// As load_config, with all problems as values. Also finds what only a start would meet: whether
/// secret_file has secrets, and whether this user can write to state_dir; and programs of hooks
/// that this user cannot run, of which a start only warns. Changes nothing.
[[nodiscard]] conf::Checked check_config(std::string_view toml);

/// As load_config without the files of listeners, for a process that accepts no clients any more.
[[nodiscard]] Result<conf::Loaded> load_pools(std::string_view toml, std::string_view file_name);

}  // namespace bonedry::proxy
