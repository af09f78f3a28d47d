#pragma once

#include "admin/command_result.h"
#include "conf/config.h"

#include <optional>

/// Checks of the next config. Each returns why it cannot be applied, or nothing.
namespace bonedry::admin {

/// Fails if the config changes what only a restart can change.
[[nodiscard]] std::optional<CommandError> check_reloadable(const conf::Config& before,
                                                           const conf::Config& next);
/// Fails if users would lose their cookie although nobody asked for that.
[[nodiscard]] std::optional<CommandError> check_cookie_unchanged(const conf::Config& before,
                                                                 const conf::Config& next);

}  // namespace bonedry::admin
