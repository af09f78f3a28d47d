#pragma once

#include "proxy/base/block.h"
#include "proxy/base/clock.h"
#include "proxy/base/slice_queue.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/redis/commands.h"
#include "proxy/redis/reply_reader.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::redis {

/// What the bytes of a connection travel in.
enum class Wire : std::uint8_t { plain, tls };

/// Who is at the other end of a connection.
struct Peer {
  std::string name;  ///< for people, such as "the store at 10.0.0.5:6379"
  /// How long each reply may take, from when it is the next one. The first may also take the time
  /// to connect.
  Millis timeout;
  Wire wire = Wire::plain;
};

/// One connection to a server: commands leave in the order in which they were sent, and replies
/// come in the same order. Commands may be sent before it is open. Loop's thread.
///
///   opening --> open --> closed
///        \________________^
class Connection final : public io::Retirable, private io::FdWatcher::Handler {
 public:
  class Owner {
   public:
    /// Why an error reply makes the connection useless; nothing: it is the answer to its command.
    [[nodiscard]] virtual std::optional<std::string> problem_in(const std::string& error) = 0;
    /// The connection is closed. What was sent and not answered has been told. `why` names the
    /// peer.
    virtual void on_broken(const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  /// `transport` is connecting. `loop`, `blocks` and `owner` outlive this until it is closed.
  Connection(io::EventLoop& loop, BlockPool& blocks, io::TransportSource transport, Peer peer,
             Owner& owner);

  [[nodiscard]] bool is_closed() const { return state_ == State::closed; }
  /// Bytes of the commands that have not been answered.
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  /// Must not be closed.
  void send(const Words& words, Done done);
  /// Closes it because of `why`, and tells so everybody who waits, and the owner.
  void give_up(const std::string& why);
  /// Closes it, and tells nobody.
  void close();

 private:
  enum class State : std::uint8_t { opening, open, closed };

  struct Pending {
    Done done;
    std::size_t bytes = 0;
  };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void open();
  void flush();
  void read();
  void on_bytes(std::string_view bytes);
  void on_reply(Reply reply);
  void on_end(const std::string& how);
  [[nodiscard]] std::string how_it_failed() const;
  [[nodiscard]] std::string malformed(std::string_view bytes) const;

  // Many: one connection is both directions, and who waits for what.
  BlockPool& blocks_;
  Owner& owner_;
  const Peer peer_;
  State state_ = State::opening;
  enum class Heard : std::uint8_t { nothing, replies } heard_ = Heard::nothing;
  enum class Writing : std::uint8_t { fine, broken } writing_ = Writing::fine;
  io::ConnectionTransport transport_;
  SliceQueue out_;
  ReplyReader reader_;
  std::deque<Pending> pending_;
  std::size_t unanswered_ = 0;
  io::Deferred flush_;  // what one event sends leaves in one system call
  io::Timer timeout_;   // armed while something is pending
};

}  // namespace bonedry::redis
