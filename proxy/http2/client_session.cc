#include "proxy/http2/client_session.h"

#include "proxy/http2/native.h"

#include <array>

namespace bonedry::http2 {

/// Of libnghttp2, for what only clients do.
struct ClientSession::Callbacks {
  static ClientSession& self(void* user) {
    return static_cast<ClientSession&>(*static_cast<Session*>(user));
  }

  static int on_begin_frame(nghttp2_session* /*session*/, const nghttp2_frame_hd* header,
                            void* user) {
    ClientSession& own = self(user);
    switch (header->type) {
      case NGHTTP2_HEADERS:
        own.control_.give_back();
        return 0;
      case NGHTTP2_GOAWAY:
      case NGHTTP2_RST_STREAM:     // one for each stream
      case NGHTTP2_WINDOW_UPDATE:  // makes no answer
        return 0;
      case NGHTTP2_DATA:
        if (header->length == 0 && (header->flags & NGHTTP2_FLAG_END_STREAM) == 0) break;
        own.control_.give_back();
        return 0;
      default:
        break;
    }
    if (!own.control_.take(own.now_)) own.terminate(ErrorCode::enhance_your_calm);
    return 0;
  }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                              void* user) {
    ClientSession& own = self(user);
    own.begin_header_block(own.stream(frame->hd.stream_id));
    return 0;
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    ClientSession& own = self(user);
    const auto& header = frame->hd;
    const End end = (header.flags & NGHTTP2_FLAG_END_STREAM) != 0 ? End::yes : End::no;
    StreamEvents* stream = nullptr;
    switch (header.type) {
      case NGHTTP2_SETTINGS:
        own.greeting_ = Greeting::received;
        return 0;
      case NGHTTP2_GOAWAY:
        ++own.counts_.goaways_received;
        own.events_.on_goaway(static_cast<ErrorCode>(frame->goaway.error_code));
        return 0;
      case NGHTTP2_RST_STREAM:
        ++own.counts_.resets_received;
        if (frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM) ++own.counts_.refused;
        own.reset_by_peer_ = header.stream_id;
        return 0;
      case NGHTTP2_HEADERS:
        stream = own.stream(header.stream_id);
        if (stream != nullptr) stream->on_head(end);
        return 0;
      case NGHTTP2_DATA:
        stream = end == End::yes ? own.stream(header.stream_id) : nullptr;
        if (stream != nullptr) stream->on_end();
        return 0;
      default:
        return 0;
    }
  }

  /// A stream that was never written was not processed, whatever the reason.
  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t code,
                             void* user) {
    ClientSession& own = self(user);
    StreamEvents* const stream = own.stream(id);
    own.drop_stream(id);
    if (stream == nullptr) return 0;
    const bool sent = own.not_sent_ != id;
    const auto why = sent ? static_cast<ErrorCode>(code) : ErrorCode::refused_stream;
    const bool refused = why == ErrorCode::refused_stream;  // by GOAWAY, or by a reset
    const bool by_peer = own.reset_by_peer_ == id || refused;
    const EndedBy other = why == ErrorCode::no_error ? EndedBy::both : EndedBy::us;
    stream->on_closed(why, by_peer ? EndedBy::peer : other);
    return 0;
  }

  static Native make(ClientSession& own, SessionMemory& memory) {
    const NativeCallbacks made = shared_callbacks();
    nghttp2_session_callbacks* const callbacks = made.get();
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    const NativeOptions options;
    nghttp2_session* session = nullptr;
    must_not_lack_memory(nghttp2_session_client_new3(&session, callbacks,
                                                     static_cast<Session*>(&own), options.get(),
                                                     &memory.native().functions));
    return Native{session};
  }
};

ClientSession::ClientSession(ClientEvents& events, const ClientLimits& limits,
                             SessionMemory& memory)
    : Session(limits.header_block), events_(events), control_(kControlBurst, kControlPerSecond) {
  take(Callbacks::make(*this, memory));
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window}}};
  must_not_lack_memory(
      nghttp2_submit_settings(native(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  must_not_lack_memory(nghttp2_session_set_local_window_size(
      native(), NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window)));
}

bool ClientSession::receive(std::string_view bytes, Instant now) {
  now_ = now;
  if (!pass_on(bytes)) return false;
  if (nghttp2_session_get_outbound_queue_size(native()) > kMaxOutbound) {
    terminate(ErrorCode::enhance_your_calm);
  }
  // libnghttp2 may have ended the session by itself.
  return state_ == State::open && nghttp2_session_want_read(native()) != 0;
}

std::optional<StreamId> ClientSession::send_request(std::span<const FieldView> fields, End end,
                                                    StreamEvents& stream) {
  NativeFields all(fields);
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = plan_data;
  const std::int32_t id = nghttp2_submit_request(native(), nullptr, all.data(), all.size(),
                                                 end == End::yes ? nullptr : &body, &stream);
  must_not_lack_memory(id);
  return id > 0 ? std::optional<StreamId>(id) : std::nullopt;
}

/// Servers of gRPC answer data by a PING, to measure the round trip.
void ClientSession::on_data_sent(std::size_t /*size*/, End /*end*/) {
  control_.give_back();
}

void ClientSession::forget(StreamId id) {
  drop_stream(id);
  reset(id, ErrorCode::cancel);
}

std::uint32_t ClientSession::max_streams() const {
  return nghttp2_session_get_remote_settings(native(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace bonedry::http2
