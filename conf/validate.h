#pragma once

#include "conf/config.h"
#include "conf/schema.h"

namespace bonedry::conf {

/// Notes what is wrong between keys that are each valid: references, names and addresses used
/// twice, values that contradict each other. Says nothing about keys already found has_error.
void validate(const Config& config, const Sections& sections);

}  // namespace bonedry::conf
