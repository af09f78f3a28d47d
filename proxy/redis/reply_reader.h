#pragma once

#include "proxy/redis/reply.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct redisReader;

namespace bonedry::redis {

/// Makes replies of what a server sends, in whatever pieces it comes. hiredis parses; what a reply
/// may cost is bounded here: a server is trusted with the sessions, but not with our memory.
class ReplyReader {
 public:
  /// Of one reply, received and parsed. Far more than any that is asked for.
  static constexpr std::size_t kMaxReply = 64UL * 1024 * 1024;

  enum class Status : std::uint8_t {
    complete,
    more,       ///< there is no further complete reply yet
    malformed,  ///< this is not the protocol, and what follows cannot be read
    too_large,  ///< the same for a reply of more than `most` bytes
  };

  /// `most`: bytes of one reply.
  explicit ReplyReader(std::size_t most = kMaxReply);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  /// The next reply, if it is `complete`.
  [[nodiscard]] Status next(Reply& reply);

 private:
  struct Draft;
  struct Free {
    void operator()(redisReader* reader) const;
  };

  [[nodiscard]] Status status_of_rest() const;

  std::unique_ptr<Draft> draft_;  // the reader refers to it
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace bonedry::redis
