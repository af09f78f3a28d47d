#pragma once

#include "admin/ctl/watch/picture.h"
#include "admin/user_curve.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::ctl {

/// A curve in one line of at most `width` characters, from its first point to its last one. The
/// lowest character is nobody, the highest the most users of the curve: "█▆▃▁", or "#*-_".
[[nodiscard]] std::string sparkline(const std::vector<admin::UserCurve::Point>& curve,
                                    std::size_t width, Charset charset);

}  // namespace bonedry::ctl
