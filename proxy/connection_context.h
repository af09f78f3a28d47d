#pragma once

#include "proxy/base/block.h"
#include "proxy/http/parser.h"
#include "proxy/http2/session_memory.h"
#include "proxy/http2_counters.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/pipe.h"

namespace bonedry::proxy {

/// What the connections of one event loop share. All of them outlive the connections.
struct ConnectionContext {
  io::EventLoop& loop;
  BlockPool& blocks;
  io::PipePool& pipes;
  http2::SessionMemory& http2_memory;
  http::HeadLimits heads;
  /// Of HTTP/2 on connections to nodes; any thread may read them.
  Http2Counters http2_nodes = {};
};

}  // namespace bonedry::proxy
