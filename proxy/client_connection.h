#pragma once

#include "proxy/io/event_loop.h"

#include <cstddef>

namespace bonedry::proxy {

/// A client's connection, whatever protocol it speaks. Owned by its worker, used on the worker's
/// thread; closed connections are retired (see EventLoop).
class ClientConnection : public io::Retirable {
 public:
  /// Reads what the client sent before the connection was accepted. Called once.
  virtual void begin() = 0;
  /// The worker begins to drain (see `Worker::closes_idle_connections`): the connection ends after
  /// its requests.
  virtual void drain() = 0;
  /// Closes at once, even during an exchange.
  virtual void close() = 0;
  /// There is a new topology: exchanges on nodes whose sessions were displaced may have to end.
  virtual void follow_topology() = 0;

 private:
  friend class Worker;
  std::size_t worker_index_ = 0;  // index in the worker's list
};

}  // namespace bonedry::proxy
