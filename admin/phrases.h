#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::admin {

/// "1 session", "2 sessions".
[[nodiscard]] std::string counted(std::int64_t count, const std::string& what);

/// "a, b, c".
[[nodiscard]] std::string joined(const std::vector<std::string>& parts);

}  // namespace bonedry::admin
