#pragma once

#include "admin/roll/roll.h"
#include "proxy/base/clock.h"

#include <string>

namespace bonedry::admin {

/// For people: one line for the roll and one for each of its nodes.
[[nodiscard]] std::string render_text(const Roll& roll, WallTime now);
/// One line with one object; see docs/commands.md.
[[nodiscard]] std::string render_json(const Roll& roll);

}  // namespace bonedry::admin
