#pragma once

#include "conf/config.h"
#include "conf/schema.h"

namespace bonedry::conf {

/// The part of `validate` that concerns [admin], [[admin.token]] and [hooks].
void validate_admin(const Config& config, const Sections& sections);

}  // namespace bonedry::conf
