#pragma once

#include "admin/admin_server.h"
#include "admin/commands.h"
#include "admin/http_door/http_door.h"
#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// The ways into the admin interface: the admin socket and, where the config has it, the HTTP door.
/// Owned by Application, main thread. After a successful `bind`, destroy it only when `close` has
/// called back.
class AdminDoors {
 public:
  struct Parts {
    io::EventLoop& loop;
    admin::Commands::Parts commands;
    /// Why the process does not serve new users; empty: it does.
    std::function<std::string()> not_serving;
  };
  /// Whether a process that this one takes over from has the same doors.
  enum class Addresses : std::uint8_t { free, shared };

  /// `descriptors`: for clients of all doors together.
  AdminDoors(const Parts& parts, const conf::Admin& config, std::size_t descriptors);

  /// All that is likely to fail. Nobody can connect before `open`, except by the socket's temporary
  /// name.
  [[nodiscard]] Result<> bind(admin::SocketFile socket, Addresses http);
  [[nodiscard]] Result<> open();
  /// Where the HTTP door is; empty if there is none.
  [[nodiscard]] std::string http_address() const;

  void set_descriptors(std::size_t descriptors);
  /// The other process has the doors now.
  void leave(std::string_view why);
  /// Sends `why` to clients that wait for a response, and calls `closed` when all are gone.
  void close(std::function<void()> closed, std::string_view why);

 private:
  [[nodiscard]] std::size_t share_of(std::size_t descriptors) const {
    return descriptors / (http_ ? 2 : 1);
  }

  admin::AdminServer socket_;
  std::optional<admin::HttpDoor> http_;
};

}  // namespace bonedry::proxy
