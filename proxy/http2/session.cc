#include "proxy/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

namespace bonedry::http2 {
namespace {

// Frames that bring nothing (SETTINGS, PING, PRIORITY, empty DATA, CONTINUATION, unknown ones): no
// client sends more than a few, but each makes work, and some make an answer (CVE-2019-9511 ff).
constexpr std::uint32_t kControlBurst = 1'000;
constexpr std::uint32_t kControlPerSecond = 100;
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
// Frames that wait to be written: some for each stream. A peer that reads nothing makes no more.
constexpr std::size_t kMaxOutbound = 1'000;
// Of requests that were carried out, so many give one reset back: who leaves a page is forgiven,
// and cheap requests do not pay for expensive ones that are reset.
constexpr std::uint64_t kWorkPerReset = 4;
// Heads of nodes have `[limits] header_bytes`, 1 MiB at most; libnghttp2 adds 12 bytes for a field.
constexpr std::size_t kMaxSentBlock = std::size_t{4} << 20U;
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

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

/// Fields as libnghttp2 wants them, which copies them. Most heads need no allocation.
class NativeFields {
 public:
  explicit NativeFields(std::span<const FieldView> fields) : size_(fields.size()) {
    if (size_ > few_.size()) many_.resize(size_);
    nghttp2_nv* next = data();
    for (const FieldView& field : fields) {
      *next++ = {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(),
                 NGHTTP2_NV_FLAG_NONE};
    }
  }
  [[nodiscard]] nghttp2_nv* data() { return size_ > few_.size() ? many_.data() : few_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::array<nghttp2_nv, 32> few_;
  std::vector<nghttp2_nv> many_;
};

/// Only a shortage of memory makes these calls fail: whatever else may be wrong, such as a stream
/// that has ended meanwhile, is no matter to the caller.
void must_not_lack_memory(int status) {
  if (status == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

bool is_error_of_peer(std::uint32_t code) {
  switch (static_cast<ErrorCode>(code)) {
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

/// libnghttp2's callbacks, as one struct so that they see the session's members.
struct ServerSession::Callbacks {
  static ServerSession& self(void* user) { return *static_cast<ServerSession*>(user); }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    ServerSession& own = self(user);
    own.block_bytes_ = 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const StreamId id = frame->hd.stream_id;
    StreamEvents* const stream = own.events_.on_request(id);
    if (stream != nullptr) return nghttp2_session_set_stream_user_data(session, id, stream);
    // At once: while the client does not read, no reset is sent that could be counted.
    own.note_error_of_peer();
    own.reset(id, ErrorCode::refused_stream);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* user) {
    ServerSession& own = self(user);
    if (own.state_ != State::open) return 0;
    own.block_bytes_ += name_size + value_size;
    if (own.block_bytes_ > own.limits_.header_block) {
      own.terminate(ErrorCode::enhance_your_calm);
      return 0;
    }
    StreamEvents* const stream = own.stream(frame->hd.stream_id);
    if (stream != nullptr) stream->on_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  /// Without this, or with 0 as result, libnghttp2 leaves out the field and accepts the rest.
  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* /*name*/, std::size_t /*name_size*/,
                               const std::uint8_t* /*value*/, std::size_t /*value_size*/,
                               std::uint8_t /*flags*/, void* /*user*/) {
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

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                     const std::uint8_t* bytes, std::size_t size, void* user) {
    ServerSession& own = self(user);
    own.frame_data_ += size;
    // At once, so that a stream whose data waits leaves the connection's window to the others.
    must_not_lack_memory(nghttp2_session_consume_connection(session, size));
    StreamEvents* const stream = own.stream(id);
    if (stream != nullptr) stream->on_data(text_of(bytes, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t code,
                             void* user) {
    ServerSession& own = self(user);
    StreamEvents* const stream = own.stream(id);
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    // The reset that may have ended it was sent just before.
    if (own.last_ended().id != id) own.note_ended(id, Ended::By::regularly);
    if (stream != nullptr) stream->on_closed(static_cast<ErrorCode>(code));
    return 0;
  }

  static int on_frame_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    ServerSession& own = self(user);
    const auto& header = frame->hd;
    if (header.type == NGHTTP2_RST_STREAM) {
      ++own.counts_.resets_sent;
      if (is_error_of_peer(frame->rst_stream.error_code)) ++own.unpaid_errors_;
      own.note_ended(header.stream_id, Ended::By::our_reset);
      // RFC 9113, section 6.9.2: not of the stream alone.
      const bool is_overflow = frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR;
      if (is_overflow && own.windows_ == Windows::changed) {
        own.terminate(ErrorCode::flow_control_error);
      }
      return 0;
    }
    if (header.type == NGHTTP2_GOAWAY) ++own.counts_.goaways_sent;
    if (header.type == NGHTTP2_DATA) own.note_data_sent(header.length, header.flags);
    const bool ends = (header.type == NGHTTP2_DATA || header.type == NGHTTP2_HEADERS) &&
                      (header.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    StreamEvents* const stream = ends ? own.stream(header.stream_id) : nullptr;
    if (stream != nullptr) stream->on_sent_end();
    return 0;
  }

  /// How much of a body the next frame takes.
  static ssize_t plan_data(nghttp2_session* session, std::int32_t id, std::uint8_t* /*buffer*/,
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
    return static_cast<ssize_t>(std::min(waiting, max));
  }

  /// What could not be sent; other frames may be sent later, or their stream has ended.
  static int on_frame_not_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                               int /*error*/, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    self(user).reset(frame->hd.stream_id, ErrorCode::internal_error);
    return 0;
  }

  static int send_data(nghttp2_session* /*session*/, nghttp2_frame* /*frame*/,
                       const std::uint8_t* header, std::size_t size, nghttp2_data_source* source,
                       void* user) {
    ServerSession& own = self(user);
    own.queue_->push_copy(*own.blocks_, text_of(header, own.header_.size()));
    static_cast<StreamEvents*>(source->ptr)->move_body(size, *own.queue_);
    return 0;
  }

  static nghttp2_session* make(ServerSession& own) {
    nghttp2_session_callbacks* callbacks = nullptr;
    must_not_lack_memory(nghttp2_session_callbacks_new(&callbacks));
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_option* option = nullptr;
    must_not_lack_memory(nghttp2_option_new(&option));
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, kMaxSentBlock);
    // Where libnghttp2 has limits of its own for what is limited here, they are out of the way.
#ifdef BONEDRY_NGHTTP2_RESET_LIMIT
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
#endif
#ifdef BONEDRY_NGHTTP2_CONTINUATIONS
    nghttp2_option_set_max_continuations(option, kControlBurst);
#endif
    nghttp2_option_set_builtin_recv_extension_type(option, kPriorityUpdate);
    nghttp2_session* session = nullptr;
    const int status = nghttp2_session_server_new2(&session, callbacks, &own, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    must_not_lack_memory(status);
    return session;
  }
};

void ServerSession::Deleter::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

ServerSession::ServerSession(SessionEvents& events, const SessionLimits& limits)
    : events_(events),
      limits_(limits),
      session_(Callbacks::make(*this)),
      control_(kControlBurst, kControlPerSecond),
      resets_(kResetBurst, kResetsPerSecond) {
  // See push_settings.
  const std::array<nghttp2_settings_entry, 5> settings{
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, NGHTTP2_MAX_WINDOW_SIZE},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_list},
       {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
       {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}}};
  must_not_lack_memory(
      nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  must_not_lack_memory(nghttp2_session_set_local_window_size(
      session_.get(), NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window)));
}

ServerSession::~ServerSession() = default;

StreamEvents* ServerSession::stream(StreamId id) const {
  if (state_ == State::failed) return nullptr;
  return static_cast<StreamEvents*>(nghttp2_session_get_stream_user_data(session_.get(), id));
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
  return state_ == State::open && nghttp2_session_want_read(session_.get()) != 0;
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

bool ServerSession::pass_on(std::string_view bytes) {
  if (state_ != State::open) return false;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes_of(bytes), bytes.size());
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
      windows_ = Windows::changed;
      return spend(control_);
    case NGHTTP2_RST_STREAM:
      ++counts_.resets_received;
      return spend(resets_);
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

/// RFC 9218, section 7.1.
void ServerSession::check_priority_update() {
  if (id_in_payload() == 0) terminate(ErrorCode::protocol_error);
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
  if (nghttp2_session_get_outbound_queue_size(session_.get()) > kMaxOutbound) {
    terminate(ErrorCode::enhance_your_calm);
  }
}

/// RFC 9113, sections 5.1 and 5.1.1: what a stream that has ended gets is an error, unless its peer
/// could not know the end yet; so is the id of a stream that was left out.
void ServerSession::check_ended_stream() {
  const bool is_new = frame_.stream > last_request_;
  if (is_new && frame_.type == NGHTTP2_HEADERS) last_request_ = frame_.stream;
  if (is_new || nghttp2_session_find_stream(session_.get(), frame_.stream) != nullptr) return;
  if (frame_.stream % 2 == 0) return;  // libnghttp2 knows what to say of these
  if (frame_.stream > last_accepted_) return spend(control_);  // GOAWAY has refused it
  const Ended* const ended = find_ended(frame_.stream);
  // What is not remembered may have ended long ago by a reset that the peer has not had yet.
  const bool all_remembered = ended_count_ <= ended_.size();
  const bool is_data = frame_.type == NGHTTP2_DATA;
  if (ended == nullptr && is_data && !all_remembered) return spend(control_);
  if (ended != nullptr && ended->by == Ended::By::our_reset) return spend(control_);
  terminate(ended == nullptr ? ErrorCode::protocol_error : ErrorCode::stream_closed);
}

void ServerSession::spend(FrameBudget& budget) {
  if (!budget.take(now_)) terminate(ErrorCode::enhance_your_calm);
}

void ServerSession::note_ended(StreamId id, Ended::By by) {
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

void ServerSession::produce(SliceQueue& queue, BlockPool& blocks, std::size_t max_bytes) {
  queue_ = &queue;
  blocks_ = &blocks;
  while (queue.bytes() < max_bytes) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) must_not_lack_memory(static_cast<int>(size));
    if (size <= 0) break;
    if (settings_ == Settings::to_be_sent) {
      push_settings(text_of(bytes, static_cast<std::size_t>(size)));
      continue;
    }
    queue.push_copy(blocks, text_of(bytes, static_cast<std::size_t>(size)));
  }
  windows_ = Windows::as_before;
  queue_ = nullptr;
  blocks_ = nullptr;
}

/// The first frame. libnghttp2 believes in a higher limit of streams: it would end the connection,
/// and with it all requests, where RFC 9113, section 5.1.2, has an error of the one stream.
void ServerSession::push_settings(std::string_view frame) {
  settings_ = Settings::sent;
  std::string own(frame);
  for (std::size_t i = 0; i < sizeof(limits_.streams); ++i) {
    const auto shift = static_cast<unsigned>(8 * (sizeof(limits_.streams) - 1 - i));
    own[kFirstSetting + i] = static_cast<char>(limits_.streams >> shift & 0xffU);
  }
  queue_->push_copy(*blocks_, own);
}

bool ServerSession::wants_to_write() const {
  return nghttp2_session_want_write(session_.get()) != 0;
}

bool ServerSession::is_over() const {
  return !wants_to_write() &&
         (state_ != State::open || nghttp2_session_want_read(session_.get()) == 0);
}

void ServerSession::send_interim(StreamId id, std::span<const FieldView> fields) {
  NativeFields native(fields);
  must_not_lack_memory(nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr,
                                              native.data(), native.size(), nullptr));
}

void ServerSession::send_head(StreamId id, std::span<const FieldView> fields, End end) {
  NativeFields native(fields);
  nghttp2_data_provider body{};
  body.source.ptr = stream(id);
  body.read_callback = Callbacks::plan_data;
  must_not_lack_memory(nghttp2_submit_response(session_.get(), id, native.data(), native.size(),
                                               end == End::yes ? nullptr : &body));
}

void ServerSession::resume_body(StreamId id) {
  must_not_lack_memory(nghttp2_session_resume_data(session_.get(), id));
}

void ServerSession::reset(StreamId id, ErrorCode code) {
  must_not_lack_memory(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id,
                                                 static_cast<std::uint32_t>(code)));
}

void ServerSession::note_work() {
  control_.give_back();
  if (++work_ % kWorkPerReset == 0) resets_.give_back();
}

void ServerSession::note_data_sent(std::size_t size, std::uint8_t flags) {
  data_bytes_ += size;
  const bool is_tiny = size < kSmallData && (flags & NGHTTP2_FLAG_END_STREAM) == 0;
  if (!is_tiny) earned_updates_ += kWindowUpdatesPerData;
  earned_updates_ += data_bytes_ / kBytesPerWindowUpdate;
  data_bytes_ %= kBytesPerWindowUpdate;
  if (size >= kUsefulData) control_.give_back();
}

void ServerSession::give_back(StreamId id, std::size_t size) {
  must_not_lack_memory(nghttp2_session_consume_stream(session_.get(), id, size));
}

std::size_t ServerSession::stream_window(StreamId id) const {
  const std::int32_t size = nghttp2_session_get_stream_remote_window_size(session_.get(), id);
  return static_cast<std::size_t>(std::max(0, size));
}

std::size_t ServerSession::connection_window() const {
  const std::int32_t size = nghttp2_session_get_remote_window_size(session_.get());
  return static_cast<std::size_t>(std::max(0, size));
}

void ServerSession::ping() {
  must_not_lack_memory(nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr));
}

void ServerSession::announce_goaway() {
  must_not_lack_memory(nghttp2_submit_shutdown_notice(session_.get()));
}

void ServerSession::send_goaway(ErrorCode code) {
  last_accepted_ = nghttp2_session_get_last_proc_stream_id(session_.get());
  must_not_lack_memory(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_accepted_,
                                             static_cast<std::uint32_t>(code), nullptr, 0));
}

void ServerSession::terminate(ErrorCode code) {
  if (state_ != State::open) return;
  state_ = State::terminated;
  must_not_lack_memory(
      nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(code)));
}

}  // namespace bonedry::http2
