#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Where the proxy is, and what is shown to it.
struct ProxyAddress {
  std::string socket;  ///< path of the admin socket
  std::string token;   ///< sent with every command; empty: none
};

/// One command to the proxy and its response, on a connection of its own.
class AdminRequest {
 public:
  enum class State : std::uint8_t {
    receiving,  ///< more may come
    complete,   ///< the response is complete
    lost,       ///< the connection ended before that, or the response is longer than `kMaxBytes`
  };

  /// The longest response that is read, in bytes: a status of 10,000 nodes has a tenth of it.
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20U;

  /// How long to wait for the proxy to accept the connection: it does so at once unless it hangs.
  static constexpr Millis kTimeout = std::chrono::seconds{2};

  /// Connects and sends. The error says what is wrong and what to do about it.
  static Result<AdminRequest> start(const ProxyAddress& proxy, const std::string& line,
                                    Millis timeout = kTimeout);

  /// Readable when `advance` has something to do.
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Reads what has arrived, at most `kReadAtOnce`. Does not block.
  State advance();

  /// What has arrived so far.
  [[nodiscard]] const std::string& response() const { return response_; }
  /// Removes the whole lines that have arrived so far from the response and returns them.
  [[nodiscard]] std::string take_lines();

 private:
  /// So that a proxy that sends without an end does not keep the caller.
  static constexpr std::size_t kReadAtOnce = std::size_t{1} << 20U;

  explicit AdminRequest(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  std::string response_;
};

/// Whether a response, or a line of one, is an error.
[[nodiscard]] bool is_error(std::string_view response);
/// What an error says, without "error: ", or else the response without its line end. Printable.
[[nodiscard]] std::string error_text(std::string_view response);
/// Whether it is the error of a process that is about to end, or that another process has taken
/// over from.
[[nodiscard]] bool is_retryable(std::string_view response);

/// Whether it is an error that the same command gets at every time: the sender may not send it, or
/// the proxy does not know it.
[[nodiscard]] bool is_final(std::string_view response);

/// Sends a command and waits for the whole response. The response may be an error of the proxy; the
/// error of the result is that there is no response.
[[nodiscard]] Result<std::string> ask(const ProxyAddress& proxy, const std::string& line);

}  // namespace bonedry::ctl
