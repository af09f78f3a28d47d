#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"

#include <string>
#include <vector>

namespace bonedry::proxy {

/// Logs once when an OCSP response that clients get ends. That one has ended before it is adopted
/// is told by whoever has read it. Owned by the Server; main thread.
class OcspWatch {
 public:
  /// Watches the responses of these listeners instead of those before.
  void adopt(const std::vector<conf::Listener>& listeners, WallTime now);
  void check(WallTime now);

 private:
  struct Watched {
    std::string listener;  // its address
    conf::OcspFile file;
  };
  std::vector<Watched> valid_;
};

}  // namespace bonedry::proxy
