#pragma once

#include "balancer/node_id.h"
#include "conf/config.h"
#include "session/ledger.h"

#include <optional>

namespace bonedry::admin {

/// The id under which the ledger has the users of a node that the config has under another name
/// now (`formerly`). Nothing: the ledger has it by its own name, or does not have it.
[[nodiscard]] std::optional<balancer::NodeId> former_id(const session::Ledger& ledger,
                                                        const conf::Pool& pool,
                                                        const conf::Node& node);

}  // namespace bonedry::admin
