#pragma once

#include "proxy/io/event_loop.h"

#include <cstddef>

namespace bonedry::proxy {

/// A client's connection as its worker has it, whatever protocol it speaks. Owned by the worker,
/// on its thread; closed ones are retired.
class ClientConnection : public io::Retirable {
 public:
  /// Serves what the client has sent before it was accepted. Called once.
  virtual void begin() = 0;
  /// The worker ends: closes at once where nothing is asked, else after what is.
  virtual void drain() = 0;
  /// Closes at once, whatever is under way.
  virtual void close() = 0;
  /// There is a new topology: exchanges on nodes that were taken from their users may have to end.
  virtual void follow_topology() = 0;

 private:
  friend class Worker;
  std::size_t worker_index_ = 0;  // its place in the worker's list
};

}  // namespace bonedry::proxy
