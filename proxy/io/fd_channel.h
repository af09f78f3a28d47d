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

/// One end of a line between two processes of ours that carries short texts, each with a descriptor
/// or without (SCM_RIGHTS, unix(7)). A text arrives whole or not at all, in its order. One thread.
class FdChannel {
 public:
  /// Of a text, in bytes: what the smallest socket buffer takes in one piece. Longer ones go as a
  /// file's descriptor.
  static constexpr std::size_t kMostBytes = 4096;

  struct Message {
    std::string text;
    UniqueFd fd;  ///< closed: none came with it
  };

  /// `fd`: a connected SOCK_SEQPACKET socket; becomes non-blocking, and is not inherited.
  explicit FdChannel(UniqueFd fd);
  /// Two ends that are connected to each other.
  [[nodiscard]] static Result<std::pair<FdChannel, FdChannel>> make_pair();

  /// Nothing can be said any more.
  void close() { fd_.reset(); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The process that made the pair; 0: not known.
  [[nodiscard]] pid_t maker() const;

  static constexpr int kNoFd = -1;
  /// `fd` is duplicated, unless it is `kNoFd`. Waits at most `time_limit` for the other side to
  /// take it.
  [[nodiscard]] Result<> send(std::string_view text, int fd, Millis time_limit) const;

  enum class Sent : std::uint8_t { yes, no_room };
  /// The same without waiting.
  [[nodiscard]] Result<Sent> send_now(std::string_view text, int fd) const;

  enum class Received : std::uint8_t { message, nothing, ended };
  /// What is there already.
  [[nodiscard]] Received receive(Message& message) const;
  /// Waits for it. The error says whether the other side is gone or only silent.
  [[nodiscard]] Result<Message> await(Millis time_limit) const;

 private:
  UniqueFd fd_;
};

}  // namespace bonedry::io
