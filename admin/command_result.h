#pragma once

#include "proxy/base/result.h"

#include <functional>
#include <string>

namespace bonedry::admin {

/// The answer to a command that changes something: one line of text for people, or why not.
using Answer = std::function<void(Result<std::string>)>;

}  // namespace bonedry::admin
