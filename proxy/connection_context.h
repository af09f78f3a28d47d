#pragma once

#include "proxy/base/chunk.h"
#include "proxy/http/parser.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/pipe.h"

namespace bonedry::proxy {

/// What the connections of one loop share. All of it outlives them.
struct ConnectionContext {
  io::EventLoop& loop;
  ChunkPool& chunks;
  io::PipePool& pipes;
  http::HeadLimits heads;
};

}  // namespace bonedry::proxy
