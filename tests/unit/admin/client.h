#pragma once

#include "proxy/base/unique_fd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::admin::test {

/// A client of the admin socket that does each step on the test's call, and never blocks.
class Client {
 public:
  explicit Client(const std::string& path);

  [[nodiscard]] bool connected() const { return fd_.is_open(); }
  /// False when the server no longer reads, or its buffer is full.
  bool send(std::string_view bytes);
  /// Closes the sending half, as socat does when its input ends.
  void end_input();
  /// Disconnects without finishing.
  void vanish() { fd_.reset(); }

  /// Reads what has arrived; true once the server has closed its half.
  bool ended();
  /// The whole reply so far, as of the last `ended`.
  [[nodiscard]] const std::string& answer() const { return answer_; }
  /// Whether the connection ended with a FIN, not a reset.
  [[nodiscard]] bool ended_well() const { return end_ == End::orderly; }

 private:
  enum class End : std::uint8_t { none, orderly, reset };

  UniqueFd fd_;
  std::string answer_;
  End end_ = End::none;
};

}  // namespace bonedry::admin::test
