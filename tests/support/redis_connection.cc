#include "tests/support/redis_connection.h"

#include <array>

namespace bonedry::test {

RedisConnection::RedisConnection(const std::string& address, Millis deadline)
    : deadline_(deadline),
      socket_(address.starts_with('/') ? Socket::connect_unix(address, deadline)
                                       : Socket::connect_tcp(address, deadline)) {}

std::string RedisConnection::run(const std::vector<std::string>& words) {
  std::string command = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    command += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  socket_.send_all(command, deadline_);
  return read_reply();
}

std::string RedisConnection::read_reply() {
  const std::string line = read_line();
  const std::string rest = line.substr(1);
  if (line[0] != '$' && line[0] != '*') return rest;
  const long size = std::stol(rest);
  if (size < 0) return "";
  if (line[0] == '$') {
    std::string text = read_bytes(static_cast<std::size_t>(size) + 2);
    text.resize(text.size() - 2);
    return text;
  }
  std::string all;
  for (long element = 0; element < size; ++element) {
    all += (element == 0 ? "" : "\n") + read_reply();
  }
  return all;
}

std::string RedisConnection::read_line() {
  while (received_.find("\r\n") == std::string::npos) read_more();
  const std::size_t end = received_.find("\r\n");
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 2);
  if (line.empty()) throw SocketError("an empty line is no reply");
  return line;
}

std::string RedisConnection::read_bytes(std::size_t size) {
  while (received_.size() < size) read_more();
  std::string bytes = received_.substr(0, size);
  received_.erase(0, size);
  return bytes;
}

void RedisConnection::read_more() {
  std::array<char, 16384> piece;
  const std::size_t size = socket_.receive(piece.data(), piece.size(), deadline_);
  if (size == 0) throw UnexpectedEnd("the server closed the connection");
  received_.append(piece.data(), size);
}

}  // namespace bonedry::test
