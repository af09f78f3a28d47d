#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::io {

/// One end of a connection between two of our processes. Carries short texts, each with or without
/// a file descriptor (SCM_RIGHTS, unix(7)). Texts arrive in order, each whole or not at all. One
/// thread.
class FdChannel {
 public:
  /// The longest text, in bytes: what the smallest socket buffer takes in one piece. Longer data is
  /// passed as the descriptor of a file.
  static constexpr std::size_t kMaxBytes = 4096;

  struct Message {
    std::string text;
    UniqueFd fd;  ///< closed if none was sent
  };

  /// `fd`: a connected SOCK_SEQPACKET socket; becomes non-blocking and close-on-exec.
  explicit FdChannel(UniqueFd fd);
  /// Two ends that are connected to each other.
  [[nodiscard]] static Result<std::pair<FdChannel, FdChannel>> make_pair();

  /// Closes this end: nothing can be sent or received any more.
  void close() { fd_.reset(); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The id of the process that made the pair; 0 if unknown.
  [[nodiscard]] pid_t maker() const;

  static constexpr int kNoFd = -1;
  /// Sends `text` and a duplicate of `fd`, unless it is `kNoFd`. Waits at most `time_limit` for the
  /// other side to make room by reading.
  [[nodiscard]] Result<> send(std::string_view text, int fd, Millis time_limit) const;

  enum class Sent : std::uint8_t { yes, no_room };
  /// As `send`, but without waiting.
  [[nodiscard]] Result<Sent> send_now(std::string_view text, int fd) const;

  enum class Received : std::uint8_t { message, nothing, ended };
  /// Receives a message if one has arrived; does not wait.
  [[nodiscard]] Received receive(Message& message) const;
  /// Waits at most `time_limit` for a message. The error says whether the other side is gone or
  /// only silent.
  [[nodiscard]] Result<Message> await(Millis time_limit) const;

 private:
  UniqueFd fd_;
};

}  // namespace bonedry::io
