#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/read_buffer.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/io/connection_transport.h"

#include <cstddef>
#include <memory>

namespace bonedry::proxy {

/// A client's connection without its protocol: what a ClientConnection is made of, and what an
/// IncomingConnection passes on.
struct AcceptedClient {
  io::TransportSource transport;
  ClientIdentity identity;
  std::size_t listener;  ///< index
  ConnectionLimiter::Slot slot;
  std::shared_ptr<const io::TlsInfo> tls = {};  ///< null: not encrypted
  Instant head_due;          ///< the first request head, and all before it, must be here by then
  ReadBuffer received = {};  ///< bytes that were read and not used yet
};

}  // namespace bonedry::proxy
