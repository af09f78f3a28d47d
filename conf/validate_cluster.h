#pragma once

#include "conf/config.h"
#include "conf/schema.h"

namespace bonedry::conf {

/// The part of `validate` that concerns [cluster].
void validate_cluster(const Config& config, const Sections& sections);

}  // namespace bonedry::conf
