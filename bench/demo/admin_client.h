#pragma once

#include "bench/demo/loop.h"

#include <functional>
#include <list>
#include <memory>
#include <string>

namespace bonedry::demo {

/// The proxy's response to a command.
struct AdminResponse {
  std::string text;   ///< without the last newline
  std::string error;  ///< empty: success; else the proxy's message, or why it was not reached
};

/// Uses the proxy's admin socket: one connection, one command, one response.
class AdminClient {
 public:
  using Callback = std::function<void(const AdminResponse&)>;

  AdminClient(Loop& loop, std::string socket);
  ~AdminClient();

  /// Calls `callback` once, never from inside this call, unless the client is destroyed first.
  void send(const std::string& command, Callback callback);

 private:
  class Call;

  Loop& loop_;
  std::string socket_;
  std::list<std::unique_ptr<Call>> calls_;
};

}  // namespace bonedry::demo
