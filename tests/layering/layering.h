#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::layering {

/// Reads all .h and .cc files of the layers below `root` and returns the violations of the
/// architecture as lines "FILE:LINE: what" in the order of the files; the rules are tables in
/// layering.cc.
[[nodiscard]] std::vector<std::string> violations(const std::filesystem::path& root);

}  // namespace bonedry::layering
