#include "admin/admin_connection.h"

#include "admin/command_line.h"
#include "admin/haproxy_words.h"
#include "admin/printable.h"
#include "admin/user_name.h"
#include "proxy/base/duration.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bonedry::admin {
namespace {

bool is_passing(int error) {
  return error == EAGAIN || error == EINTR;
}

}  // namespace

std::unique_ptr<AdminConnection> AdminConnection::open(
    uv_loop_t* loop, UniqueFd fd, Commands& commands, const AdminLimits& limits,
    std::function<void(AdminConnection&)> closed) {
  std::unique_ptr<AdminConnection> connection(
      new AdminConnection(loop, std::move(fd), commands, limits, std::move(closed)));
  if (uv_poll_init(loop, &connection->poll_, connection->fd_.get()) != 0) return nullptr;
  connection->poll_.data = connection.get();
  connection->enter(State::reading, limits.silence);
  return connection;
}

AdminConnection::AdminConnection(uv_loop_t* loop, UniqueFd fd, Commands& commands,
                                 const AdminLimits& limits,
                                 std::function<void(AdminConnection&)> closed)
    : loop_(loop),
      fd_(std::move(fd)),
      commands_(commands),
      limits_(limits),
      closed_(std::move(closed)) {}

void AdminConnection::refuse(std::string_view why) {
  say(error_line(why));
  finish();
}

void AdminConnection::stop(std::string_view why) {
  if (state_ == State::reading || state_ == State::running) say(error_line(why));
  close();
}

void AdminConnection::on_tick() {
  if (!deadline_ms_ || loop_ms() < *deadline_ms_) return;
  if (state_ == State::reading) {
    return refuse("no command came within " + format_duration(limits_.silence));
  }
  close();
}

std::string AdminConnection::name() const {
  return peer_name(fd_.get());
}

void AdminConnection::say(std::string_view lines) {
  if (state_ != State::reading && state_ != State::running) return;
  if (unsent_.size() > limits_.backlog_bytes) {
    spdlog::warn("admin: a client does not read what it asked for, and is dropped");
    return close();
  }
  unsent_ += lines;
  flush();
}

void AdminConnection::finish() {
  if (state_ != State::reading && state_ != State::running) return;
  enter(State::flushing, limits_.silence);
  flush();
}

void AdminConnection::on_poll(uv_poll_t* poll, int status, int events) {
  auto* self = static_cast<AdminConnection*>(poll->data);
  if (status < 0) return self->close();
  if ((events & UV_READABLE) != 0) return self->read_some();
  if ((events & UV_WRITABLE) != 0) return self->flush();
  self->close();  // all that is left to watch for after the end of input: the client hung up
}

void AdminConnection::read_some() {
  std::array<char, kMaxLineBytes> buffer;  // NOLINT: filled by recv
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count > 0) return take({buffer.data(), static_cast<std::size_t>(count)});
  if (count == 0) return on_input_end();
  if (!is_passing(errno)) close();
}

void AdminConnection::take(std::string_view bytes) {
  if (state_ != State::reading) return;  // one line is one command: nothing follows it
  const std::size_t end = bytes.find('\n');
  line_ += bytes.substr(0, end);
  if (end != std::string_view::npos) return run_line();
  // One byte more than a line may have, because the last may be the CR of its end.
  if (line_.size() > kMaxLineBytes + 1) run_line();
}

void AdminConnection::on_input_end() {
  input_ = Input::ended;
  if (state_ == State::lingering || (state_ == State::reading && line_.empty())) return close();
  watch();
  if (state_ == State::reading) run_line();
}

void AdminConnection::run_line() {
  if (line_.ends_with('\r')) line_.pop_back();
  if (line_.size() > kMaxLineBytes) {
    say(refusal_of(line_, "a command has at most " + std::to_string(kMaxLineBytes) + " bytes"));
    return finish();
  }
  // From here on the client waits for us, not we for it.
  enter(State::running, std::nullopt);
  task_ = commands_.run(line_, *this);
}

void AdminConnection::flush() {
  if (!unsent_.empty()) {
    const ssize_t count =
        ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && !is_passing(errno)) return close();
    if (count > 0) {
      unsent_.erase(0, static_cast<std::size_t>(count));
      if (deadline_ms_) enter(state_, limits_.silence);
    }
  }
  watch();
  if (state_ != State::flushing || !unsent_.empty()) return;
  if (input_ == Input::ended) return close();
  // Closing now would turn what the client may still be sending into an error of its own.
  ::shutdown(fd_.get(), SHUT_WR);
  enter(State::lingering, limits_.linger);
}

void AdminConnection::close() {
  if (state_ == State::closing) return;
  enter(State::closing, std::nullopt);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), on_close);
  fd_.reset();  // libuv no longer watches it
}

void AdminConnection::on_close(uv_handle_t* handle) {
  auto* self = static_cast<AdminConnection*>(handle->data);
  self->closed_(*self);
}

void AdminConnection::watch() {
  if (state_ == State::closing) return;
  // After the end of input READABLE would fire for ever. Nobody sends urgent data here, but libuv
  // reports a hang-up to whoever watches for it.
  int events = input_ == Input::open ? UV_READABLE : UV_PRIORITIZED;
  if (!unsent_.empty()) events |= UV_WRITABLE;
  if (events == watched_) return;
  if (uv_poll_start(&poll_, events, on_poll) != 0) return close();
  watched_ = events;
}

void AdminConnection::enter(State state, std::optional<Millis> patience) {
  state_ = state;
  deadline_ms_.reset();
  if (patience) deadline_ms_ = loop_ms() + patience->count();
  watch();
}

std::int64_t AdminConnection::loop_ms() const {
  return static_cast<std::int64_t>(uv_now(loop_));
}

}  // namespace bonedry::admin
