#include "proxy/http2/session.h"

#include "proxy/http2/native.h"

#include <algorithm>

namespace bonedry::http2 {

/// libnghttp2's callbacks, as one struct so that they see the session's members.
struct Session::SharedCallbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* user) {
    Session& own = self(user);
    if (own.state_ != State::open) return 0;
    own.block_bytes_ += name_size + value_size;
    if (own.block_bytes_ > own.header_block_) {
      own.terminate(ErrorCode::enhance_your_calm);
      return 0;
    }
    StreamEvents* const stream = own.block_stream_;
    if (stream != nullptr) stream->on_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                     const std::uint8_t* bytes, std::size_t size, void* user) {
    Session& own = self(user);
    own.on_data_received(size);
    // At once, so that a stream whose data waits leaves the connection's window to the others.
    must_not_lack_memory(nghttp2_session_consume_connection(session, size));
    StreamEvents* const stream = own.stream(id);
    if (stream != nullptr) stream->on_data(text_of(bytes, size));
    return 0;
  }

  /// Without this, or with 0 as result, libnghttp2 leaves out the field and accepts the rest.
  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* /*name*/, std::size_t /*name_size*/,
                               const std::uint8_t* /*value*/, std::size_t /*value_size*/,
                               std::uint8_t /*flags*/, void* /*user*/) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  /// Once a frame has been written, it may be some time until libnghttp2 says so.
  static int on_sending_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                              void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    StreamEvents* const stream = self(user).stream(frame->hd.stream_id);
    if (stream != nullptr) stream->on_sending_head();
    return 0;
  }

  static int on_frame_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Session& own = self(user);
    const auto& header = frame->hd;
    if (header.type == NGHTTP2_RST_STREAM) {
      const auto code = static_cast<ErrorCode>(frame->rst_stream.error_code);
      ++own.counts_.resets_sent;
      if (code == ErrorCode::refused_stream) ++own.counts_.refused;
      own.on_reset_sent(header.stream_id, code);
      return 0;
    }
    if (header.type == NGHTTP2_GOAWAY) ++own.counts_.goaways_sent;
    const End end = (header.flags & NGHTTP2_FLAG_END_STREAM) != 0 ? End::yes : End::no;
    if (header.type == NGHTTP2_DATA) own.on_data_sent(header.length, end);
    const bool ends =
        end == End::yes && (header.type == NGHTTP2_DATA || header.type == NGHTTP2_HEADERS);
    StreamEvents* const stream = ends ? own.stream(header.stream_id) : nullptr;
    if (stream != nullptr) stream->on_sent_end();
    return 0;
  }

  /// What could not be sent; other frames may be sent later, or their stream has ended.
  static int on_frame_not_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                               int /*error*/, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    Session& own = self(user);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      own.on_request_not_sent(frame->hd.stream_id);
    } else {
      own.reset(frame->hd.stream_id, ErrorCode::internal_error);
    }
    return 0;
  }

  static int send_data(nghttp2_session* /*session*/, nghttp2_frame* /*frame*/,
                       const std::uint8_t* header, std::size_t size, nghttp2_data_source* source,
                       void* user) {
    Session& own = self(user);
    own.queue_->push_copy(*own.blocks_, text_of(header, kFrameHeader));
    static_cast<StreamEvents*>(source->ptr)->move_body(size, *own.queue_);
    return 0;
  }
};

void Session::Deleter::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

void Session::CallbacksDeleter::operator()(nghttp2_session_callbacks* callbacks) const {
  nghttp2_session_callbacks_del(callbacks);
}

Session::NativeCallbacks Session::shared_callbacks() {
  using Shared = SharedCallbacks;
  nghttp2_session_callbacks* made = nullptr;
  must_not_lack_memory(nghttp2_session_callbacks_new(&made));
  NativeCallbacks callbacks{made};
  nghttp2_session_callbacks_set_on_header_callback(made, Shared::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Shared::on_data);
  nghttp2_session_callbacks_set_on_invalid_header_callback(made, Shared::on_invalid_header);
  nghttp2_session_callbacks_set_before_frame_send_callback(made, Shared::on_sending_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, Shared::on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Shared::on_frame_not_sent);
  nghttp2_session_callbacks_set_send_data_callback(made, Shared::send_data);
  return callbacks;
}

