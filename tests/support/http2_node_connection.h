#pragma once

#include "tests/support/checksum.h"
#include "tests/support/http2_node.h"
#include "tests/support/http2_output.h"
#include "tests/support/socket.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

struct nghttp2_session;

namespace bonedry::test {

/// One stream of a node. Its connection and its handler share it; the connection's lock guards it.
struct Http2NodeStream {
  Http2NodeRequest request;
  std::size_t record = 0;  ///< its number at the node
  Sha256 digest;
  std::string arrived;  ///< of its body, not read yet
  bool is_read = true;  ///< false: the handler has returned, and nobody reads the rest
  Http2Output output;
};

/// Wakes a thread that polls. Thread-safe.
class WakeUp {
 public:
  WakeUp();
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  void wake() const;
  void clear() const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  const int fd_;
};

/// One HTTP/2 connection of a node. `run` does all the work of the socket, on the connection's
/// thread; handlers change the session behind a lock, and wake that thread.
class Http2NodeConnection {
 public:
  Http2NodeConnection(Http2Node& node, Socket& socket, std::size_t number,
                      const Http2NodeSettings& settings);
  ~Http2NodeConnection();  ///< ends its handlers: what they call throws
  Http2NodeConnection(const Http2NodeConnection&) = delete;
  Http2NodeConnection& operator=(const Http2NodeConnection&) = delete;

  /// Serves it to its end. Throws SocketError when the peer resets it.
  void run();

  /// A GOAWAY with the last stream that has come; then closes when the streams are done. Takes no
  /// lock.
  void ask_for_goaway();

  // For handlers.
  using Change = std::function<void(nghttp2_session*)>;
  /// Does something with the session for a stream. Throws UnexpectedEnd when the stream is over.
  void change(const Http2NodeStream& stream, const Change& what);
  /// Waits until the predicate of the stream is true, or the stream is over; false when neither
  /// happens within the deadline.
  [[nodiscard]] bool wait(const Http2NodeStream& stream, const std::function<bool()>& predicate,
                          Millis deadline);
  /// Takes up to `size` bytes of what has come of the body, and gives the window back.
  [[nodiscard]] std::string take(Http2NodeStream& stream, std::size_t size);
  [[nodiscard]] Http2NodeRequest state_of(const Http2NodeStream& stream);
  void respond(Http2NodeStream& stream, const Headers& fields);
  void respond_without_body(Http2NodeStream& stream, const Headers& fields);
  void resume(Http2NodeStream& stream, const std::function<void(Http2Output&)>& add);
  void reset(Http2NodeStream& stream, std::string_view code);
  void goaway(StreamId last, std::string_view code);
  void close_after_output();

 private:
  struct Callbacks;  // of nghttp2
  struct Running {   // a handler
    std::thread thread;
    std::atomic<bool> finished{false};
  };
  using StreamPointer = std::shared_ptr<Http2NodeStream>;

  [[nodiscard]] Http2NodeStream* find(StreamId id);
  [[nodiscard]] std::string describe(StreamId id);
  void begin(StreamId id, Headers fields);
  void run_handler(const Http2Handler& handler, const StreamPointer& stream);
  void join_finished();
  void take_data(Http2NodeStream& stream, std::string_view bytes);
  void end_request(Http2NodeStream& stream);
  void close_stream(Http2NodeStream& stream);
  void read_no_more(Http2NodeStream& stream);
  void submit_goaway(StreamId last, std::uint32_t code);

  enum class Input : std::uint8_t { open, ended };
  void send_output();
  void wait_for_work();
  [[nodiscard]] Input receive_input();
  [[nodiscard]] bool is_finished();
  void close_politely();
  void lose();

  Http2Node& node_;
  Socket& socket_;
  const std::size_t number_;
  const WakeUp wake_up_;
  std::atomic<bool> goaway_wanted_{false};
  std::string output_;  ///< that nghttp2 has made and the socket has not taken; `run` uses it

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> session_;
  std::map<StreamId, StreamPointer> streams_;
  std::set<StreamId> resets_;  ///< by handlers; a stream may be over before its RST_STREAM is sent
  std::list<Running> handlers_;
  Headers fields_;  ///< of the block that is arriving
  std::size_t begun_ = 0;
  StreamId last_ = 0;                 ///< the latest stream that was begun
  std::optional<StreamId> accepted_;  ///< since a GOAWAY: streams above it are ignored
  bool closes_when_done_ = false;
  bool closes_after_output_ = false;
};

}  // namespace bonedry::test
