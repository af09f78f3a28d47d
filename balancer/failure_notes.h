#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace bonedry::balancer {

/// The ways in which a node fails a request, as far as the process log tells them apart.
enum class NodeFailure : std::uint8_t {
  connect,           ///< it cannot be reached: refused, no route, …
  connect_timeout,   ///< a connection was not established in time
  tls,               ///< its certificate is refused, or TLS fails in another way
  closed,            ///< the connection ended before the response began
  response_timeout,  ///< the response did not begin in time
  bad_response,      ///< the response is not valid HTTP
  response_cut,      ///< the connection ended within the response
  stalled,           ///< it stopped sending, or reading
};
inline constexpr std::size_t kNodeFailures = static_cast<std::size_t>(NodeFailure::stalled) + 1;

/// Which failures of one node are logged: of each kind one in `kInterval`, so that a node that is
/// down does not fill the log. Any thread, without a lock.
class FailureNotes {
 public:
  static constexpr Millis kInterval{10'000};

  /// Notes a failure. If it is to be logged: how many of its kind were not, since the last one that
  /// was.
  [[nodiscard]] std::optional<std::uint64_t> note(NodeFailure failure, Instant now) {
    Kind& kind = kinds_[static_cast<std::size_t>(failure)];
    std::int64_t quiet_until = kind.quiet_until_ms.load(std::memory_order_relaxed);
    const bool first =
        now.ms >= quiet_until && kind.quiet_until_ms.compare_exchange_strong(
                                     quiet_until, (now + kInterval).ms, std::memory_order_relaxed);
    if (first) return kind.suppressed.exchange(0, std::memory_order_relaxed);
    kind.suppressed.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

 private:
  struct Kind {
    std::atomic<std::int64_t> quiet_until_ms{0};
    std::atomic<std::uint64_t> suppressed{0};
  };
  std::array<Kind, kNodeFailures> kinds_;
};

}  // namespace bonedry::balancer
