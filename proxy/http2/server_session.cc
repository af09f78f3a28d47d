#include "proxy/http2/server_session.h"

#include "proxy/http2/native.h"

#include <algorithm>
#include <string>

namespace bonedry::http2 {
namespace {

// Resets by the peer, and those that its errors make us send (CVE-2023-44487, CVE-2025-8671): each
// may have made a node work. A browser resets what a page still loads when it is left.
constexpr std::uint32_t kResetBurst = 300;
constexpr std::uint32_t kResetsPerSecond = 50;
// A frame with so much of a body, in either direction, gives one of the first back: gRPC clients
// send a PING for each round trip in which data comes.
constexpr std::size_t kUsefulData = 1'000;
// WINDOW_UPDATE: a peer sends one of the stream and one of the connection for what it has read, Go
// for each 4 KiB. Tiny frames, to which tiny windows lead, earn none (CVE-2019-9511). The rest is
// for those of a beginning.
constexpr std::uint64_t kBytesPerWindowUpdate = 1'024;
constexpr std::uint64_t kWindowUpdatesPerData = 2;
constexpr std::size_t kSmallData = 64;
constexpr std::uint64_t kMoreWindowUpdates = 1'000;
// Of requests that were carried out, so many give one reset back: who leaves a page is forgiven,
// and cheap requests do not pay for expensive ones that are reset.
constexpr std::uint64_t kWorkPerReset = 4;
// In a SETTINGS frame: behind its header and the id of the first setting.
constexpr std::size_t kFirstSetting = 9 + 2;
// Of RFC 9218; nghttp2.h has no name for it in all versions.
constexpr std::uint8_t kPriorityUpdate = 0x10;

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::uint32_t number_at(std::string_view bytes, std::size_t index, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8U | byte_at(bytes, index + i);
  return number;
}

bool is_error_of_peer(ErrorCode code) {
  switch (code) {
    case ErrorCode::protocol_error:
    case ErrorCode::flow_control_error:
    case ErrorCode::stream_closed:
    case ErrorCode::frame_size_error:
      return true;
    default:
      return false;
  }
}

}  // namespace

/// Of libnghttp2, for what only servers do.
struct ServerSession::Callbacks {
  static ServerSession& self(void* user) {
    return static_cast<ServerSession&>(*static_cast<Session*>(user));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    ServerSession& own = self(user);
    const StreamId id = frame->hd.stream_id;
    const bool is_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    StreamEvents* const stream = is_request ? own.events_.on_request(id) : own.stream(id);
    own.begin_header_block(stream);
    if (!is_request) return 0;
    if (stream != nullptr) {
      ++own.active_;
      return nghttp2_session_set_stream_user_data(session, id, stream);
    }
    // At once: while the client does not read, no reset is sent that could be counted.
    own.note_error_of_peer();
    own.reset(id, ErrorCode::refused_stream);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    ServerSession& own = self(user);
    const auto& header = frame->hd;
    if (header.type == NGHTTP2_PING && (header.flags & NGHTTP2_FLAG_ACK) != 0) {
      own.events_.on_pong();
    }
    if (header.type != NGHTTP2_HEADERS && header.type != NGHTTP2_DATA) return 0;
    StreamEvents* const stream = own.stream(header.stream_id);
    if (stream == nullptr) return 0;
    const End end = (header.flags & NGHTTP2_FLAG_END_STREAM) != 0 ? End::yes : End::no;
    const bool is_head =
        header.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (is_head) {
      stream->on_head(end);
    } else if (end == End::yes) {
      stream->on_end();
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t code,
                             void* user) {
    ServerSession& own = self(user);
    StreamEvents* const stream = own.stream(id);
    own.drop_stream(id);
    // The reset that may have ended it was sent just before.
    const bool by_us = own.last_ended().id == id;
    if (!by_us) own.note_ended(id, EndedBy::both);
    if (stream != nullptr) {
      --own.active_;
      stream->on_closed(static_cast<ErrorCode>(code), by_us ? EndedBy::us : EndedBy::both);
    }
    return 0;
  }

  static Native make(ServerSession& own, SessionMemory& memory) {
    const NativeCallbacks made = shared_callbacks();
    nghttp2_session_callbacks* const callbacks = made.get();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    const NativeOptions options;
#ifdef BONEDRY_NGHTTP2_RESET_LIMIT
    nghttp2_option_set_stream_reset_rate_limit(options.get(), UINT64_MAX, UINT64_MAX);
#endif
    nghttp2_option_set_builtin_recv_extension_type(options.get(), kPriorityUpdate);
    nghttp2_session* session = nullptr;
    must_not_lack_memory(nghttp2_session_server_new3(&session, callbacks,
                                                     static_cast<Session*>(&own), options.get(),
                                                     &memory.native().functions));
    return Native{session};
  }
};

ServerSession::ServerSession(ServerEvents& events, const ServerLimits& limits,
                             SessionMemory& memory)
    : Session(limits.header_block),
      events_(events),
      limits_(limits),
      control_(kControlBurst, kControlPerSecond),
      resets_(kResetBurst, kResetsPerSecond) {
  take(Callbacks::make(*this, memory));
  // See own_settings.
  const std::array<nghttp2_settings_entry, 5> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, NGHTTP2_MAX_WINDOW_SIZE},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_list},
       {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
       {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}}};
  must_not_lack_memory(
      nghttp2_submit_settings(native(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  must_not_lack_memory(nghttp2_session_set_local_window_size(
      native(), NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window)));
}

// -- What the peer sends --------------------------------------------------------------------------

bool ServerSession::receive(std::string_view bytes, Instant now) {
  now_ = now;
  const std::size_t preface = std::min(bytes.size(), preface_left_);
  preface_left_ -= preface;
  if (preface > 0 && !pass_on(bytes.substr(0, preface))) return false;
  bytes.remove_prefix(preface);
  while (!bytes.empty() && state_ == State::open) {
    if (payload_left_ == 0) {
      const std::string_view header = take_header(bytes);
      if (header.empty()) break;
      begin_frame(header);
      if (state_ != State::open || !pass_on(header)) return false;
    }
    const std::size_t size = std::min(bytes.size(), payload_left_);
    note_payload(bytes.substr(0, size));
    payload_left_ -= size;
    if (size > 0 && !pass_on(bytes.substr(0, size))) return false;
    bytes.remove_prefix(size);
    if (payload_left_ == 0) end_frame();
  }
  // libnghttp2 may have ended the session by itself.
  return state_ == State::open && nghttp2_session_want_read(native()) != 0;
}

/// The next nine bytes, also if they come one by one; empty: they are not all here.
std::string_view ServerSession::take_header(std::string_view& bytes) {
  const std::size_t size = std::min(bytes.size(), header_.size() - header_size_);
  std::copy_n(bytes.data(), size, header_.data() + header_size_);
  bytes.remove_prefix(size);
  header_size_ += size;
  if (header_size_ < header_.size()) return {};
  header_size_ = 0;
  return {header_.data(), header_.size()};
}

/// libnghttp2 by itself ignores some frames that RFC 9113 calls errors, and counts none.
void ServerSession::begin_frame(std::string_view header) {
  frame_ = {number_at(header, 0, 3), byte_at(header, 3), byte_at(header, 4),
            static_cast<StreamId>(number_at(header, 5, 4) & 0x7fffffffU)};
  payload_left_ = frame_.size;
  frame_data_ = 0;
  for (; unpaid_errors_ > 0 && state_ == State::open; --unpaid_errors_) spend(resets_);
  switch (frame_.type) {
    case NGHTTP2_DATA:
      return check_ended_stream();
    case NGHTTP2_HEADERS:
      within_head_ = true;
      return check_ended_stream();
    case NGHTTP2_SETTINGS:
      if (settings_ == Settings::sent && (frame_.flags & NGHTTP2_FLAG_ACK) != 0) {
        settings_ = Settings::acknowledged;
      }
      windows_ = Windows::changed;
      return spend(control_);
    case NGHTTP2_RST_STREAM:
      ++counts_.resets_received;
      return spend(resets_);
    case NGHTTP2_GOAWAY:
      ++counts_.goaways_received;
      return spend(control_);
    case NGHTTP2_WINDOW_UPDATE:
      if (++window_updates_ > kMoreWindowUpdates + earned_updates_) spend(control_);
      return;
    default:
      return spend(control_);
  }
}

void ServerSession::note_payload(std::string_view bytes) {
  const std::size_t at = frame_.size - payload_left_;
  if (at >= payload_.size()) return;
  std::copy_n(bytes.data(), std::min(bytes.size(), payload_.size() - at), payload_.data() + at);
}

StreamId ServerSession::id_in_payload() const {
  const std::string_view payload(payload_.data(), payload_.size());
  return static_cast<StreamId>(number_at(payload, 0, payload.size()) & 0x7fffffffU);
}

/// RFC 9113, section 6.3, and RFC 7540, section 5.3.1. libnghttp2 ignores the frame, since we have
/// said that we do (RFC 9218, section 2.1).
void ServerSession::check_priority() {
  const bool is_bad = frame_.stream == 0 || id_in_payload() == frame_.stream;
  if (is_bad) terminate(ErrorCode::protocol_error);
}

/// RFC 9218, section 7.1: streams that are still to begin count as those that have begun.
/// libnghttp2 does not check it, since it believes in a higher limit (see own_settings).
void ServerSession::check_priority_update() {
  const StreamId id = id_in_payload();
  if (id == 0) return terminate(ErrorCode::protocol_error);
  const bool is_known =
      id <= last_request_ || std::ranges::find(announced_, id) != announced_.end();
  if (is_known || id % 2 == 0) return;  // libnghttp2 knows what to say of the latter
  if (settings_ != Settings::acknowledged) return;
  if (active_ + announced_.size() >= limits_.streams) return terminate(ErrorCode::protocol_error);
  announced_.push_back(id);
}

void ServerSession::end_frame() {
  const bool has_id = frame_.size >= payload_.size();
  if (frame_.type == NGHTTP2_PRIORITY && has_id) check_priority();
  if (frame_.type == kPriorityUpdate && has_id) check_priority_update();
  const bool ends_head = (frame_.type == NGHTTP2_HEADERS || frame_.type == NGHTTP2_CONTINUATION) &&
                         (frame_.flags & NGHTTP2_FLAG_END_HEADERS) != 0;
  if (ends_head) within_head_ = false;
  const bool is_empty = frame_.type == NGHTTP2_DATA && frame_data_ == 0 &&
                        (frame_.flags & NGHTTP2_FLAG_END_STREAM) == 0;
  if (is_empty && state_ == State::open) spend(control_);
  if (frame_data_ >= kUsefulData) control_.give_back();
  if (nghttp2_session_get_outbound_queue_size(native()) > kMaxOutbound) {
    terminate(ErrorCode::enhance_your_calm);
  }
}

/// RFC 9113, sections 5.1 and 5.1.1: what a stream that has ended gets is an error, unless its peer
/// could not know the end yet; so is the id of a stream that was left out.
void ServerSession::check_ended_stream() {
  const bool is_new = frame_.stream > last_request_;
  if (is_new && frame_.type == NGHTTP2_HEADERS) {
    last_request_ = frame_.stream;
    if (!announced_.empty())
      std::erase_if(announced_, [this](auto id) { return id <= last_request_; });
  }
  if (is_new || nghttp2_session_find_stream(native(), frame_.stream) != nullptr) return;
  if (frame_.stream % 2 == 0) return;  // libnghttp2 knows what to say of these
  if (frame_.stream > last_accepted_) return spend(control_);  // GOAWAY has refused it
  const Ended* const ended = find_ended(frame_.stream);
  // What is not remembered may have ended long ago by a reset that the peer has not had yet.
  const bool all_remembered = ended_count_ <= ended_.size();
  const bool is_data = frame_.type == NGHTTP2_DATA;
  if (ended == nullptr && is_data && !all_remembered) return spend(control_);
  if (ended != nullptr && ended->by == EndedBy::us) return spend(control_);
  terminate(ended == nullptr ? ErrorCode::protocol_error : ErrorCode::stream_closed);
}

void ServerSession::spend(FrameBudget& budget) {
  if (!budget.take(now_)) terminate(ErrorCode::enhance_your_calm);
}

void ServerSession::note_ended(StreamId id, EndedBy by) {
  ++ended_count_;
  ended_[next_ended_] = {id, by};
  next_ended_ = (next_ended_ + 1) % ended_.size();
}

const ServerSession::Ended& ServerSession::last_ended() const {
  return ended_[(next_ended_ + ended_.size() - 1) % ended_.size()];
}

const ServerSession::Ended* ServerSession::find_ended(StreamId id) const {
  const auto found = std::ranges::find(ended_, id, &Ended::id);
  return found == ended_.end() ? nullptr : &*found;
}

// -- What it gets ---------------------------------------------------------------------------------

void ServerSession::write(std::string_view frame, SliceQueue& queue, BlockPool& blocks) {
  if (settings_ != Settings::to_be_sent) return Session::write(frame, queue, blocks);
  settings_ = Settings::sent;
  Session::write(own_settings(frame), queue, blocks);
}

/// The first frame. libnghttp2 believes in a higher limit of streams: it would end the connection,
/// and with it all requests, where RFC 9113, section 5.1.2, has an error of the one stream.
std::string ServerSession::own_settings(std::string_view frame) const {
  std::string own(frame);
  for (std::size_t i = 0; i < sizeof(limits_.streams); ++i) {
    const auto shift = static_cast<unsigned>(8 * (sizeof(limits_.streams) - 1 - i));
    own[kFirstSetting + i] = static_cast<char>(limits_.streams >> shift & 0xffU);
  }
  return own;
}

void ServerSession::send_interim(StreamId id, std::span<const FieldView> fields) {
  NativeFields all(fields);
  must_not_lack_memory(nghttp2_submit_headers(native(), NGHTTP2_FLAG_NONE, id, nullptr, all.data(),
                                              all.size(), nullptr));
}

void ServerSession::send_head(StreamId id, std::span<const FieldView> fields, End end) {
  NativeFields all(fields);
  nghttp2_data_provider body{};
  body.source.ptr = stream(id);
  body.read_callback = plan_data;
  must_not_lack_memory(nghttp2_submit_response(native(), id, all.data(), all.size(),
                                               end == End::yes ? nullptr : &body));
}

void ServerSession::note_work() {
  control_.give_back();
  if (++work_ % kWorkPerReset == 0) resets_.give_back();
}

void ServerSession::on_data_sent(std::size_t size, End end) {
  data_bytes_ += size;
  const bool is_tiny = size < kSmallData && end == End::no;
  if (!is_tiny) earned_updates_ += kWindowUpdatesPerData;
  earned_updates_ += data_bytes_ / kBytesPerWindowUpdate;
  data_bytes_ %= kBytesPerWindowUpdate;
  if (size >= kUsefulData) control_.give_back();
}

void ServerSession::on_reset_sent(StreamId id, ErrorCode code) {
  if (is_error_of_peer(code)) ++unpaid_errors_;
  note_ended(id, EndedBy::us);
  // RFC 9113, section 6.9.2: not of the stream alone.
  const bool is_overflow = code == ErrorCode::flow_control_error;
  if (is_overflow && windows_ == Windows::changed) terminate(ErrorCode::flow_control_error);
}

void ServerSession::announce_goaway() {
  must_not_lack_memory(nghttp2_submit_shutdown_notice(native()));
}

void ServerSession::send_goaway(ErrorCode code) {
  last_accepted_ = nghttp2_session_get_last_proc_stream_id(native());
  must_not_lack_memory(nghttp2_submit_goaway(native(), NGHTTP2_FLAG_NONE, last_accepted_,
                                             static_cast<std::uint32_t>(code), nullptr, 0));
}

}  // namespace bonedry::http2
