#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/exchange_error.h"

#include <cstdint>
#include <limits>
#include <string>

namespace bonedry::proxy {

/// What the connections to a node report about it: to a worker's UpstreamPool, or a health check.
class NodeObserver {
 public:
  virtual void on_connect_succeeded() = 0;
  /// Returns the error for the exchanges whose attempt to connect failed. `error`: an errno, EPROTO
  /// if the TLS handshake failed; `why`: the same for people.
  [[nodiscard]] virtual ExchangeError on_connect_failed(int error, const std::string& why) = 0;
  /// TLS with the node has failed after the handshake; `why` is for people. Before the error for
  /// the exchange.
  virtual void on_tls_failed(const std::string& why) = 0;
  /// The node has closed a connection after `idle` of idle time. `since`: when the connection
  /// became idle or was lent.
  virtual void on_closed_by_node(Millis idle, Instant since) = 0;

 protected:
  ~NodeObserver() = default;
};

/// A connection that fails later than this after it was leased did not fail because it had been
/// idle.
inline constexpr Millis kStaleReuseWindow{1000};

/// How a connection to a node is made.
struct UpstreamTarget {
  std::uint64_t generation = 0;  ///< of the target: connections of an older one are not reused
  conf::ProxyProtocol proxy_protocol = conf::ProxyProtocol::off;
  Millis connect_timeout{0};  ///< until a connection can be used, after the TLS handshake
  unsigned streams = 1;       ///< at a time, with HTTP/2
  /// How many of them the node will probably allow; until it has said so.
  unsigned expected_streams = std::numeric_limits<unsigned>::max();
};

}  // namespace bonedry::proxy
