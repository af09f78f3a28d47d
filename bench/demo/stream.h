#pragma once

#include "bench/demo/loop.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::demo {

/// Called by a Stream. The owner may destroy the Stream inside each of these calls.
class StreamHandler {
 public:
  virtual void stream_connected() {}
  virtual void stream_data(std::string_view bytes) = 0;
  /// The peer closed (`error` is 0) or the connection failed: no more data will arrive.
  virtual void stream_ended(int error) = 0;

 protected:
  ~StreamHandler() = default;
};

/// One TCP or Unix connection. Destroying it closes it immediately.
class Stream {
 public:
  /// Connects to 127.0.0.1. Null when the attempt cannot even start (no local port left).
  static std::unique_ptr<Stream> connect_tcp(Loop& loop, std::uint16_t port,
                                             StreamHandler& handler);
  static std::unique_ptr<Stream> connect_unix(Loop& loop, const std::string& path,
                                              StreamHandler& handler);
  /// Accepts the next connection of `listener`; null when it is already gone.
  static std::unique_ptr<Stream> accept(Loop& loop, uv_stream_t* listener, StreamHandler& handler);

  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// May be called before the stream is connected.
  void write(std::string bytes);
  /// Sends a FIN after everything that was written. `stream_ended` follows when the peer closes,
  /// too.
  void finish();

 private:
  struct UvState;  // what libuv uses until the close completes: it outlives this object

  explicit Stream(StreamHandler& handler);
  void start_reading();
  static void on_connected(uv_connect_t* request, int status);
  static void on_buffer(uv_handle_t* handle, std::size_t wanted, uv_buf_t* buffer);
  static void on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer);
  static void end(uv_handle_t* handle, int error);

  StreamHandler& handler_;
  UvState* uv_;  // freed by the close callback
};

}  // namespace bonedry::demo
