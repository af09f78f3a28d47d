#pragma once

#include "proxy/base/block.h"
#include "proxy/base/slice_queue.h"
#include "proxy/redis/commands.h"

namespace bonedry::redis {

/// Adds a command as the protocol has it, an array of texts, to the end of a queue.
void write_command(const Words& words, BlockPool& blocks, SliceQueue& to);

}  // namespace bonedry::redis
