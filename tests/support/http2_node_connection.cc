#include "tests/support/http2_node_connection.h"

#include "tests/support/nghttp2_calls.h"
#include "tests/support/socket_calls.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <iterator>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

Http2NodeRequest parse_request(Headers fields, StreamId id, std::size_t connection) {
  Http2NodeRequest request;
  request.version = "HTTP/2";
  request.stream = id;
  request.connection = connection;
  for (const auto& [name, value] : fields) {
    (name.starts_with(':') ? request.pseudo : request.headers).add(name, value);
  }
  request.method = request.pseudo.get(":method");
  request.target = request.pseudo.get(":path");
  return request;
}

ssize_t read_output(nghttp2_session* session, StreamId id, std::uint8_t* buffer, std::size_t size,
                    std::uint32_t* flags, nghttp2_data_source* source, void* /*user_data*/) {
  return static_cast<Http2Output*>(source->ptr)->read(session, id, buffer, size, flags);
}

}  // namespace

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw_socket_error("eventfd", errno);
}

WakeUp::~WakeUp() {
  ::close(fd_);
}

void WakeUp::wake() const {
  (void)::eventfd_write(fd_, 1);
}

void WakeUp::clear() const {
  eventfd_t count = 0;
  (void)::eventfd_read(fd_, &count);
}

struct Http2NodeConnection::Callbacks {
  static Http2NodeConnection& self(void* user_data) {
    return *static_cast<Http2NodeConnection*>(user_data);
  }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                              void* user_data) {
    self(user_data).fields_ = {};
    return 0;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* user_data) {
    self(user_data).fields_.add(to_text(name, name_size), to_text(value, value_size));
    return 0;
  }

  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* name, std::size_t name_size,
                               const std::uint8_t* value, std::size_t value_size,
                               std::uint8_t /*flags*/, void* user_data) {
    self(user_data).node_.note_violation("field " + to_text(name, name_size) + ": " +
                                         to_text(value, value_size));
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, StreamId id,
                     const std::uint8_t* data, std::size_t size, void* user_data) {
    if (Http2NodeStream* const to = self(user_data).find(id)) {
      self(user_data).take_data(*to, to_text(data, size));
    }
    return nghttp2_session_consume_connection(session, size);
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user_data) {
    Http2NodeConnection& to = self(user_data);
    const bool is_head =
        frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (is_head) to.begin(frame->hd.stream_id, std::exchange(to.fields_, {}));
    Http2NodeStream* const of = to.find(frame->hd.stream_id);
    if (of == nullptr) return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      of->request.reset = http2_error_name(frame->rst_stream.error_code);
    } else if (frame->hd.type == NGHTTP2_HEADERS && !is_head) {
      of->request.body.trailers = std::exchange(to.fields_, {});
    }
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) to.end_request(*of);
    return 0;
  }

  static int on_invalid_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, int error,
                              void* user_data) {
    // A peer may not know our limit of streams yet.
    if (error == NGHTTP2_ERR_REFUSED_STREAM) return 0;
    self(user_data).node_.note_violation("frame of type " + std::to_string(frame->hd.type) +
                                         " on stream " + std::to_string(frame->hd.stream_id) +
                                         ": " + nghttp2_strerror(error));
    return 0;
  }

  /// nghttp2 resets a stream, or ends the connection, when the peer has broken a rule.
  static int before_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                          void* user_data) {
    Http2NodeConnection& of = self(user_data);
    const StreamId id = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      const std::uint32_t code = frame->rst_stream.error_code;
      if (code == NGHTTP2_REFUSED_STREAM || of.resets_.count(id) > 0) return 0;
      of.node_.note_violation(of.describe(id) + ": " + http2_error_name(code));
    } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.opaque_data_len > 0) {
      of.closes_after_output_ = true;
      of.node_.note_violation(to_text(frame->goaway.opaque_data, frame->goaway.opaque_data_len) +
                              ": " + http2_error_name(frame->goaway.error_code));
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* /*session*/, StreamId id, std::uint32_t /*code*/,
                             void* user_data) {
    Http2NodeConnection& of = self(user_data);
    const auto found = of.streams_.find(id);
    if (found == of.streams_.end()) return 0;
    of.close_stream(*found->second);
    of.streams_.erase(found);
    return 0;
  }

  static nghttp2_session* make_session(Http2NodeConnection& connection) {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_option* options = nullptr;
    nghttp2_session* session = nullptr;
    check_nghttp2(nghttp2_session_callbacks_new(&all), "callbacks");
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, on_invalid_frame);
    nghttp2_session_callbacks_set_before_frame_send_callback(all, before_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_stream_close);
    check_nghttp2(nghttp2_option_new(&options), "options");
    nghttp2_option_set_no_auto_window_update(options, 1);
    const int made = nghttp2_session_server_new2(&session, all, &connection, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(all);
    check_nghttp2(made, "session");
    return session;
  }
};

