#include "proxy/io/socket.h"

#include "proxy/base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace bonedry::io {
namespace {

// More slices than one read produces; the rest goes with the next call.
constexpr std::size_t kVectors = 64;
constexpr unsigned kSpliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

/// Whether an errno of splice(2) means that it is not supported here.
bool is_refusal(int error) {
  return error == EINVAL || error == ENOSYS || error == EPERM || error == EOPNOTSUPP;
}

using Octets = std::array<std::uint8_t, 4>;

/// Such as "192.0.2.1". Runs for each connection, so it avoids inet_ntop, which uses snprintf.
std::string dotted(const Octets& octets) {
  std::array<char, INET_ADDRSTRLEN> text{};
  char* end = text.data();
  for (const std::uint8_t octet : octets) {
    if (end != text.data()) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), octet).ptr;
  }
  return {text.data(), end};
}

// These system calls run for every exchange. Their functions in the C library are cancellation
// points, which cost a multi-threaded process two atomic operations per call.

ssize_t receive(int fd, std::span<char> into) {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}

/// A single piece, such as a small message, costs less without an iovec array.
ssize_t send(int fd, std::span<iovec> vectors, int flags) {
  if (vectors.size() == 1) {
    return ::syscall(SYS_sendto, fd, vectors.front().iov_base, vectors.front().iov_len, flags,
                     nullptr, 0);
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  return ::syscall(SYS_sendmsg, fd, &message, flags);
}

}  // namespace

Result<SocketAddress> make_address(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
    return address;
  }
  return Failure{"\"" + host + "\" is not a numeric IP address"};
}

Result<SocketAddress> make_unix_address(const std::string& path) {
  SocketAddress address;
  auto* const local = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof(local->sun_path)) {
    return Failure{"\"" + path + "\" is not a path that a Unix socket can have"};
  }
  local->sun_family = AF_UNIX;
  std::ranges::copy(path, &local->sun_path[0]);
  address.size = sizeof(sockaddr_un);
  return address;
}

std::string host_text(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return dotted(std::bit_cast<Octets>(v4->sin_addr.s_addr));
  }
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    Octets octets{};
    std::copy_n(&v6->sin6_addr.s6_addr[12], octets.size(), octets.begin());
    return dotted(octets);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return text.data();
}

std::uint16_t port_of(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
}

Endpoint endpoint_of(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return {mapped(std::bit_cast<Octets>(v4->sin_addr.s_addr)), port_of(address)};
  }
  Endpoint endpoint;
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  std::copy_n(&v6->sin6_addr.s6_addr[0], endpoint.address.bytes.size(),
              endpoint.address.bytes.begin());
  endpoint.port = port_of(address);
  return endpoint;
}

/// Converts the return value of a system call that reads.
ReadResult Socket::to_read_result(ssize_t size) {
  if (size > 0) return {IoStatus::done, static_cast<std::size_t>(size)};
  if (size == 0) return {IoStatus::closed, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::would_block, 0};
  error_ = errno;
  return {IoStatus::failed, 0};
}

ReadResult Socket::read(std::span<char> into) {
  ssize_t size = -1;
  do {
    size = receive(fd_.get(), into);
  } while (size < 0 && errno == EINTR);
  ReadResult result = to_read_result(size);
  if (result.size < into.size()) result.unread = Unread::none;
  return result;
}

ReadResult Socket::read(Pipe& into, std::size_t max) {
  ssize_t size = -1;
  do {
    size = ::splice(fd_.get(), nullptr, into.in_.get(), nullptr, max, kSpliceFlags);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && is_refusal(errno)) return {IoStatus::refused, 0};
  if (size > 0) into.bytes_ += static_cast<std::size_t>(size);
  return to_read_result(size);
}

IoStatus Socket::write(SliceQueue& queue, Push push) {
  const int flags = push == Push::with_next ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  std::array<iovec, kVectors> vectors;
  while (!queue.empty()) {
    const ssize_t size = send(fd_.get(), {vectors.data(), queue.gather(vectors)}, flags);
    if (size >= 0) {
      queue.consume(static_cast<std::size_t>(size));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoStatus::would_block;
    error_ = errno;
    return IoStatus::failed;
  }
  return IoStatus::done;
}

IoStatus Socket::write(Pipe& pipe) {
  while (pipe.bytes_ > 0) {
    const ssize_t size =
        ::splice(pipe.out_.get(), nullptr, fd_.get(), nullptr, pipe.bytes_, kSpliceFlags);
    if (size > 0) {
      pipe.bytes_ -= static_cast<std::size_t>(size);
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IoStatus::would_block;
    error_ = errno;
    return IoStatus::failed;
  }
  return IoStatus::done;
}

bool Socket::has_unread() const {
  char first = 0;
  return ::recv(fd_.get(), &first, 1, MSG_PEEK) == 1;
}

bool Socket::is_quiet() {
  char first = 0;
  return ::recv(fd_.get(), &first, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EINTR);
}

std::size_t Socket::unacknowledged() const {
  int bytes = 0;
  const bool known = ::ioctl(fd_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
  return known ? static_cast<std::size_t>(bytes) : 0;
}

int Socket::take_error() {
  socklen_t size = sizeof(error_);
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_, &size) != 0) error_ = errno;
  return error_;
}

std::string Socket::error_text() const {
  return errno_text(error_);
}

IoStatus Socket::open() {
  if (take_error() != 0) return IoStatus::failed;
  while (!first_.empty()) {
    const ssize_t size = ::send(fd_.get(), first_.data(), first_.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      first_.erase(0, static_cast<std::size_t>(size));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return IoStatus::would_block;
    } else if (errno != EINTR) {
      error_ = errno;
      return IoStatus::failed;
    }
  }
  return IoStatus::done;
}

Endpoint Socket::local() const {
  SocketAddress address;
  address.size = sizeof(address.storage);
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return endpoint_of(address);
}

void Socket::reset_on_close() {
  const ::linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

bool is_local_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL || error == EAGAIN;
}

std::string shortage_text(int error) {
  const std::string text = errno_text(error);
  switch (error) {
    case EMFILE:
      return text + "; see LimitNOFILE, ulimit -n";
    case ENFILE:
      return text + "; see fs.file-max";
    case ENOSPC:
      return text + "; see fs.epoll.max_user_watches";
    case EADDRNOTAVAIL:
    case EAGAIN:
      return text + "; see net.ipv4.ip_local_port_range";
    default:
      return text;
  }
}

void limit_unacknowledged(int fd, Millis limit) {
  const auto milliseconds = static_cast<unsigned>(limit.count());
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
}

ConnectStart start_connect(const SocketAddress& address) {
  UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return {UniqueFd{}, errno};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd.get(), address.raw(), address.size) != 0 && errno != EINPROGRESS) {
    return {UniqueFd{}, errno};
  }
  return {std::move(fd), 0};
}

}  // namespace bonedry::io
