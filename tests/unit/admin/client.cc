#include "tests/unit/admin/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bonedry::admin::test {

Client::Client(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    fd_ = std::move(fd);
  }
}

bool Client::send(std::string_view bytes) {
  const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return count == static_cast<ssize_t>(bytes.size());
}

void Client::end_input() {
  ::shutdown(fd_.get(), SHUT_WR);
}

bool Client::ended() {
  std::array<char, 65536> buffer{};
  while (end_ == End::none) {
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
      answer_.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0) {
      end_ = End::orderly;
    } else if (errno == EAGAIN) {
      return false;
    } else {
      end_ = End::reset;
    }
  }
  return true;
}

}  // namespace bonedry::admin::test
