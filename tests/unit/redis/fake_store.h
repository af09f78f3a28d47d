#pragma once

#include "proxy/redis/commands.h"
#include "tests/support/socket.h"
#include "tests/unit/redis/sound_info.h"

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace bonedry::redis {

/// A connection of the scripted server; its calls block.
class FakeConnection {
 public:
  explicit FakeConnection(bonedry::test::Socket socket) : socket_(std::move(socket)) {}

  /// The next command. Throws SocketError when the client closes.
  Words receive() {
    Words words(length('*'));
    for (std::string& word : words) {
      const std::size_t size = length('$');
      while (received_.size() < size + 2) read_more();
      word = received_.substr(0, size);
      received_.erase(0, size + 2);
    }
    return words;
  }
  void send(const std::string& bytes) { socket_.send_all(bytes); }
  /// Each byte on its own, as far as the network allows.
  void send_slowly(const std::string& bytes) {
    for (const char byte : bytes) {
      send(std::string(1, byte));
      std::this_thread::yield();
    }
  }
  void answer_greeting(const std::string& info = sound_info()) {
    receive();
    receive();
    send(text(info) + "+PONG\r\n");
  }
  /// Reads, and answers nothing, until the client closes.
  void fall_silent() {
    for (;;) receive();
  }
  void close() { socket_.close(); }

  static std::string text(const std::string& value) {
    return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  }

 private:
  std::size_t length(char kind) {
    std::size_t end = 0;
    while ((end = received_.find("\r\n")) == std::string::npos) read_more();
    if (received_.front() != kind) throw bonedry::test::SocketError("the client sends no command");
    const std::size_t value = std::stoul(received_.substr(1, end - 1));
    received_.erase(0, end + 2);
    return value;
  }
  void read_more() {
    std::array<char, 65536> piece;
    const std::size_t size = socket_.receive(piece.data(), piece.size());
    if (size == 0) throw bonedry::test::UnexpectedEnd("the client has closed");
    received_.append(piece.data(), size);
  }

  bonedry::test::Socket socket_;
  std::string received_;
};

/// A server that says what a test wants, on a thread of its own, to one connection after the other.
class FakeStore {
 public:
  using Script = std::function<void(FakeConnection&)>;

  explicit FakeStore(Script script) : script_(std::move(script)) {
    port_.open();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeStore() {
    ending_ = true;
    port_.refuse();
    thread_.join();
    port_.close();
  }
  FakeStore(const FakeStore&) = delete;
  FakeStore& operator=(const FakeStore&) = delete;

  [[nodiscard]] const std::string& address() const { return port_.address(); }
  [[nodiscard]] std::string url() const { return "redis://" + port_.address(); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (!ending_) {
      bonedry::test::Socket socket = port_.accept(bonedry::test::kDeadline);
      if (!socket.is_open()) continue;
      ++connections_;
      FakeConnection connection(std::move(socket));
      try {
        script_(connection);
      } catch (const bonedry::test::SocketError&) {
        // the client has closed
      }
    }
  }

  const Script script_;
  bonedry::test::ListeningPort port_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace bonedry::redis
