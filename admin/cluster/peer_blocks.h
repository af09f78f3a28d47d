#pragma once

#include "admin/cluster/view.h"
#include "balancer/node_id.h"

#include <string>
#include <vector>

namespace bonedry::admin::cluster {

/// What keeps a node from being dry beside what this member has on it itself: others who have users
/// there, who cannot be heard, or who see another state of it. Texts for people, each naming the
/// member. Empty: all others are quiet.
[[nodiscard]] std::vector<std::string> blocked_by_peers(const View& view,
                                                        const balancer::NodeId& node);

}  // namespace bonedry::admin::cluster
