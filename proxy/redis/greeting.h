#pragma once

#include "proxy/base/result.h"
#include "proxy/redis/commands.h"
#include "proxy/redis/reply.h"
#include "proxy/redis/settings.h"

#include <string>
#include <vector>

/// What a connection to a store begins with. Pure.
namespace bonedry::redis {

/// Logs in, takes the database, and asks what the server is. One pipeline.
[[nodiscard]] std::vector<Words> greeting(const Settings& settings);

/// Evaluates the replies, one for each command: the server's run id (another one after each of its
/// starts), or why it cannot be the store, as a line for people.
[[nodiscard]] Result<std::string> evaluate_greeting(const Settings& settings,
                                                    const std::vector<Reply>& replies);

/// The command that logs in; empty if nothing is configured for it.
[[nodiscard]] Words login(const Settings& settings);

}  // namespace bonedry::redis
