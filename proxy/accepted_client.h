#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/read_buffer.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/io/connection_transport.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace bonedry::proxy {

/// The version of HTTP that a connection speaks.
enum class HttpVersion : std::uint8_t { http1, http2 };

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
  HttpVersion version = HttpVersion::http1;
};

}  // namespace bonedry::proxy
