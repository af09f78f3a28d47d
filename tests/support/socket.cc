#include "tests/support/socket.h"

#include "tests/support/socket_calls.h"
#include "tests/support/tls_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bonedry::test {
namespace {

sockaddr_in parse_address(const std::string& address) {
  const auto colon = address.rfind(':');
  sockaddr_in out{};
  out.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &out.sin_addr) != 1) {
    throw std::invalid_argument("not an IPv4 address with a port: " + address);
  }
  out.sin_port = htons(static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1))));
  return out;
}

void finish_connect(int fd, int result, const std::string& where, Millis deadline) {
  if (result == 0) return;
  if (errno != EINPROGRESS) throw_socket_error("connect to " + where, errno);
  if (!wait_ready(fd, POLLOUT, TestClock::now() + deadline)) {
    throw TimedOut("connect to " + where + " timed out");
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) throw_socket_error("connect to " + where, error);
}

int checked(int fd, const char* what) {
  if (fd < 0) throw_socket_error(what, errno);
  return fd;
}

void set_option(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0)
    throw_socket_error("setsockopt", errno);
}

}  // namespace

Socket::Socket() = default;

Socket::Socket(int fd) : fd_(fd) {
  if (fd_ < 0) return;
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

Socket::~Socket() {
  close();
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    tls_ = std::move(other.tls_);
  }
  return *this;
}

Socket Socket::connect_tcp(const std::string& address, Millis deadline) {
  const sockaddr_in to = parse_address(address);
  Socket socket{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  set_option(socket.fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  const int result = ::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  finish_connect(socket.fd_, result, address, deadline);
  return socket;
}

Socket Socket::connect_unix(const std::string& path, Millis deadline) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) throw std::invalid_argument("socket path too long");
  path.copy(to.sun_path, path.size());
  const TestTime until = TestClock::now() + deadline;
  for (;;) {
    Socket socket{checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
    const int result = ::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (result == 0) return socket;
    // connect to a Unix socket with a full queue fails with EAGAIN, and poll cannot wait for room.
    if (errno != EAGAIN || TestClock::now() > until)
      throw_socket_error("connect to " + path, errno);
    std::this_thread::sleep_for(Millis{2});
  }
}

void Socket::start_tls(const TlsClient& client, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  tls_ = std::make_unique<TlsStream>(fd_, make_context(client));
  tls_->connect(client, until);
}

void Socket::accept_tls(const TlsServer& server, Millis deadline) {
  accept_tls(make_context(server), deadline);
}

void Socket::accept_tls(const TlsContext& server, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  tls_ = std::make_unique<TlsStream>(fd_, server);
  tls_->accept(until);
}

void Socket::send_all(std::string_view bytes, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  if (tls_) return tls_->send_all(bytes, until);
  while (!bytes.empty()) {
    bytes.remove_prefix(send_now(bytes));
    if (!bytes.empty() && !wait_ready(fd_, POLLOUT, until)) throw TimedOut("send timed out");
  }
}

std::size_t Socket::send_now(std::string_view bytes) {
  if (tls_) return tls_->send_now(bytes);
  for (;;) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) throw_socket_error("send", errno);
  }
}

std::size_t Socket::receive(char* buffer, std::size_t size, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  if (tls_) return tls_->receive(buffer, size, until);
  for (;;) {
    const ssize_t got = ::recv(fd_, buffer, size, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_socket_error("recv", errno);
    if (!wait_ready(fd_, POLLIN, until)) throw TimedOut("nothing to read in time");
  }
}

std::string Socket::receive_all(Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  std::string all;
  char buffer[16384];
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - TestClock::now());
    const std::size_t got = receive(buffer, sizeof buffer, left);
    if (got == 0) return all;
    all.append(buffer, got);
  }
}

bool Socket::wait_readable(Millis deadline) const {
  const TestTime until = TestClock::now() + deadline;
  return tls_ ? tls_->wait_readable(until) : wait_ready(fd_, POLLIN, until);
}

bool Socket::wait_writable(Millis deadline) const {
  const TestTime until = TestClock::now() + deadline;
  return tls_ ? tls_->wait_writable(until) : wait_ready(fd_, POLLOUT, until);
}

void Socket::finish_sending() {
  if (tls_) tls_->finish_sending(TestClock::now() + kDeadline);
  ::shutdown(fd_, SHUT_WR);
}

void Socket::cut() {
  if (tls_) tls_->forbid_close_notify();
  ::shutdown(fd_, SHUT_WR);
}

void Socket::shut_down() {
  ::shutdown(fd_, SHUT_RDWR);
}

void Socket::reset() {
  reset_at_close();
  close();
}

void Socket::reset_at_close() {
  if (tls_) tls_->forbid_close_notify();
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Socket::abort() {
  // Connecting to AF_UNSPEC dissolves the connection with a RST, without a FIN before.
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  // Not through the C library's function: ThreadSanitizer treats that as a write to the descriptor,
  // which another thread may be reading from.
  ::syscall(SYS_connect, fd_, &nobody, sizeof nobody);
}

void Socket::close() {
  if (tls_) tls_->close();
  tls_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Socket::limit_receive_buffer(int bytes) {
  set_option(fd_, SOL_SOCKET, SO_RCVBUF, bytes);
}

std::string Socket::tls_version() const {
  return tls_ ? tls_->version() : "";
}

std::string Socket::cipher() const {
  return tls_ ? tls_->cipher() : "";
}

std::string Socket::alpn() const {
  return tls_ ? tls_->alpn() : "";
}

std::string Socket::server_name() const {
  return tls_ ? tls_->server_name() : "";
}

std::string Socket::peer_certificate() const {
  return tls_ ? tls_->peer_certificate() : "";
}

bool Socket::session_reused() const {
  return tls_ && tls_->session_reused();
}

TlsSession Socket::take_session() const {
  return tls_ ? tls_->session() : nullptr;
}

ListeningPort::ListeningPort() : holder_(make_bound_socket()) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(holder_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    throw_socket_error("getsockname", errno);
  }
  port_ = ntohs(bound.sin_port);
  address_ = "127.0.0.1:" + std::to_string(port_);
}

ListeningPort::~ListeningPort() {
  close();
  ::close(holder_);
}

int ListeningPort::make_bound_socket() const {
  const int fd =
      checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sin_port = htons(port_);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    throw_socket_error("bind", errno);
  return fd;
}

void ListeningPort::open(int backlog) {
  if (listening_ >= 0) return;
  listening_ = make_bound_socket();
  if (::listen(listening_, backlog) != 0) throw_socket_error("listen", errno);
}

void ListeningPort::refuse() {
  if (listening_ >= 0) ::shutdown(listening_, SHUT_RDWR);
}

void ListeningPort::close() {
  if (listening_ >= 0) ::close(std::exchange(listening_, -1));
}

Socket ListeningPort::accept(Millis deadline) {
  if (!wait_ready(listening_, POLLIN, TestClock::now() + deadline)) return {};
  const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return {};
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return Socket{fd};
}

SilentPort::SilentPort() {
  // A backlog of 0 holds one connection; the SYN of the second and of all later ones is dropped.
  port_.open(0);
  first_ = Socket::connect_tcp(port_.address());
  try {
    second_ = Socket::connect_tcp(port_.address(), Millis{50});
  } catch (const TimedOut&) {
    return;  // full already
  }
}

}  // namespace bonedry::test
