#pragma once

#include "proxy/base/result.h"
#include "proxy/redis/reply.h"

#include <functional>
#include <string>
#include <vector>

namespace bonedry::redis {

/// One command, its name first. Any bytes.
using Words = std::vector<std::string>;

/// Told the reply to a command. An error reply of the server is a Reply, too, unless it means that
/// the store cannot be used, see `store_problem`. The error is for people: the command was refused,
/// or the connection was lost before the reply came, and the server may have run it or not.
using Done = std::function<void(Result<Reply>)>;

/// Runs commands on the store. Used on the loop's thread.
class Commands {
 public:
  virtual ~Commands() = default;
  Commands() = default;
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  [[nodiscard]] virtual bool connected() const = 0;
  /// Sends a command (at least one word) after those before it, without waiting for their replies.
  /// `done` is called exactly once, never from inside this call; it may send. While this is not
  /// connected, the command is refused.
  virtual void send(Words words, Done done) = 0;
};

}  // namespace bonedry::redis