Http2NodeConnection::Http2NodeConnection(Http2Node& node, Socket& socket, std::size_t number,
                                         const Http2NodeSettings& settings)
    : node_(node),
      socket_(socket),
      number_(number),
      session_(Callbacks::make_session(*this), nghttp2_session_del) {
  std::vector<nghttp2_settings_entry> entries{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window}};
  if (settings.max_concurrent_streams) {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, *settings.max_concurrent_streams});
  }
  check_nghttp2(
      nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size()),
      "settings");
  check_nghttp2(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                                      settings.connection_window),
                "window");
}

Http2NodeConnection::~Http2NodeConnection() {
  lose();
  for (Running& each : handlers_) each.thread.join();
}

void Http2NodeConnection::lose() {
  {
    const std::lock_guard lock{mutex_};
    for (auto& [id, stream] : streams_) close_stream(*stream);
    streams_.clear();
  }
  changed_.notify_all();
}

// The connection's thread.

void Http2NodeConnection::run() {
  for (;;) {
    send_output();
    if (is_finished()) return close_politely();
    wait_for_work();
    if (receive_input() == Input::ended) return;
  }
}

void Http2NodeConnection::send_output() {
  for (;;) {
    if (output_.empty()) {
      const std::lock_guard lock{mutex_};
      if (goaway_wanted_.exchange(false) && !accepted_) {
        submit_goaway(last_, NGHTTP2_NO_ERROR);
        closes_when_done_ = true;
      }
      output_ = take_output(session_.get());
    }
    changed_.notify_all();  // windows may have let something go
    if (output_.empty()) return;
    const std::size_t sent = socket_.send_now(output_);
    if (sent == 0) return;
    output_.erase(0, sent);
  }
}

void Http2NodeConnection::wait_for_work() {
  // With TLS, the end of a record may be left even when the output is empty.
  const bool all_sent = output_.empty() && socket_.wait_writable(Millis{0});
  std::array<pollfd, 2> ready{
      {{socket_.fd(), static_cast<short>(POLLIN | (all_sent ? 0 : POLLOUT)), 0},
       {wake_up_.fd(), POLLIN, 0}}};
  const int count = ::poll(ready.data(), ready.size(), static_cast<int>(NodeServer::kIdle.count()));
  if (count == 0) throw TimedOut("the peer says nothing");
  if (count < 0 && errno != EINTR) throw_socket_error("poll", errno);
  wake_up_.clear();
}

Http2NodeConnection::Input Http2NodeConnection::receive_input() {
  std::array<char, 65536> buffer{};
  while (socket_.wait_readable(Millis{0})) {
    const std::size_t size = socket_.receive(buffer.data(), buffer.size());
    if (size == 0) return Input::ended;
    ssize_t taken = 0;
    {
      const std::lock_guard lock{mutex_};
      taken = nghttp2_session_mem_recv(session_.get(),
                                       reinterpret_cast<const std::uint8_t*>(buffer.data()), size);
    }
    changed_.notify_all();
    if (taken < 0) {
      node_.note_violation(nghttp2_strerror(static_cast<int>(taken)));
      return Input::ended;
    }
    send_output();  // a peer that sends all the time is answered, too
  }
  return Input::open;
}

bool Http2NodeConnection::is_finished() {
  if (!output_.empty()) return false;
  const std::lock_guard lock{mutex_};
  output_ = take_output(session_.get());  // of a handler, meanwhile
  if (!output_.empty()) return false;
  return closes_after_output_ || (closes_when_done_ && streams_.empty());
}

void Http2NodeConnection::close_politely() {
  lose();
  socket_.finish_sending();
  // A descriptor that is closed with unread bytes sends a RST, which would destroy what the peer
  // has not read yet.
  (void)socket_.receive_all();
}

// Callbacks of the session; the lock is held.

Http2NodeStream* Http2NodeConnection::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

std::string Http2NodeConnection::describe(StreamId id) {
  const Http2NodeStream* const stream = find(id);
  if (stream == nullptr) return "stream " + std::to_string(id);
  const Http2NodeRequest& request = stream->request;
  return "stream " + std::to_string(id) + " (" + request.method + ' ' + request.target +
         ", content-length " + request.headers.get("content-length") + ", got " +
         std::to_string(request.body.size) + " bytes)";
}

void Http2NodeConnection::begin(StreamId id, Headers fields) {
  if (accepted_ && id > *accepted_) return;
  last_ = id;
  const auto stream = std::make_shared<Http2NodeStream>();
  stream->request = parse_request(std::move(fields), id, number_);
  streams_[id] = stream;
  node_.note_streams(streams_.size());
  Http2Node::Noted noted = node_.note(stream->request);
  stream->record = noted.record;
  if (++begun_ == node_.goaway_every_) {
    submit_goaway(id, NGHTTP2_NO_ERROR);
    closes_when_done_ = true;
  }
  join_finished();
  Running& running = handlers_.emplace_back();
  running.thread = std::thread{[this, &running, stream, handler = std::move(noted.handler)] {
    run_handler(handler, stream);
    running.finished = true;
  }};
}

void Http2NodeConnection::join_finished() {
  for (auto it = handlers_.begin(); it != handlers_.end();) {
    const auto next = std::next(it);
    if (it->finished) {
      it->thread.join();
      handlers_.erase(it);
    }
    it = next;
  }
}

