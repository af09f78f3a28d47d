#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// The response to a challenge of an ACME server (http-01; RFC 8555, section 8.3), which an ACME
/// client has put into a file: the contents of `directory`/`token`. Nothing if the token is none
/// (1 to 128 of A-Z a-z 0-9 _ -), or if there is no regular file of that name with at most 4 KiB;
/// a symbolic link is none.
///
/// Reads the file at once, on the calling thread: it is small, and asked for a few times a month.
/// So the directory should be on a local disk.
[[nodiscard]] std::optional<std::string> read_acme_challenge(const std::string& directory,
                                                             std::string_view token);

}  // namespace bonedry::proxy
