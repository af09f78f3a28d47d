#pragma once

#include <string>

namespace bonedry::admin {

/// The name of the user at the other end of a Unix socket: "root"; "uid 1234" when /etc/passwd does
/// not have the user. Directory services are not asked: that could take seconds, which the main
/// loop does not have.
[[nodiscard]] std::string peer_name(int fd);

}  // namespace bonedry::admin
