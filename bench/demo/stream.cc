#include "bench/demo/stream.h"

#include <netinet/in.h>

#include <array>
#include <utility>

namespace bonedry::demo {
namespace {

/// One write in progress: libuv needs request and bytes at a stable address.
struct PendingWrite {
  uv_write_t request{};
  std::string bytes;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", port, &address);
  return address;
}

}  // namespace

struct Stream::UvState {
  union Handle {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };
  Handle handle{};
  uv_connect_t connecting{};
  uv_shutdown_t finishing{};
  std::array<char, 16384> buffer{};
};

Stream::Stream(StreamHandler& handler) : handler_(handler), uv_(new UvState) {}

Stream::~Stream() {
  uv_->handle.any.data = nullptr;  // its callbacks no longer find this object
  uv_close(&uv_->handle.any, [](uv_handle_t* handle) {
    delete reinterpret_cast<UvState*>(handle);  // `handle` is its first member
  });
}

std::unique_ptr<Stream> Stream::connect_tcp(Loop& loop, std::uint16_t port,
                                            StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  UvState& uv = *stream->uv_;
  uv_tcp_init(loop.get(), &uv.handle.tcp);
  uv.handle.any.data = stream.get();
  uv_tcp_nodelay(&uv.handle.tcp, 1);
  const sockaddr_in address = loopback(port);
  const int status =
      uv_tcp_connect(&uv.connecting, &uv.handle.tcp, reinterpret_cast<const sockaddr*>(&address),
                     &Stream::on_connected);
  return status == 0 ? std::move(stream) : nullptr;
}

std::unique_ptr<Stream> Stream::connect_unix(Loop& loop, const std::string& path,
                                             StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  UvState& uv = *stream->uv_;
  uv_pipe_init(loop.get(), &uv.handle.pipe, 0);
  uv.handle.any.data = stream.get();
  uv_pipe_connect(&uv.connecting, &uv.handle.pipe, path.c_str(), &Stream::on_connected);
  return stream;
}

std::unique_ptr<Stream> Stream::accept(Loop& loop, uv_stream_t* listener, StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  UvState& uv = *stream->uv_;
  uv_tcp_init(loop.get(), &uv.handle.tcp);
  uv.handle.any.data = stream.get();
  if (uv_accept(listener, &uv.handle.stream) != 0) return nullptr;
  uv_tcp_nodelay(&uv.handle.tcp, 1);
  stream->start_reading();
  return stream;
}

void Stream::start_reading() {
  uv_read_start(&uv_->handle.stream, &Stream::on_buffer, &Stream::on_read);
}

void Stream::write(std::string bytes) {
  auto pending = std::make_unique<PendingWrite>();
  pending->bytes = std::move(bytes);
  pending->request.data = pending.get();
  const uv_buf_t buffer =
      uv_buf_init(pending->bytes.data(), static_cast<unsigned>(pending->bytes.size()));
  const auto on_written = [](uv_write_t* request, int status) {
    const std::unique_ptr<PendingWrite> finished(static_cast<PendingWrite*>(request->data));
    if (status < 0) end(reinterpret_cast<uv_handle_t*>(request->handle), status);
  };
  if (uv_write(&pending->request, &uv_->handle.stream, &buffer, 1, on_written) == 0) {
    static_cast<void>(pending.release());  // `on_written` takes it back
  }
  // If uv_write fails, the connection has ended: the read callback reports that.
}

void Stream::finish() {
  uv_shutdown(&uv_->finishing, &uv_->handle.stream, [](uv_shutdown_t*, int) {});
}

void Stream::on_connected(uv_connect_t* request, int status) {
  auto* stream = static_cast<Stream*>(request->handle->data);
  if (stream == nullptr) return;
  if (status < 0) {
    end(reinterpret_cast<uv_handle_t*>(request->handle), status);
    return;
  }
  stream->start_reading();
  stream->handler_.stream_connected();
}

void Stream::on_buffer(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto* uv = reinterpret_cast<UvState*>(handle);  // `handle` is its first member
  *buffer = uv_buf_init(uv->buffer.data(), static_cast<unsigned>(uv->buffer.size()));
}

void Stream::on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
  auto* stream = static_cast<Stream*>(handle->data);
  if (stream == nullptr || count == 0) return;
  if (count < 0) {
    end(reinterpret_cast<uv_handle_t*>(handle), count == UV_EOF ? 0 : static_cast<int>(count));
    return;
  }
  stream->handler_.stream_data({buffer->base, static_cast<std::size_t>(count)});
}

void Stream::end(uv_handle_t* handle, int error) {
  auto* stream = static_cast<Stream*>(handle->data);
  if (stream == nullptr) return;
  handle->data = nullptr;  // reports the end only once
  uv_read_stop(reinterpret_cast<uv_stream_t*>(handle));
  stream->handler_.stream_ended(error);
}

}  // namespace bonedry::demo
