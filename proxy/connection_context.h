#pragma once

#include "proxy/base/block.h"
#include "proxy/http/parser.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/pipe.h"

namespace bonedry::proxy {

/// Resources that the connections of one event loop share. All of them outlive the connections.
struct ConnectionContext {
  io::EventLoop& loop;
  BlockPool& blocks;
  io::PipePool& pipes;
  http::HeadLimits heads;
};

}  // namespace bonedry::proxy
