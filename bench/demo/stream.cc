#include "bench/demo/stream.h"

#include <netinet/in.h>

#include <array>
#include <utility>

namespace bonedry::demo {
namespace {

/// One write in progress: libuv needs request and bytes at a stable address.
struct WriteJob {
  uv_write_t request{};
  std::string bytes;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", port, &address);
  return address;
}

}  // namespace

struct Stream::Block {
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

Stream::Stream(StreamHandler& handler) : handler_(handler), block_(new Block) {}

Stream::~Stream() {
  block_->handle.any.data = nullptr;  // unlinks the handle from this object
  uv_close(&block_->handle.any, [](uv_handle_t* handle) {
    delete reinterpret_cast<Block*>(handle);  // `handle` is its first member
  });
}

std::unique_ptr<Stream> Stream::connect_tcp(Loop& loop, std::uint16_t port,
                                            StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  Block& block = *stream->block_;
  uv_tcp_init(loop.get(), &block.handle.tcp);
  block.handle.any.data = stream.get();
  uv_tcp_nodelay(&block.handle.tcp, 1);
  const sockaddr_in address = loopback(port);
  const int status =
      uv_tcp_connect(&block.connecting, &block.handle.tcp,
                     reinterpret_cast<const sockaddr*>(&address), &Stream::on_connected);
  return status == 0 ? std::move(stream) : nullptr;
}

std::unique_ptr<Stream> Stream::connect_unix(Loop& loop, const std::string& path,
                                             StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  Block& block = *stream->block_;
  uv_pipe_init(loop.get(), &block.handle.pipe, 0);
  block.handle.any.data = stream.get();
  uv_pipe_connect(&block.connecting, &block.handle.pipe, path.c_str(), &Stream::on_connected);
  return stream;
}

std::unique_ptr<Stream> Stream::accept(Loop& loop, uv_stream_t* listener, StreamHandler& handler) {
  std::unique_ptr<Stream> stream(new Stream(handler));
  Block& block = *stream->block_;
  uv_tcp_init(loop.get(), &block.handle.tcp);
  block.handle.any.data = stream.get();
  if (uv_accept(listener, &block.handle.stream) != 0) return nullptr;
  uv_tcp_nodelay(&block.handle.tcp, 1);
  stream->start_reading();
  return stream;
}

void Stream::start_reading() {
  uv_read_start(&block_->handle.stream, &Stream::on_buffer, &Stream::on_read);
}

void Stream::write(std::string bytes) {
  auto job = std::make_unique<WriteJob>();
  job->bytes = std::move(bytes);
  job->request.data = job.get();
  const uv_buf_t buffer = uv_buf_init(job->bytes.data(), static_cast<unsigned>(job->bytes.size()));
  const auto done = [](uv_write_t* request, int status) {
    const std::unique_ptr<WriteJob> finished(static_cast<WriteJob*>(request->data));
    if (status < 0) end(reinterpret_cast<uv_handle_t*>(request->handle), status);
  };
  if (uv_write(&job->request, &block_->handle.stream, &buffer, 1, done) == 0) {
    static_cast<void>(job.release());  // `done` takes it back
  }
  // A stream that accepts no more writes has ended; its read side reports that, once.
}

void Stream::finish() {
  uv_shutdown(&block_->finishing, &block_->handle.stream, [](uv_shutdown_t*, int) {});
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
  auto* block = reinterpret_cast<Block*>(handle);  // `handle` is its first member
  *buffer = uv_buf_init(block->buffer.data(), static_cast<unsigned>(block->buffer.size()));
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
  handle->data = nullptr;  // the end is reported once
  uv_read_stop(reinterpret_cast<uv_stream_t*>(handle));
  stream->handler_.stream_ended(error);
}

}  // namespace bonedry::demo
