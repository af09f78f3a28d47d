#pragma once

#include "admin/haproxy/process_info.h"
#include "admin/status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::admin::haproxy {

/// The version that HAProxy's tools see. They read the first two numbers, or a semantic version, to
/// know which commands they may send; ours is behind a '-'.
constexpr std::string_view kVersion = "3.0.9-bonedry" BONEDRY_VERSION;

enum class InfoStyle : std::uint8_t { plain, typed };

/// What `show info` and `show info typed` answer: HAProxy's fields as far as we have a figure, and
/// with 0 those without which tools fail.
[[nodiscard]] std::string info_table(const ProcessInfo& process, const Status& status,
                                     InfoStyle style);

}  // namespace bonedry::admin::haproxy
