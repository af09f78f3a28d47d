#pragma once

#include <string>

namespace bonedry::admin {

/// The name of the user at the other end of a Unix socket: "root"; "uid 1234" when the machine's
/// own list of users does not have one. Directory services are not asked: their answer could take
/// seconds, which the main loop does not have.
[[nodiscard]] std::string peer_name(int fd);

}  // namespace bonedry::admin
