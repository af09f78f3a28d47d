#pragma once

#include "conf/config.h"
#include "conf/schema.h"

namespace bonedry::conf {

/// The part of `validate` that concerns the protocol in which a pool's nodes are spoken to.
void check_protocol(const Pool& pool, const PoolSections& sections);

}  // namespace bonedry::conf
