#pragma once

#include "admin/cluster_status.h"
#include "admin/json_text.h"
#include "proxy/base/clock.h"

#include <string>

/// The cluster as `status` and `members` show it; see render_text.h and render_json.h.
namespace bonedry::admin {

/// What `status` says of it, as whole lines.
[[nodiscard]] std::string cluster_lines(const ClusterStatus& cluster, WallTime now);
[[nodiscard]] Json cluster_json(const ClusterStatus& cluster);

/// The response of `members`.
[[nodiscard]] std::string members_text(const ClusterStatus& cluster, WallTime now);
[[nodiscard]] std::string members_json(const ClusterStatus& cluster);

}  // namespace bonedry::admin