std::ptrdiff_t plan_data(nghttp2_session* session, StreamId id, std::uint8_t* /*buffer*/,
                         std::size_t max, std::uint32_t* flags, nghttp2_data_source* source,
                         void* /*user*/) {
  auto& stream = *static_cast<StreamEvents*>(source->ptr);
  const std::size_t waiting = stream.waiting();
  const bool ends = waiting <= max && stream.body_end() == End::yes;
  if (waiting == 0 && !ends) return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (ends) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    NativeFields trailers(stream.trailers());
    if (trailers.size() > 0) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      must_not_lack_memory(nghttp2_submit_trailer(session, id, trailers.data(), trailers.size()));
    }
  }
  return static_cast<std::ptrdiff_t>(std::min(waiting, max));
}

StreamEvents* Session::stream(StreamId id) const {
  if (state_ == State::failed) return nullptr;
  return static_cast<StreamEvents*>(nghttp2_session_get_stream_user_data(native(), id));
}

void Session::drop_stream(StreamId id) {
  if (block_stream_ != nullptr && block_stream_ == stream(id)) block_stream_ = nullptr;
  nghttp2_session_set_stream_user_data(native(), id, nullptr);
}

bool Session::pass_on(std::string_view bytes) {
  if (state_ != State::open) return false;
  const ssize_t used = nghttp2_session_mem_recv(native(), bytes_of(bytes), bytes.size());
  if (used < 0) {
    must_not_lack_memory(static_cast<int>(used));
    // Of what it cannot go on from, it tells the peer nothing: a preface that is none, a flood.
    if (used == NGHTTP2_ERR_FLOODED) {
      terminate(ErrorCode::enhance_your_calm);
    } else {
      terminate(ErrorCode::protocol_error);
    }
    state_ = State::failed;
  }
  return state_ == State::open;
}

void Session::produce(SliceQueue& queue, BlockPool& blocks, std::size_t max_bytes) {
  queue_ = &queue;
  blocks_ = &blocks;
  while (queue.bytes() < max_bytes) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(native(), &bytes);
    if (size < 0) must_not_lack_memory(static_cast<int>(size));
    if (size <= 0) break;
    write(text_of(bytes, static_cast<std::size_t>(size)), queue, blocks);
  }
  on_produced();
  queue_ = nullptr;
  blocks_ = nullptr;
}

void Session::write(std::string_view frame, SliceQueue& queue, BlockPool& blocks) {
  queue.push_copy(blocks, frame);
}

bool Session::wants_to_write() const {
  return nghttp2_session_want_write(native()) != 0;
}

bool Session::is_over() const {
  return !wants_to_write() && (state_ != State::open || nghttp2_session_want_read(native()) == 0);
}

void Session::resume_body(StreamId id) {
  must_not_lack_memory(nghttp2_session_resume_data(native(), id));
}

void Session::reset(StreamId id, ErrorCode code) {
  must_not_lack_memory(
      nghttp2_submit_rst_stream(native(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code)));
}

void Session::give_back(StreamId id, std::size_t size) {
  must_not_lack_memory(nghttp2_session_consume_stream(native(), id, size));
}

std::size_t Session::stream_window(StreamId id) const {
  const std::int32_t size = nghttp2_session_get_stream_remote_window_size(native(), id);
  if (size >= 0) return static_cast<std::size_t>(size);
  return nghttp2_session_get_remote_settings(native(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
}

std::size_t Session::connection_window() const {
  const std::int32_t size = nghttp2_session_get_remote_window_size(native());
  return static_cast<std::size_t>(std::max(0, size));
}

void Session::ping() {
  must_not_lack_memory(nghttp2_submit_ping(native(), NGHTTP2_FLAG_NONE, nullptr));
}

void Session::terminate(ErrorCode code) {
  if (state_ != State::open) return;
  state_ = State::terminated;
  must_not_lack_memory(
      nghttp2_session_terminate_session(native(), static_cast<std::uint32_t>(code)));
}

}  // namespace bonedry::http2