void Http2NodeConnection::take_data(Http2NodeStream& stream, std::string_view bytes) {
  NodeBody& body = stream.request.body;
  stream.digest.update(bytes);
  body.size += bytes.size();
  body.text.append(bytes.substr(0, Response::kKeptBody - body.text.size()));
  if (stream.is_read) {
    stream.arrived += bytes;
  } else {
    (void)nghttp2_session_consume_stream(session_.get(), stream.request.stream, bytes.size());
  }
}

void Http2NodeConnection::end_request(Http2NodeStream& stream) {
  stream.request.body.end = BodyEnd::stream;
  stream.request.body.sha256 = stream.digest.hex();
  node_.update(stream.record, stream.request);
}

void Http2NodeConnection::close_stream(Http2NodeStream& stream) {
  Http2NodeRequest& request = stream.request;
  request.is_closed = true;
  if (request.body.end == BodyEnd::none) request.body.end = BodyEnd::aborted;
  node_.update(stream.record, request);
}

void Http2NodeConnection::submit_goaway(StreamId last, std::uint32_t code) {
  accepted_ = std::min(last, accepted_.value_or(last));
  check_nghttp2(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, code, nullptr, 0),
                "GOAWAY");
}

// Handlers, on their threads.

void Http2NodeConnection::run_handler(const Http2Handler& handler, const StreamPointer& stream) {
  try {
    Http2NodeExchange exchange{node_, *this, stream};
    handler(exchange);
  } catch (const SocketError&) {
    // The proxy closed, or the node was stopped: the client judges the result.
  } catch (const std::exception& error) {
    ADD_FAILURE() << "node " << node_.name() << ": " << error.what();
  }
  read_no_more(*stream);
}

void Http2NodeConnection::read_no_more(Http2NodeStream& stream) {
  const std::lock_guard lock{mutex_};
  stream.is_read = false;
  (void)nghttp2_session_consume_stream(session_.get(), stream.request.stream,
                                       stream.arrived.size());  // refused when it is closed
  stream.arrived.clear();
  wake_up_.wake();
}

void Http2NodeConnection::ask_for_goaway() {
  goaway_wanted_ = true;
  wake_up_.wake();
}

void Http2NodeConnection::change(const Http2NodeStream& stream, const Change& what) {
  const std::lock_guard lock{mutex_};
  if (stream.request.is_closed) throw UnexpectedEnd("the stream is over");
  what(session_.get());
  wake_up_.wake();
}

bool Http2NodeConnection::wait(const Http2NodeStream& stream,
                               const std::function<bool()>& predicate, Millis deadline) {
  std::unique_lock lock{mutex_};
  return changed_.wait_until(lock, TestClock::now() + deadline,
                             [&] { return stream.request.is_closed || predicate(); });
}

std::string Http2NodeConnection::take(Http2NodeStream& stream, std::size_t size) {
  const std::lock_guard lock{mutex_};
  std::string piece = stream.arrived.substr(0, size);
  stream.arrived.erase(0, piece.size());
  if (piece.empty()) return piece;
  (void)nghttp2_session_consume_stream(session_.get(), stream.request.stream,
                                       piece.size());  // refused when it is closed
  wake_up_.wake();
  return piece;
}

Http2NodeRequest Http2NodeConnection::state_of(const Http2NodeStream& stream) {
  const std::lock_guard lock{mutex_};
  return stream.request;
}

void Http2NodeConnection::respond(Http2NodeStream& stream, const Headers& fields) {
  change(stream, [&](nghttp2_session* session) {
    nghttp2_data_provider body{};
    body.source.ptr = &stream.output;
    body.read_callback = read_output;
    const auto all = to_name_values(fields);
    check_nghttp2(
        nghttp2_submit_response(session, stream.request.stream, all.data(), all.size(), &body),
        "response");
  });
}

void Http2NodeConnection::respond_without_body(Http2NodeStream& stream, const Headers& fields) {
  change(stream, [&](nghttp2_session* session) {
    const auto all = to_name_values(fields);
    check_nghttp2(
        nghttp2_submit_response(session, stream.request.stream, all.data(), all.size(), nullptr),
        "response");
  });
}

void Http2NodeConnection::resume(Http2NodeStream& stream,
                                 const std::function<void(Http2Output&)>& add) {
  change(stream, [&](nghttp2_session* session) {
    add(stream.output);
    // Refused while it is not deferred.
    (void)nghttp2_session_resume_data(session, stream.request.stream);
  });
}

void Http2NodeConnection::reset(Http2NodeStream& stream, std::string_view code) {
  change(stream, [&](nghttp2_session* session) {
    resets_.insert(stream.request.stream);
    check_nghttp2(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.request.stream,
                                            http2_error_code(code)),
                  "RST_STREAM");
  });
}

void Http2NodeConnection::goaway(StreamId last, std::string_view code) {
  const std::lock_guard lock{mutex_};
  submit_goaway(last, http2_error_code(code));
  wake_up_.wake();
}

void Http2NodeConnection::close_after_output() {
  const std::lock_guard lock{mutex_};
  closes_after_output_ = true;
  wake_up_.wake();
}

}  // namespace bonedry::test
