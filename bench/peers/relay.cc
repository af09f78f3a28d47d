// The lower bounds of the comparison: bytes copied from one socket to another, without parsing.
//
//   bench-relay copy|splice LISTEN_PORT ORIGIN_PORT

#include "bench/peers/epoll_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::bench {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr int kPipeSize = 1024 * 1024;

enum class Mode : std::uint8_t { copy, splice };

class Pair;

/// One end of a pair, as the loop sees it.
class End final : public Watched {
 public:
  End(EpollLoop& loop, Pair& pair, UniqueFd fd) : loop_(loop), pair_(pair), fd_(std::move(fd)) {
    loop_.add(fd_.get(), EPOLLIN, *this);
  }
  void on_event(std::uint32_t events) override;
  [[nodiscard]] int fd() const { return fd_.get(); }
  void want(std::uint32_t events) {
    if (events != wanted_) loop_.change(fd_.get(), events, *this);
    wanted_ = events;
  }

 private:
  EpollLoop& loop_;
  Pair& pair_;
  UniqueFd fd_;
  std::uint32_t wanted_ = EPOLLIN;
};

/// Bytes of one direction that the destination did not accept immediately.
class Waiting {
 public:
  explicit Waiting(Mode mode) : mode_(mode) {
    if (mode_ == Mode::copy) return;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) fail("pipe2");
    out_ = UniqueFd{ends[0]};
    in_ = UniqueFd{ends[1]};
    fcntl(in_.get(), F_SETPIPE_SZ, kPipeSize);
  }
  [[nodiscard]] bool empty() const { return mode_ == Mode::copy ? rest_.empty() : piped_ == 0; }

  /// Does one read and writes what it can without blocking. False: one end has closed.
  bool move(int from, int to) { return mode_ == Mode::copy ? copy(from, to) : splice(from, to); }

  bool drain(int to) {
    if (mode_ == Mode::splice) return drain_pipe(to);
    const ssize_t sent = ::send(to, rest_.data(), rest_.size(), MSG_NOSIGNAL);
    if (sent < 0) return would_block();
    rest_.erase(0, static_cast<std::size_t>(sent));
    return true;
  }

 private:
  bool copy(int from, int to) {
    static std::array<char, kBuffer> buffer;
    const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
    if (size < 0) return would_block();
    if (size == 0) return false;
    ssize_t sent = ::send(to, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) return false;
    sent = std::max<ssize_t>(sent, 0);
    rest_.assign(buffer.data() + sent, static_cast<std::size_t>(size - sent));
    return true;
  }

  bool splice(int from, int to) {
    const ssize_t size = ::splice(from, nullptr, in_.get(), nullptr, std::size_t{kPipeSize},
                                  SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (size < 0) return would_block();
    if (size == 0) return false;
    piped_ += static_cast<std::size_t>(size);
    return drain_pipe(to);
  }

  bool drain_pipe(int to) {
    const ssize_t sent =
        ::splice(out_.get(), nullptr, to, nullptr, piped_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent < 0) return would_block();
    piped_ -= static_cast<std::size_t>(sent);
    return true;
  }

  Mode mode_;
  std::string rest_;
  UniqueFd in_;
  UniqueFd out_;
  std::size_t piped_ = 0;
};

class Pair {
 public:
  Pair(EpollLoop& loop, Mode mode, UniqueFd client, UniqueFd origin)
      : client_(loop, *this, std::move(client)),
        origin_(loop, *this, std::move(origin)),
        up_(mode),
        down_(mode) {}
  [[nodiscard]] bool over() const { return over_; }

  void on_event(End& end, std::uint32_t events) {
    if (over_) return;
    End& other = &end == &client_ ? origin_ : client_;
    Waiting& from = &end == &client_ ? up_ : down_;
    Waiting& towards = &end == &client_ ? down_ : up_;
    if ((events & EPOLLOUT) != 0 && !towards.empty()) over_ = !towards.drain(end.fd());
    const bool readable = (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0;
    if (!over_ && readable && from.empty()) over_ = !from.move(end.fd(), other.fd());
    if (over_) {  // the descriptors close with the pair, at the end of the iteration
      end.want(0);
      return other.want(0);
    }
    end.want((from.empty() ? EPOLLIN : 0U) | (towards.empty() ? 0U : EPOLLOUT));
    other.want((towards.empty() ? EPOLLIN : 0U) | (from.empty() ? 0U : EPOLLOUT));
  }

 private:
  End client_;
  End origin_;
  Waiting up_;
  Waiting down_;
  bool over_ = false;
};

void End::on_event(std::uint32_t events) {
  pair_.on_event(*this, events);
}

class Relay final : public Watched {
 public:
  Relay(EpollLoop& loop, Mode mode, std::uint16_t port, std::uint16_t origin)
      : loop_(loop), mode_(mode), fd_(listen_on(port)), origin_(any_address(origin)) {
    origin_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    loop_.add(fd_.get(), EPOLLIN, *this);
  }
  void on_event(std::uint32_t) override {
    for (UniqueFd client = accept_from(fd_); client.is_open(); client = accept_from(fd_)) {
      UniqueFd origin{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      const int on = 1;
      setsockopt(origin.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      // On loopback it is connected on return, and bytes sent before that wait in the socket.
      (void)::connect(origin.get(), reinterpret_cast<const sockaddr*>(&origin_), sizeof(origin_));
      pairs_.push_back(std::make_unique<Pair>(loop_, mode_, std::move(client), std::move(origin)));
    }
  }
  void sweep() {
    std::erase_if(pairs_, [](const auto& pair) { return pair->over(); });
  }

 private:
  EpollLoop& loop_;
  Mode mode_;
  UniqueFd fd_;
  sockaddr_in origin_;
  std::vector<std::unique_ptr<Pair>> pairs_;
};

}  // namespace
}  // namespace bonedry::bench

int main(int count, char** arguments) {
  using namespace bonedry::bench;
  if (count != 4) {
    std::cerr << "usage: bench-relay copy|splice LISTEN_PORT ORIGIN_PORT\n";
    return 2;
  }
  try {
    std::signal(SIGPIPE, SIG_IGN);
    EpollLoop loop;
    const Mode mode = std::string_view(arguments[1]) == "splice" ? Mode::splice : Mode::copy;
    const auto port = [arguments](int i) {
      return static_cast<std::uint16_t>(std::stoul(arguments[i]));
    };
    Relay relay(loop, mode, port(2), port(3));
    std::size_t rounds = 0;
    loop.run([&] {
      if (++rounds % 64 == 0) relay.sweep();
    });
  } catch (const std::exception& error) {
    std::cerr << "bench-relay: " << error.what() << '\n';
    return 1;
  }
}
