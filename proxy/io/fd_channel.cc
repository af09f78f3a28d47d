#include "proxy/io/fd_channel.h"

#include "proxy/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace bonedry::io {
namespace {

using Stopwatch = std::chrono::steady_clock;

/// Room for one file descriptor, aligned as the kernel requires.
union Control {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

/// Waits until `fd` is ready for `events`. False when the time is over or poll(2) fails.
bool wait_for(int fd, short events, Stopwatch::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - Stopwatch::now());
    if (left.count() <= 0) return false;
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

FdChannel::FdChannel(UniqueFd fd) : fd_(std::move(fd)) {
  ::fcntl(fd_.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
}

Result<std::pair<FdChannel, FdChannel>> FdChannel::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Failure{"cannot create a socket pair: " + errno_text(errno)};
  }
  return std::pair{FdChannel(UniqueFd(ends[0])), FdChannel(UniqueFd(ends[1]))};
}

pid_t FdChannel::maker() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Result<> FdChannel::send(std::string_view text, int fd, Millis time_limit) const {
  const auto until = Stopwatch::now() + time_limit;
  for (;;) {
    const Result<Sent> sent = send_now(text, fd);
    if (!sent) return Failure{sent.error()};
    if (*sent == Sent::yes) return Done{};
    if (!wait_for(fd_.get(), POLLOUT, until)) return Failure{"the other process does not read"};
  }
}

Result<FdChannel::Sent> FdChannel::send_now(std::string_view text, int fd) const {
  std::string bytes(text);
  iovec piece{bytes.data(), bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Sent::no_room;
    return Failure{"cannot write to the other process: " + errno_text(errno)};
  }
  return Sent::yes;
}

FdChannel::Received FdChannel::receive(Message& message) const {
  message.text.resize(kMaxBytes);
  iovec piece{message.text.data(), message.text.size()};
  Control control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    // ECONNRESET is reported once, before the last messages of a peer that ended without reading
    // ours.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Received::nothing : Received::ended;
  if (got == 0) return Received::ended;
  message.text.resize(static_cast<std::size_t>(got));
  message.fd.reset();
  const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof(int));
    message.fd.reset(fd);
  }
  return Received::message;
}

Result<FdChannel::Message> FdChannel::await(Millis time_limit) const {
  const auto until = Stopwatch::now() + time_limit;
  for (;;) {
    Message message;
    switch (receive(message)) {
      case Received::message:
        return message;
      case Received::ended:
        return Failure{std::string("the other process is gone")};
      case Received::nothing:
        break;
    }
    if (!wait_for(fd_.get(), POLLIN, until)) {
      return Failure{std::string("the other process does not answer")};
    }
  }
}

}  // namespace bonedry::io
