#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/redis/settings.h"

namespace bonedry::redis {

/// How the store of the config is reached. Reads `password_file`, of which the first line is the
/// password. The error is for the operator and shows no password.
[[nodiscard]] Result<Settings> store_settings(const conf::Cluster& config);

}  // namespace bonedry::redis
