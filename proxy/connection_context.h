#pragma once

#include "proxy/base/block.h"
#include "proxy/http/parser.h"
#include "proxy/http2/request_builder.h"
#include "proxy/http2/sent_fields.h"
#include "proxy/http2/session_memory.h"
#include "proxy/http2_counters.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/pipe.h"

namespace bonedry::proxy {

/// What the HTTP/2 connections of one event loop share, so that each is small and what they use is
/// in the processor's cache. Outlives them.
struct Http2Shared {
  http2::SessionMemory memory;
  http2::SentFields fields;       ///< of one head after another
  http2::RequestBuilder builder;  ///< of a head that comes within one read
};

/// What the connections of one event loop share. All of them outlive the connections.
struct ConnectionContext {
  io::EventLoop& loop;
  BlockPool& blocks;
  io::PipePool& pipes;
  Http2Shared& http2;
  http::HeadLimits heads;
  /// Of HTTP/2 on connections to nodes; any thread may read them.
  Http2Counters http2_nodes = {};
};

}  // namespace bonedry::proxy
