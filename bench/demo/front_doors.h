#pragma once

#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::demo {

/// The proxies as users find them: the port of each on 127.0.0.1, and whether it may be expected to
/// answer there. A proxy is known by its index.
class FrontDoors {
 public:
  /// A door that is open from `now` on.
  void add(std::uint16_t port, Instant now) { doors_.push_back({port, now}); }

  /// The proxy is about to end, by the demo's own doing.
  void close(std::size_t proxy) { doors_.at(proxy).open_since.reset(); }
  /// It serves again.
  void open(std::size_t proxy, Instant now) { doors_.at(proxy).open_since = now; }

  [[nodiscard]] std::size_t size() const { return doors_.size(); }
  [[nodiscard]] std::uint16_t port(std::size_t proxy) const { return doors_.at(proxy).port; }
  /// Whether the proxy has been there all the time: if so, it has no excuse for a request sent at
  /// `since` that it did not answer.
  [[nodiscard]] bool open_since(std::size_t proxy, Instant since) const {
    const std::optional<Instant>& opened = doors_.at(proxy).open_since;
    return opened && *opened < since;
  }

 private:
  struct Door {
    std::uint16_t port = 0;
    std::optional<Instant> open_since;  ///< empty: closed
  };

  std::vector<Door> doors_;
};

}  // namespace bonedry::demo
