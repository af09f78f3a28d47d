#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::admin::access {

/// Counts wrong tokens. A client that tries many must not fill the log. Main thread only.
class WrongTokens {
 public:
  /// The log has at most one line in this time.
  static constexpr Millis kLogInterval = std::chrono::seconds{10};

  explicit WrongTokens(const Clock& clock) : clock_(clock) {}

  /// `user`: who has presented it.
  void add(const std::string& user);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  const Clock& clock_;
  std::uint64_t count_ = 0;
  std::optional<Instant> logged_;  // when a line was written last
};

}  // namespace bonedry::admin::access
