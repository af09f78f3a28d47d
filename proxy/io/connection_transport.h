#pragma once

#include "proxy/base/unique_fd.h"
#include "proxy/io/socket.h"
#include "proxy/io/transport.h"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace bonedry::io {

/// What a connection is made from: a non-blocking TCP socket whose bytes need no conversion, or a
/// transport that already exists.
using TransportSource = std::variant<UniqueFd, std::unique_ptr<Transport>>;

/// Makes the source a transport that can be passed on.
[[nodiscard]] inline std::unique_ptr<Transport> make_transport(EventLoop& loop,
                                                               TransportSource source) {
  if (auto* const fd = std::get_if<UniqueFd>(&source)) {
    return std::make_unique<Socket>(loop, std::move(*fd));
  }
  return std::move(std::get<std::unique_ptr<Transport>>(source));
}

/// The transport that a connection owns. A plain socket is kept in the connection's own memory:
/// with many connections, each further place that an event touches is one more cache miss.
class ConnectionTransport {
 public:
  ConnectionTransport(EventLoop& loop, TransportSource source) {
    if (auto* const fd = std::get_if<UniqueFd>(&source)) {
      current_ = &plain_.emplace(loop, std::move(*fd));
    } else {
      other_ = std::move(std::get<std::unique_ptr<Transport>>(source));
      current_ = other_.get();
    }
  }
  ConnectionTransport(const ConnectionTransport&) = delete;
  ConnectionTransport& operator=(const ConnectionTransport&) = delete;

  /// Closes the transport.
  void reset() {
    current_ = nullptr;
    plain_.reset();
    other_.reset();
  }
  explicit operator bool() const { return current_ != nullptr; }
  [[nodiscard]] Transport& operator*() const { return *current_; }
  [[nodiscard]] Transport* operator->() const { return current_; }

 private:
  Transport* current_ = nullptr;  // one of the two below; null: closed
  std::optional<Socket> plain_;
  std::unique_ptr<Transport> other_;
};

}  // namespace bonedry::io
