#pragma once

#include "proxy/base/slice_queue.h"
#include "proxy/io/transport.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::proxy::test {

/// A transport whose peer is the test. Shows that the connection above it handles everything that a
/// transport other than a socket may do: openings in several steps, no pipes, and reads of any
/// size.
class ScriptedTransport final : public io::Transport {
 public:
  /// The results of `open` in turn; after these, `done`.
  std::deque<io::IoStatus> openings;
  int opening_error = 0;
  /// The total number of bytes that `write` takes.
  std::size_t takes_bytes = SIZE_MAX;
  std::string written;
  io::Push last_push = io::Push::now;
  std::size_t reads = 0;
  /// errno of each read from now on; 0: reads work.
  int read_error = 0;
  enum class Side : bool { open, ended } own_side = Side::open;

  /// The peer sends these bytes in one piece. The handler is called as long as it wants reads and
  /// there is something to read. `receive_end` ends the peer's side, with one event.
  void receive(std::string_view bytes) {
    incoming_.emplace_back(bytes);
    tell_readable();
  }
  void receive_end() {
    peer_ = Side::ended;
    if (has(wanted_, io::Ready::read)) handler_->on_ready(io::Ready::read);  // may destroy this
  }
  /// The next read fails.
  void fail(int error) {
    read_error = error;
    handler_->on_ready(io::Ready::both);
  }
  void become_writable() {
    if (has(wanted_, io::Ready::write)) handler_->on_ready(io::Ready::write);
  }

  void attach(Handler& handler) override { handler_ = &handler; }
  void want(io::Ready events) override { wanted_ = events; }
  [[nodiscard]] io::Ready wanted() const override { return wanted_; }
  [[nodiscard]] bool has_pending_event() const override { return false; }

  void send_first(std::string bytes) override { first_ = std::move(bytes); }
  [[nodiscard]] io::IoStatus open() override {
    written += std::exchange(first_, {});
    if (openings.empty()) return io::IoStatus::done;
    const io::IoStatus status = openings.front();
    openings.pop_front();
    return status;
  }
  [[nodiscard]] io::ReadResult read(std::span<char> into) override {
    ++reads;
    if (read_error != 0) return {io::IoStatus::failed, 0};
    if (incoming_.empty()) {
      return {peer_ == Side::ended ? io::IoStatus::closed : io::IoStatus::would_block, 0};
    }
    std::string& first = incoming_.front();
    const std::size_t size = std::min(first.size(), into.size());
    std::copy_n(first.begin(), size, into.begin());
    first.erase(0, size);
    if (first.empty()) incoming_.pop_front();
    const auto unread = incoming_.empty() ? io::Unread::none : io::Unread::possible;
    return {io::IoStatus::done, size, unread};
  }
  [[nodiscard]] io::IoStatus write(SliceQueue& queue, io::Push push) override {
    last_push = push;
    std::array<iovec, 1> first;
    while (takes_bytes > 0 && queue.gather(first) == 1) {
      const std::size_t size = std::min(first[0].iov_len, takes_bytes);
      written.append(static_cast<const char*>(first[0].iov_base), size);
      takes_bytes -= size;
      queue.consume(size);
    }
    return queue.empty() ? io::IoStatus::done : io::IoStatus::would_block;
  }
  [[nodiscard]] int error() const override { return read_error != 0 ? read_error : opening_error; }
  [[nodiscard]] std::string error_text() const override { return std::to_string(error()); }

  [[nodiscard]] bool takes_pipes() const override { return false; }
  [[nodiscard]] io::ReadResult read(io::Pipe& /*into*/, std::size_t /*max*/) override {
    return {io::IoStatus::refused, 0};
  }
  [[nodiscard]] io::IoStatus write(io::Pipe& /*pipe*/) override { return io::IoStatus::refused; }

  [[nodiscard]] bool has_unread() const override { return !incoming_.empty(); }
  [[nodiscard]] bool is_quiet() override { return incoming_.empty() && peer_ == Side::open; }
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  [[nodiscard]] bool has_failed() override { return false; }
  [[nodiscard]] Endpoint local() const override { return {}; }
  void shutdown_write() override { own_side = Side::ended; }
  void reset_on_close() override {}
  void end_incomplete() override {}

 private:
  /// Level-triggered: calls the handler while there is something to read and it wants reads.
  void tell_readable() {
    const std::weak_ptr<char> alive = alive_;
    for (int turn = 0; turn < 100 && !alive.expired(); ++turn) {
      if (is_quiet() || !has(wanted_, io::Ready::read)) return;
      handler_->on_ready(io::Ready::read);  // may destroy this
    }
  }

  std::shared_ptr<char> alive_ = std::make_shared<char>();
  Handler* handler_ = nullptr;
  io::Ready wanted_ = io::Ready::none;
  std::string first_;
  std::deque<std::string> incoming_;
  Side peer_ = Side::open;
};

}  // namespace bonedry::proxy::test
