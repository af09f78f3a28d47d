#pragma once

#include "conf/config.h"
#include "conf/problems.h"

#include <vector>

namespace bonedry::conf {

/// Reads the files of the tokens and keeps their digests in `admin`; then looks for tokens that are
/// equal. Returns what is wrong, as errors; none of them shows a token. A file has one token, with
/// or without a line end, and others than its owner and its group must not have access to it.
[[nodiscard]] std::vector<Problem> read_token_files(Admin& admin);

}  // namespace bonedry::conf
