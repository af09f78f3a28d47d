// The nodes behind every proxy of the comparison: as little work as possible, on one thread.
//
//   bench-origin PORT...     one node per port, identified by the field X-Node
//   GET /b/SIZE              SIZE bytes
//   POST anything            reads the body, responds with 64 bytes

#include "bench/peers/epoll_loop.h"

#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::bench {
namespace {

constexpr std::size_t kBlock = 1024 * 1024;  // long bodies repeat it
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::uint64_t kPlain = 64;

std::uint64_t number_after(std::string_view text, std::string_view mark, std::uint64_t otherwise) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return otherwise;
  const std::string_view digits = text.substr(at + mark.size());
  std::uint64_t value = otherwise;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

class Connection final : public Watched {
 public:
  Connection(EpollLoop& loop, UniqueFd fd, std::string node)
      : loop_(loop), fd_(std::move(fd)), node_(std::move(node)) {
    loop_.add(fd_.get(), EPOLLIN, *this);
  }
  [[nodiscard]] bool closed() const { return !fd_.is_open(); }

  void on_event(std::uint32_t events) override {
    if ((events & EPOLLOUT) != 0 && !send()) return;
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read();
  }

 private:
  void read() {
    static std::array<char, kReadSize> buffer;
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && would_block()) return;
    if (size <= 0) return fd_.reset();
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    while (!bytes.empty()) take(bytes);
  }

  void take(std::string_view& bytes) {
    if (body_left_ > 0) {
      const std::size_t part =
          static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
      bytes.remove_prefix(part);
      body_left_ -= part;
      if (body_left_ == 0) answer(kPlain);
      return;
    }
    request_.append(bytes);
    const std::size_t end = request_.find("\r\n\r\n");
    if (end == std::string::npos) {
      bytes = {};
      return;
    }
    bytes.remove_prefix(bytes.size() - (request_.size() - end - 4));
    const std::string_view head(request_.data(), end);
    body_left_ = number_after(head, "Content-Length: ", 0);
    const std::uint64_t size = number_after(head, "GET /b/", kPlain);
    request_.clear();
    if (body_left_ == 0) answer(size);
  }

  void answer(std::uint64_t size) {
    head_ +=
        "HTTP/1.1 200 OK\r\nX-Node: " + node_ +
        "\r\nContent-Type: application/octet-stream\r\nContent-Length: " + std::to_string(size) +
        "\r\n\r\n";
    left_ += size;
    send();
  }

  bool send() {
    static const std::string block(kBlock, 'x');
    while (!head_.empty() || left_ > 0) {
      const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kBlock));
      std::array<iovec, 2> vectors{
          {{head_.data(), head_.size()}, {const_cast<char*>(block.data()), part}}};
      msghdr message{};
      message.msg_iov = vectors.data();
      message.msg_iovlen = vectors.size();
      const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
      if (sent < 0 && would_block()) break;
      if (sent < 0) {
        fd_.reset();
        return false;
      }
      const std::size_t of_head = std::min(head_.size(), static_cast<std::size_t>(sent));
      head_.erase(0, of_head);
      left_ -= static_cast<std::size_t>(sent) - of_head;
    }
    want(left_ > 0 || !head_.empty() ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return true;
  }

  void want(std::uint32_t events) {
    if (events != wanted_) loop_.change(fd_.get(), events, *this);
    wanted_ = events;
  }

  EpollLoop& loop_;
  UniqueFd fd_;
  const std::string node_;
  std::uint32_t wanted_ = EPOLLIN;
  std::string request_;
  std::uint64_t body_left_ = 0;
  std::string head_;
  std::uint64_t left_ = 0;
};

class Node final : public Watched {
 public:
  Node(EpollLoop& loop, std::uint16_t port, std::vector<std::unique_ptr<Connection>>& connections)
      : loop_(loop), fd_(listen_on(port)), name_(std::to_string(port)), connections_(connections) {
    loop_.add(fd_.get(), EPOLLIN, *this);
  }
  void on_event(std::uint32_t) override {
    for (UniqueFd fd = accept_from(fd_); fd.is_open(); fd = accept_from(fd_)) {
      connections_.push_back(std::make_unique<Connection>(loop_, std::move(fd), name_));
    }
  }

 private:
  EpollLoop& loop_;
  UniqueFd fd_;
  std::string name_;
  std::vector<std::unique_ptr<Connection>>& connections_;
};

}  // namespace
}  // namespace bonedry::bench

int main(int count, char** arguments) {
  using namespace bonedry::bench;
  try {
    EpollLoop loop;
    std::vector<std::unique_ptr<Connection>> connections;
    std::vector<std::unique_ptr<Node>> nodes;
    for (int i = 1; i < count; ++i) {
      nodes.push_back(std::make_unique<Node>(
          loop, static_cast<std::uint16_t>(std::stoul(arguments[i])), connections));
    }
    std::size_t swept = 0;
    loop.run([&] {
      if (connections.size() < 2 * swept + 64) return;
      std::erase_if(connections, [](const auto& connection) { return connection->closed(); });
      swept = connections.size();
    });
  } catch (const std::exception& error) {
    std::cerr << "bench-origin: " << error.what() << '\n';
    return 1;
  }
}
