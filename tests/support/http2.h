#pragma once

#include <cstdint>

namespace bonedry::test {

using StreamId = std::int32_t;

}  // namespace bonedry::test
