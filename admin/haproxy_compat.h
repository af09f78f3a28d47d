#pragma once

#include <string>
#include <string_view>

namespace bonedry::admin {

/// What a line that is refused is answered with: "error: …\n", but where the line is of HAProxy's
/// runtime API, something that its tools cannot take for success. They look at little:
/// client-native
/// (`set severity-output number;…`) at a severity in front of the text, others at the rows below
/// the first line, which is a header to them, so that these get two lines.
[[nodiscard]] std::string error_for_line(std::string_view line, std::string_view why);

}  // namespace bonedry::admin
