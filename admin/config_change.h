#pragma once

#include "conf/config.h"

#include <optional>
#include <string>

/// What speaks against the next config; a text for the operator, or nothing.
namespace bonedry::admin {

/// Whether it changes what only a restart can.
[[nodiscard]] std::optional<std::string> needs_restart(const conf::Config& before,
                                                       const conf::Config& next);
/// Whether users would lose their cookie by it although nobody asked for that.
[[nodiscard]] std::optional<std::string> renames_cookie(const conf::Config& before,
                                                        const conf::Config& next);

}  // namespace bonedry::admin
