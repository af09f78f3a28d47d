#include "admin/admin_server.h"

#include "admin/printable.h"
#include "proxy/base/file.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

/// How exactly time limits of clients are kept, in milliseconds.
constexpr std::uint64_t kTickMs = 250;
/// Clients accepted at a time, so that a burst leaves the loop some time for everything else.
constexpr int kAcceptBatch = 32;
/// Clients over the limit that may stay to read that they are; later ones are only told.
constexpr std::size_t kTurnedAway = 64;
constexpr std::string_view kTooMany = "too many admin connections";

template <class Handle>
uv_handle_t* generic(Handle& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

AdminServer::AdminServer(uv_loop_t* loop, std::string path, ControlPlane& control, EventLog& events,
                         const Clock& clock, const AdminLimits& limits)
    : loop_(loop), path_(std::move(path)), commands_(control, events, clock), limits_(limits) {}

AdminServer::~AdminServer() {
  assert(handles_ == 0 && connections_.empty());
}

Outcome AdminServer::listen() {
  auto socket = SocketFile::listen(path_);
  if (!socket) return Failure{socket.error()};
  return listen(std::move(*socket));
}

Outcome AdminServer::listen(SocketFile socket) {
  if (const int error = uv_poll_init(loop_, &poll_, socket.fd()); error != 0) {
    return Failure{"cannot watch the admin socket " + path_ + ": " + uv_strerror(error)};
  }
  socket_.emplace(std::move(socket));
  uv_timer_init(loop_, &timer_);
  poll_.data = timer_.data = this;
  handles_ = 2;
  uv_poll_start(&poll_, UV_READABLE, on_acceptable);
  uv_timer_start(&timer_, on_tick, kTickMs, kTickMs);
  return Done{};
}

void AdminServer::send_away(std::string_view why) {
  for (const auto& [connection, owned] : connections_) connection->dismiss(why);
}

void AdminServer::close(std::function<void()> closed, std::string_view why) {
  closed_ = std::move(closed);
  if (socket_) {
    uv_close(generic(poll_), on_handle_closed);
    uv_close(generic(timer_), on_handle_closed);
    socket_.reset();
  }
  for (const auto& [connection, owned] : connections_) connection->stop(why);
  report_if_closed();
}

void AdminServer::on_acceptable(uv_poll_t* poll, int status, int /*events*/) {
  auto* self = static_cast<AdminServer*>(poll->data);
  if (status < 0) return;
  for (int i = 0; i < kAcceptBatch; ++i) {
    if (!self->accept_one()) return;
  }
}

void AdminServer::on_tick(uv_timer_t* timer) {
  auto* self = static_cast<AdminServer*>(timer->data);
  for (const auto& [connection, owned] : self->connections_) connection->on_tick();
  if (uv_is_active(generic(self->poll_)) != 0) return;
  uv_poll_start(&self->poll_, UV_READABLE, on_acceptable);  // it was paused
}

void AdminServer::on_handle_closed(uv_handle_t* handle) {
  auto* self = static_cast<AdminServer*>(handle->data);
  --self->handles_;
  self->report_if_closed();
}

bool AdminServer::accept_one() {
  UniqueFd fd(::accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.is_open()) {
    admit(std::move(fd));
    return true;
  }
  if (errno == ECONNABORTED || errno == EINTR) return true;
  if (errno != EAGAIN) {
    // Out of file descriptors or memory. The client stays in the queue, so polling on would spin.
    spdlog::warn("admin: cannot accept a client: {}", errno_text(errno));
    uv_poll_stop(&poll_);
  }
  return false;
}

void AdminServer::admit(UniqueFd fd) {
  const int raw = fd.get();
  if (connections_.size() >= limits_.connections + kTurnedAway) {
    const std::string answer = error_line(kTooMany);
    (void)::send(raw, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  auto connection =
      AdminConnection::open(loop_, std::move(fd), commands_, limits_,
                            [this](AdminConnection& closed) { on_connection_closed(closed); });
  if (!connection) return spdlog::warn("admin: cannot watch a client");
  AdminConnection& admitted = *connection;
  connections_.emplace(&admitted, std::move(connection));
  if (connections_.size() > limits_.connections) admitted.refuse(kTooMany);
}

void AdminServer::on_connection_closed(AdminConnection& connection) {
  connections_.erase(&connection);
  report_if_closed();
}

void AdminServer::report_if_closed() {
  if (!closed_ || handles_ > 0 || !connections_.empty()) return;
  std::exchange(closed_, nullptr)();
}

}  // namespace bonedry::admin
