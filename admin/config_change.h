#pragma once

#include "admin/command_result.h"
#include "conf/config.h"

#include <optional>

/// What speaks against the next config, or nothing.
namespace bonedry::admin {

/// Whether it changes what only a restart can.
[[nodiscard]] std::optional<CommandError> check_reloadable(const conf::Config& before,
                                                           const conf::Config& next);
/// Whether users would lose their cookie by it although nobody asked for that.
[[nodiscard]] std::optional<CommandError> check_cookie_unchanged(const conf::Config& before,
                                                                 const conf::Config& next);

}  // namespace bonedry::admin
