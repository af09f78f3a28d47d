#include "admin/admin_connection.h"

#include "admin/command_line.h"
#include "admin/printable.h"
#include "admin/user_name.h"
#include "proxy/base/duration.h"
#include "proxy/base/file.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace bonedry::admin {
namespace {

bool is_transient(int error) {
  return error == EAGAIN || error == EINTR;
}

}  // namespace

void turn_away(int fd, std::string_view why) {
  const std::string error = error_line(why);
  (void)::send(fd, error.data(), error.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // Closing a Unix socket with unread bytes resets the client's connection (unix(7) does not say
  // so). So the client is kept from sending more, and what it has sent is read.
  ::shutdown(fd, SHUT_RD);
  std::array<char, kMaxLineBytes> line;  // NOLINT: filled by recv
  while (::recv(fd, line.data(), line.size(), MSG_DONTWAIT) > 0) {
  }
}

AdminConnection::AdminConnection(io::EventLoop& loop, UniqueFd fd, Commands& commands,
                                 const AdminLimits& limits,
                                 std::function<void(AdminConnection&)> closed)
    : fd_(std::move(fd)),
      commands_(commands),
      limits_(limits),
      closed_(std::move(closed)),
      deadline_(loop.timers(), [this] { on_deadline(); }),
      go_on_(loop, [this] { go_on(); }) {
  watcher_.emplace(loop, fd_.get(), static_cast<io::FdWatcher::Handler&>(*this));
  enter(State::reading, limits.io_timeout);
}

void AdminConnection::fail(std::string_view why) {
  write(task_ ? task_->error_text(why) : error_line(why));
  finish();
}

void AdminConnection::stop(std::string_view why) {
  write(task_ ? task_->error_text(why) : error_line(why));
  close();
}

void AdminConnection::on_deadline() {
  if (state_ == State::reading && !task_) {
    return fail("no command received within " + format_duration(limits_.io_timeout));
  }
  close();
}

access::Peer AdminConnection::peer() const {
  const std::optional<uid_t> user = peer_user(fd_.get());
  const bool owner = user && (*user == 0 || *user == ::geteuid());
  return owner ? access::Peer::owner : access::Peer::other;
}

std::string AdminConnection::user_name() const {
  return peer_name(fd_.get());
}

void AdminConnection::write(std::string_view lines) {
  if (!is_open()) return;
  if (unsent_.size() > limits_.max_unsent_bytes) {
    spdlog::warn("admin: a client does not read its response; closing the connection");
    return close();
  }
  unsent_ += lines;
  flush();
}

void AdminConnection::finish() {
  if (!is_open()) return;
  enter(State::flushing, limits_.io_timeout);
  flush();
}

void AdminConnection::call_when_sent() {
  if (state_ != State::running) return;
  enter(State::sending, limits_.io_timeout);
  flush();
}

void AdminConnection::read_line(Millis time_limit) {
  if (state_ != State::running) return;
  if (input_ == Input::ended && received_.empty()) return finish();
  enter(State::reading, time_limit);
  if (has_line()) go_on_.schedule();
}

void AdminConnection::go_on() {
  if (state_ == State::sending && unsent_.empty()) {
    enter(State::running, std::nullopt);
    task_->on_sent();
  } else if (state_ == State::reading && has_line()) {
    run_line();
  }
}

void AdminConnection::on_ready(io::Ready ready) {
  if (has(ready, io::Ready::read) && input_ == Input::open) {
    read_some();
  } else if (has(ready, io::Ready::write) && !unsent_.empty()) {
    flush();
  } else {
    close();  // after the end of input, only a hang-up is still watched
  }
  update_interest();
}

void AdminConnection::on_watch_failed(int error) {
  spdlog::warn("admin: a client was rejected: cannot watch its connection: {}", errno_text(error));
  if (!is_open() || !unsent_.empty()) return close();
  watcher_.reset();
  turn_away(fd_.get(), "bonedry is out of resources: " + errno_text(error));
  ::shutdown(fd_.get(), SHUT_WR);
  enter(State::lingering, limits_.linger);  // what the client still sends is not read
}

void AdminConnection::read_some() {
  std::array<char, kMaxLineBytes> buffer;  // NOLINT: filled by recv
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count > 0) return take({buffer.data(), static_cast<std::size_t>(count)});
  if (count == 0) return on_input_end();
  if (!is_transient(errno)) close();
}

void AdminConnection::take(std::string_view bytes) {
  if (!is_open() || is_full()) return;
  received_ += bytes;
  if (state_ == State::reading && has_line()) run_line();
}

bool AdminConnection::has_line() const {
  return received_.find('\n') != std::string::npos || is_full() ||
         (input_ == Input::ended && !received_.empty());
}

void AdminConnection::on_input_end() {
  input_ = Input::ended;
  if (state_ == State::lingering || (state_ == State::reading && received_.empty())) {
    return close();
  }
  update_interest();
  if (state_ == State::reading) run_line();
}

void AdminConnection::run_line() {
  const std::size_t end = std::min(received_.find('\n'), received_.size());
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  if (line.size() > kMaxLineBytes) {
    const std::string why = "a command has at most " + std::to_string(kMaxLineBytes) + " bytes";
    write(task_ ? task_->error_text(why) : Commands::error_for_line(line, why));
    return finish();
  }
  // No time-out: from here on the client waits for us.
  enter(State::running, std::nullopt);
  if (task_) return task_->on_line(line);
  task_ = commands_.run(line, *this);
}

void AdminConnection::flush() {
  if (!unsent_.empty()) {
    const ssize_t count =
        ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && !is_transient(errno)) return close();
    if (count > 0) {
      unsent_.erase(0, static_cast<std::size_t>(count));
      const bool timed = state_ == State::sending || state_ == State::flushing;
      if (timed) enter(state_, limits_.io_timeout);
    }
  }
  update_interest();
  if (unsent_.empty()) on_flushed();
}

void AdminConnection::on_flushed() {
  if (state_ == State::sending) return go_on_.schedule();
  if (state_ != State::flushing) return;
  if (input_ == Input::ended) return close();
  // Closing now would give a client that is still sending an error.
  ::shutdown(fd_.get(), SHUT_WR);
  enter(State::lingering, limits_.linger);
}

void AdminConnection::close() {
  if (state_ == State::closed) return;
  enter(State::closed, std::nullopt);
  watcher_.reset();
  fd_.reset();
  closed_(*this);
}

void AdminConnection::update_interest() {
  if (!watcher_) return;
  // After the end of input the socket stays readable forever; epoll reports a hang-up anyway.
  // While a line runs, what comes after it waits in the socket.
  const bool reads = input_ == Input::open && !(is_open() && is_full());
  const io::Ready read = reads ? io::Ready::read : io::Ready::errors;
  watcher_->want(unsent_.empty() ? read : read | io::Ready::write);
}

void AdminConnection::enter(State state, std::optional<Millis> time_limit) {
  state_ = state;
  deadline_.disarm();
  if (time_limit) deadline_.arm(*time_limit);
  update_interest();
}

}  // namespace bonedry::admin
