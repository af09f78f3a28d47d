#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace bonedry::admin {

/// The name of the user at the other end of a Unix socket: "root"; "uid 1234" when /etc/passwd does
/// not have the user. Directory services are not asked: that could take seconds, which the main
/// loop does not have.
[[nodiscard]] std::string peer_name(int fd);

/// The user at the other end of a Unix socket, as the kernel tells; nothing if it does not.
[[nodiscard]] std::optional<uid_t> peer_user(int fd);

}  // namespace bonedry::admin
