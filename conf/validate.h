#pragma once

#include "conf/config.h"
#include "conf/schema.h"

namespace bonedry::conf {

/// Notes what is wrong between keys that are each right: references, names and addresses used
/// twice, figures that contradict each other. Says nothing about keys already found faulty.
void validate(const Config& config, const Sections& sections);

}  // namespace bonedry::conf
