#pragma once

#include <string_view>

namespace bonedry::admin::cluster {

/// session_script.lua: what the store does with the sessions of all members. It says there which
/// keys it uses and what it expects.
[[nodiscard]] std::string_view session_script();
/// By which the store knows it, once it has been loaded: 40 hex digits.
[[nodiscard]] std::string_view session_script_sha1();

}  // namespace bonedry::admin::cluster
