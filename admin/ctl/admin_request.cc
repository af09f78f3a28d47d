#include "admin/ctl/admin_request.h"

#include "admin/access/token_word.h"
#include "admin/command_table.h"
#include "admin/printable.h"
#include "proxy/base/duration.h"
#include "proxy/base/file.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bonedry::ctl {
namespace {

/// Limit for a response. Changes are complete when all workers have acknowledged: milliseconds.
constexpr Millis kResponseTimeout = std::chrono::seconds{30};

std::string hint(int error) {
  switch (error) {
    case ENOENT:
      return "; is bonedry running, and is this its admin socket? Use --socket PATH or "
             "$BONEDRY_SOCKET for another one";
    case ECONNREFUSED:
      return "; bonedry is not running";
    case EACCES:
    case EPERM:
      return "; only root and members of the socket's group have access";
    case EAGAIN:
      return "; bonedry does not accept connections, it may hang or be overloaded";
    default:
      return "";
  }
}

Failure<std::string> unreachable(const std::string& socket, int error) {
  return Failure{"cannot reach bonedry at " + admin::printable(socket) + ": " + errno_text(error) +
                 hint(error)};
}

}  // namespace

Result<AdminRequest> AdminRequest::start(const ProxyAddress& proxy, const std::string& line,
                                         Millis timeout) {
  const std::string& socket = proxy.socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return unreachable(socket, ENAMETOOLONG);
  std::memcpy(address.sun_path, socket.data(), socket.size());

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{timeout.count() / 1000, timeout.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return unreachable(socket, errno);
  }
  // Errors are ignored: a proxy that turned us away has sent the reason, although it no longer
  // reads.
  const std::string sent = admin::access::with_token(proxy.token, line) + "\n";
  (void)::send(fd.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
  return AdminRequest(std::move(fd));
}

AdminRequest::State AdminRequest::advance() {
  std::array<char, 65536> buffer;  // NOLINT: filled by recv
  for (std::size_t read = 0; read < kReadAtOnce;) {
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return State::receiving;
    if (count <= 0) return response_.ends_with('\n') ? State::complete : State::lost;
    response_.append(buffer.data(), static_cast<std::size_t>(count));
    read += static_cast<std::size_t>(count);
    if (response_.size() > kMaxBytes) return State::lost;
  }
  return State::receiving;
}

std::string AdminRequest::take_lines() {
  const std::size_t end = response_.rfind('\n');
  if (end == std::string::npos) return "";
  std::string lines = response_.substr(0, end + 1);
  response_.erase(0, end + 1);
  return lines;
}

bool is_error(std::string_view response) {
  return response.starts_with("error: ");
}

std::string error_text(std::string_view response) {
  if (is_error(response)) response.remove_prefix(std::string_view("error: ").size());
  while (response.ends_with('\n')) response.remove_suffix(1);
  return admin::printable(response);
}

bool is_retryable(std::string_view response) {
  return response == admin::error_line(admin::kStopping) ||
         response == admin::error_line(admin::kTakenOver);
}

bool is_final(std::string_view response) {
  // Of CommandTable, access::Rights and access::Tokens: a proxy gives no codes.
  return response.starts_with("error: unknown command '") ||
         response.starts_with("error: wrong token") ||
         response.find(" needs a token; ") != std::string_view::npos ||
         (response.starts_with("error: token '") &&
          response.find("' may not ") != std::string_view::npos);
}

Result<std::string> ask(const ProxyAddress& proxy, const std::string& line) {
  const std::string& socket = proxy.socket;
  auto call = AdminRequest::start(proxy, line);
  if (!call) return Failure{call.error()};
  const SystemClock clock;
  const Instant until = clock.now() + kResponseTimeout;
  while (true) {
    const Millis left = until - clock.now();
    pollfd watched{call->fd(), POLLIN, 0};
    if (left <= Millis{0} || ::poll(&watched, 1, static_cast<int>(left.count())) == 0) {
      return Failure{"bonedry at " + admin::printable(socket) + " did not answer within " +
                     format_duration(kResponseTimeout)};
    }
    const AdminRequest::State state = call->advance();
    if (state == AdminRequest::State::receiving) continue;
    if (state == AdminRequest::State::complete && !is_retryable(call->response()))
      return call->response();
    return Failure{"bonedry at " + admin::printable(socket) +
                   " stopped or was upgraded before it answered; try again"};
  }
}

}  // namespace bonedry::ctl
