#pragma once

#include "tests/support/deadline.h"
#include "tests/support/socket.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::test {

/// A blocking client of a Redis or Valkey server.
class RedisConnection {
 public:
  /// "127.0.0.1:6379" or the path of a Unix socket. Throws SocketError.
  explicit RedisConnection(const std::string& address, Millis deadline = kDeadline);

  /// Runs one command. The reply is what redis-cli prints into a pipe: a text as it is, "" for nil,
  /// the elements of an array one a line, and the text of an error, such as "ERR no such key".
  /// Throws SocketError when no reply comes in time.
  std::string run(const std::vector<std::string>& words);

 private:
  [[nodiscard]] std::string read_reply();
  [[nodiscard]] std::string read_line();
  [[nodiscard]] std::string read_bytes(std::size_t size);
  void read_more();

  Millis deadline_;
  Socket socket_;
  std::string received_;  // and not used yet
};

}  // namespace bonedry::test
