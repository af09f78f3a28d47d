#pragma once

#include "proxy/base/counter.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http2/session.h"
#include "proxy/io/transport.h"
#include "proxy/stream.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

class Http2Body;

/// What one HTTP/2 connection sends: frames of its session, and which streams have to be told of
/// it. Events of one iteration of the event loop are written together, before the next poll. Owned
/// by a connection; worker's thread.
class Http2Output {
 public:
  Http2Output(http2::Session& session, BlockPool& blocks) : session_(session), blocks_(blocks) {}
  Http2Output(const Http2Output&) = delete;
  Http2Output& operator=(const Http2Output&) = delete;

  [[nodiscard]] bool empty() const { return frames_.empty(); }
  /// Of frames that wait for the transport.
  [[nodiscard]] std::size_t bytes() const { return frames_.bytes(); }
  /// Bytes that the transport has taken so far.
  [[nodiscard]] std::uint64_t sent() const { return sent_bytes_; }
  /// Resets after what waits has been written, as far as the peer takes it.
  void schedule_reset(http2::StreamId id, http2::ErrorCode code) { resets_.push_back({id, code}); }
  /// Writes until nothing is left or the transport is full (`would_block`); or its failure.
  [[nodiscard]] io::IoStatus write_to(io::Transport& transport);
  /// Tells the streams of which something has been sent. Each may be removed within that.
  void tell_progress();
  void clear();

 private:
  friend class Http2Body;
  struct Reset {
    http2::StreamId id;
    http2::ErrorCode code;
  };

  enum class Promise : std::uint8_t {
    given,      ///< will be written before the next poll
    no_room,    ///< too much waits for the transport
    no_window,  ///< the peer does not take so much yet
  };
  [[nodiscard]] Promise promise(http2::StreamId id, std::size_t bytes);

  http2::Session& session_;
  BlockPool& blocks_;
  SliceQueue frames_;
  std::vector<Reset> resets_;
  std::vector<Http2Body*> sent_;  // null: has stopped meanwhile
  std::uint64_t sent_bytes_ = 0;
  std::size_t promised_ = 0;  // bytes of bodies; windows are shared by streams that ask in turn
  std::size_t backlog_ = 0;   // bytes of bodies that got no promise
};

/// The body that one stream sends: the session takes it as windows allow. Owned by a stream.
class Http2Body {
 public:
  /// Whose body it is.
  class Owner {
   public:
    /// Some of it has been sent.
    virtual void on_body_sent() = 0;

   protected:
    ~Owner() = default;
  };

  Http2Body(Http2Output& output, Owner& owner) : output_(output), owner_(owner) {}
  ~Http2Body() { stop(); }
  Http2Body(const Http2Body&) = delete;
  Http2Body& operator=(const Http2Body&) = delete;

  /// Appends bytes.
  void add(const BodySlices& body);
  void add(std::string_view text);
  /// Nothing follows but the trailers: "Name: value\r\n" lines, or empty.
  void end(std::string_view trailers = {});
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.bytes(); }
  [[nodiscard]] http2::End ended() const { return end_; }
  /// What is there will be sent before the next poll (`open`), or as the peer takes it.
  /// `END_STREAM` takes a frame of its own, for which there must be a window as well. `stalls`
  /// counts how often it begins to wait for one.
  [[nodiscard]] Flow flush(http2::StreamId id, Counter& stalls);
  /// Whether the last flush left something that was sent meanwhile; once.
  [[nodiscard]] bool take_relief();
  void note_sent_end() { note_sent(); }
  /// Drops what is there. A body that was dropped does not end: its stream is to be reset, and must
  /// not look complete before that.
  void drop();
  /// The same, and its owner is told of nothing more. Before the owner leaves its connection.
  void stop();

  // For http2::StreamEvents.
  void move(std::size_t size, SliceQueue& to);
  [[nodiscard]] std::span<const http2::FieldView> trailers();

 private:
  friend class Http2Output;
  enum class Wait : std::uint8_t { none, room, window };
  enum class Noted : std::uint8_t { no, yes };

  void note_sent();
  void count_backlog(std::size_t bytes);

  Http2Output& output_;
  Owner& owner_;
  SliceQueue bytes_;
  http2::End end_ = http2::End::no;
  Wait wait_ = Wait::none;
  Noted noted_ = Noted::no;
  std::size_t backlog_ = 0;  // of it, counted at the output
  std::string trailer_lines_;
  std::vector<http2::FieldView> trailer_fields_;
};

}  // namespace bonedry::proxy
