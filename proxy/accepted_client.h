#pragma once

#include "proxy/base/read_buffer.h"
#include "proxy/client_identity.h"
#include "proxy/connection_limiter.h"
#include "proxy/io/transport.h"

#include <cstddef>
#include <memory>

namespace bonedry::proxy {

/// A client's connection without its protocol: what it is when it was accepted, and what one
/// ClientConnection passes on to the next.
struct AcceptedClient {
  std::unique_ptr<io::Transport> transport;
  ClientIdentity identity;
  std::size_t listener;  ///< index
  ConnectionLimiter::Slot slot;
  ReadBuffer received = {};  ///< bytes that were read and not used yet
};

}  // namespace bonedry::proxy
