#pragma once

#include <string>
#include <string_view>

namespace bonedry::admin {

/// The response to a line that is refused: "error: …\n". If the line is a command of HAProxy's
/// runtime API, the response is one that HAProxy's tools cannot take for success. They check
/// little: client-native (`set severity-output number;…`) checks a severity in front of the text;
/// others read the rows below the first line, which is a header to them, so these get two lines.
[[nodiscard]] std::string error_for_line(std::string_view line, std::string_view why);

}  // namespace bonedry::admin
