#include "tests/support/http2_client.h"

#include "proxy/base/ascii.h"
#include "tests/support/nghttp2_calls.h"
#include "tests/support/socket_calls.h"
#include "tests/support/story_tls.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

/// More than any test opens: whoever wants to exceed the peer's limit does so before reading it.
constexpr std::uint32_t kStreamsBeforeSettings = 1'000'000;

/// Each cookie in a field of its own, as RFC 9113, section 8.2.3 allows.
void add_crumbs(Headers& fields, std::string_view cookies) {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find("; "), cookies.size());
    fields.add("cookie", std::string{cookies.substr(0, end)});
    cookies.remove_prefix(std::min(end + 2, cookies.size()));
  }
}

void add_regular(Headers& fields, const Headers& headers, bool host_is_authority) {
  for (const auto& [name, value] : headers) {
    if (name.starts_with(':') || (host_is_authority && equal_ignoring_case(name, "Host"))) continue;
    if (equal_ignoring_case(name, "Cookie")) {
      add_crumbs(fields, value);
    } else {
      fields.add(name, value);
    }
  }
}

/// The fields of a request's head, pseudo-fields first.
Headers to_fields(const Request& request, const std::string& scheme) {
  const Headers& own = request.headers;
  const bool host_is_authority = !own.has(":authority");
  const std::string host = own.has("Host") ? own.get("Host") : "shop.example";
  Headers fields;
  for (const auto& [name, value] : {Header{":method", request.method}, Header{":scheme", scheme},
                                    Header{":authority", host}, Header{":path", request.target}}) {
    if (!own.has(name)) fields.add(name, value);
  }
  for (const auto& [name, value] : own) {
    if (name.starts_with(':')) fields.add(name, value);
  }
  add_regular(fields, own, host_is_authority);
  if (!request.body.empty() && !own.has("Content-Length")) {
    fields.add("content-length", std::to_string(request.body.size()));
  }
  return fields;
}

Response parse_head(const Headers& fields) {
  Response head;
  head.version = "HTTP/2";
  head.end = BodyEnd::aborted;
  for (const auto& [name, value] : fields) {
    if (name == ":status") {
      head.status = std::stoi(value);
    } else {
      head.headers.add(name, value);
    }
  }
  return head;
}

}  // namespace

struct Http2Client::Callbacks {
  static Http2Client& client(void* user_data) { return *static_cast<Http2Client*>(user_data); }
  static Stream* find(void* user_data, StreamId id) {
    const auto found = client(user_data).streams_.find(id);
    return found == client(user_data).streams_.end() ? nullptr : &found->second;
  }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                              void* user_data) {
    client(user_data).fields_ = {};
    return 0;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* user_data) {
    client(user_data).fields_.add(to_text(name, name_size), to_text(value, value_size));
    return 0;
  }

  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* name, std::size_t name_size,
                               const std::uint8_t* value, std::size_t value_size,
                               std::uint8_t /*flags*/, void* user_data) {
    client(user_data).violation_ =
        "field " + to_text(name, name_size) + ": " + to_text(value, value_size);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, StreamId id,
                     const std::uint8_t* data, std::size_t size, void* user_data) {
    if (Stream* const to = find(user_data, id)) to->arrived += to_text(data, size);
    return nghttp2_session_consume_connection(session, size);
  }

  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user_data) {
    Http2Client& to = client(user_data);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) to.settings_came_ = true;
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) ++to.pings_answered_;
        break;
      case NGHTTP2_GOAWAY:
        to.goaway_ =
            Goaway{frame->goaway.last_stream_id, http2_error_name(frame->goaway.error_code),
                   to_text(frame->goaway.opaque_data, frame->goaway.opaque_data_len)};
        break;
      default:
        if (Stream* const of = find(user_data, frame->hd.stream_id))
          on_stream_frame(to, *of, *frame);
    }
    return 0;
  }

  static void on_stream_frame(Http2Client& client, Stream& stream, const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_RST_STREAM) {
      stream.response.reset = http2_error_name(frame.rst_stream.error_code);
      return;
    }
    if (frame.hd.type == NGHTTP2_HEADERS) take_fields(stream, std::exchange(client.fields_, {}));
    const bool may_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
    if (may_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      stream.response.end = BodyEnd::stream;
      stream.ended_by_peer = true;
    }
  }

  static void take_fields(Stream& stream, Headers fields) {
    if (stream.response.status != 0) {
      stream.response.trailers = std::move(fields);
      return;
    }
    Response head = parse_head(fields);
    if (head.status / 100 == 1) {
      head.end = BodyEnd::none;
      stream.interim.push_back(std::move(head));
    } else {
      stream.response = std::move(head);
    }
  }

  static int on_invalid_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, int error,
                              void* user_data) {
    client(user_data).violation_ = "frame of type " + std::to_string(frame->hd.type) +
                                   " on stream " + std::to_string(frame->hd.stream_id) + ": " +
                                   nghttp2_strerror(error);
    return 0;
  }

  /// nghttp2 resets a stream, or ends the connection, when the peer has broken a rule.
  static int before_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                          void* user_data) {
    const Stream* const of = find(user_data, frame->hd.stream_id);
    const bool own = of == nullptr || of->reset_by_us;
    std::string& violation = client(user_data).violation_;
    if (frame->hd.type == NGHTTP2_RST_STREAM && !own && violation.empty()) {
      violation = "stream " + std::to_string(frame->hd.stream_id) + ": " +
                  http2_error_name(frame->rst_stream.error_code);
    } else if (frame->hd.type == NGHTTP2_GOAWAY && violation.empty()) {
      violation = to_text(frame->goaway.opaque_data, frame->goaway.opaque_data_len);
    }
    return 0;
  }

  /// A request after a GOAWAY, or a frame of a stream that has ended meanwhile.
  static int on_frame_not_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                               int /*error*/, void* user_data) {
    Stream* const of = find(user_data, frame->hd.stream_id);
    if (of != nullptr && frame->hd.type == NGHTTP2_HEADERS) of->closed = true;
    return 0;
  }

  /// By the peer, by us, or by a GOAWAY that does not cover the stream.
  static int on_stream_close(nghttp2_session* /*session*/, StreamId id, std::uint32_t /*code*/,
                             void* user_data) {
    if (Stream* const of = find(user_data, id)) of->closed = true;
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, StreamId id, std::uint8_t* buffer,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source* /*source*/,
                           void* user_data) {
    Stream* const from = find(user_data, id);
    if (from == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return from->output.read(session, id, buffer, size, flags);
  }

  static nghttp2_session* make_session(Http2Client& client) {
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
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, on_frame_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_stream_close);
    check_nghttp2(nghttp2_option_new(&options), "options");
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_peer_max_concurrent_streams(options, kStreamsBeforeSettings);
    const int made = nghttp2_session_client_new2(&session, all, &client, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(all);
    check_nghttp2(made, "session");
    return session;
  }
};

Http2Client::Http2Client(const std::string& address, const Http2Windows& windows)
    : Http2Client(address, story_client_tls(), windows) {}

Http2Client::Http2Client(const std::string& address, std::optional<TlsClient> tls,
                         const Http2Windows& windows)
    : socket_(Socket::connect_tcp(address)),
      scheme_(tls ? "https" : "http"),
      session_(Callbacks::make_session(*this), nghttp2_session_del) {
  if (tls) {
    if (tls->alpn.empty()) tls->alpn = {"h2"};
    socket_.start_tls(*tls);
    if (socket_.alpn() != "h2") throw SocketError("the peer does not choose HTTP/2 by ALPN");
  }
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(windows.stream)}}};
  check_nghttp2(
      nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()),
      "settings");
  check_nghttp2(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                                      windows.connection),
                "window");
  flush(TestClock::now() + kDeadline);
}

Http2Client::~Http2Client() = default;

Http2Client::Stream& Http2Client::stream(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) throw std::logic_error("no stream " + std::to_string(id));
  return found->second;
}

StreamId Http2Client::submit(const Request& request, bool has_body) {
  check_peer();
  if (lost_) throw UnexpectedEnd("the peer has closed the connection");
  const Headers fields = to_fields(request, scheme_);
  const auto name_values = to_name_values(fields);
  nghttp2_data_provider body{};
  body.read_callback = Callbacks::read_body;
  const StreamId id =
      nghttp2_submit_request(session_.get(), nullptr, name_values.data(), name_values.size(),
                             has_body ? &body : nullptr, nullptr);
  check_nghttp2(id, "request");
  streams_[id].response.end = BodyEnd::aborted;
  return id;
}

StreamId Http2Client::begin(const Request& request, Millis deadline) {
  const StreamId id = submit(request, !request.body.empty());
  stream(id).output.add(request.body);
  stream(id).output.ends = true;
  flush(TestClock::now() + deadline);
  return id;
}

StreamId Http2Client::begin_upload(const Request& request, Millis deadline) {
  const StreamId id = submit(request, true);
  flush(TestClock::now() + deadline);
  return id;
}

void Http2Client::resume(StreamId id, TestTime until) {
  (void)nghttp2_session_resume_data(session_.get(), id);  // refused while it is not deferred
  flush(until);
}

void Http2Client::offer_data(StreamId id, std::string_view bytes, Millis deadline) {
  Stream& to = stream(id);
  if (to.closed) return;
  to.output.add(bytes);
  resume(id, TestClock::now() + deadline);
}

void Http2Client::send_data(StreamId id, std::string_view bytes, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  offer_data(id, bytes, deadline);
  Stream& to = stream(id);
  wait_until([&to] { return to.output.unsent() == 0 || to.closed; }, until);
}

std::size_t Http2Client::unsent(StreamId id) const {
  return streams_.at(id).output.unsent();
}

void Http2Client::end(StreamId id, const Headers& trailers, Millis deadline) {
  Stream& to = stream(id);
  to.output.ends = true;
  to.output.trailers = trailers;
  resume(id, TestClock::now() + deadline);
}

void Http2Client::reset(StreamId id, std::string_view code, Millis deadline) {
  if (const auto found = streams_.find(id); found != streams_.end()) {
    found->second.reset_by_us = true;
  }
  check_nghttp2(
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, http2_error_code(code)),
      "RST_STREAM");
  flush(TestClock::now() + deadline);
}

Response Http2Client::read_head(StreamId id, Millis deadline) {
  Stream& from = stream(id);
  wait_until([&from] { return !from.interim.empty() || from.response.status != 0 || from.closed; },
             TestClock::now() + deadline);
  if (from.interim.empty()) return from.response;
  Response interim = std::move(from.interim.front());
  from.interim.pop_front();
  return interim;
}

std::string Http2Client::receive(StreamId id, std::size_t size, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  Stream& from = stream(id);
  std::string all;
  for (;;) {
    const std::size_t taken = std::min(size - all.size(), from.arrived.size());
    all += from.arrived.substr(0, taken);
    from.arrived.erase(0, taken);
    from.response.body_size += taken;
    give_window_back(id, taken, until);
    if (all.size() == size || from.closed || from.ended_by_peer) return all;
    wait_until([&from] { return !from.arrived.empty() || from.closed || from.ended_by_peer; },
               until);
    if (from.arrived.empty()) return all;
  }
}

void Http2Client::give_window_back(StreamId id, std::size_t size, TestTime until) {
  if (size == 0) return;
  (void)nghttp2_session_consume_stream(session_.get(), id, size);  // refused when it is closed
  flush(until);
}

void Http2Client::deliver(Stream& from, StreamId id, const BodySink& sink, TestTime until) {
  const std::string piece = std::exchange(from.arrived, {});
  if (piece.empty()) return;
  from.response.body_size += piece.size();
  sink(piece);
  give_window_back(id, piece.size(), until);
}

Response Http2Client::wait_into(const BodySink& sink, StreamId id, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  Stream& from = stream(id);
  const auto over = [&from] { return from.ended_by_peer || from.closed; };
  while (!over()) {
    wait_until([&] { return over() || !from.arrived.empty(); }, until);
    deliver(from, id, sink, until);
  }
  deliver(from, id, sink, until);
  Response response = std::move(from.response);
  response.interim.assign(from.interim.begin(), from.interim.end());
  if (from.closed) {
    streams_.erase(id);
  } else {
    from.response = Response{};  // its request may still go on
  }
  return response;
}

Response Http2Client::wait(StreamId id, Millis deadline) {
  std::string body;
  const BodySink keep = [&body](std::string_view piece) {
    body.append(piece.substr(0, Response::kKeptBody - std::min(body.size(), Response::kKeptBody)));
  };
  Response response = wait_into(keep, id, deadline);
  response.body = std::move(body);
  return response;
}

Response Http2Client::exchange(const Request& request, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  const StreamId id = begin(request, deadline);
  return wait(id, left(until));
}

Response Http2Client::get(const std::string& target, const Headers& headers) {
  return exchange({.method = "GET", .target = target, .headers = headers});
}

Http2Settings Http2Client::peer_settings(Millis deadline) {
  wait_until([this] { return settings_came_; }, TestClock::now() + deadline);
  const auto value = [this](nghttp2_settings_id id) {
    return nghttp2_session_get_remote_settings(session_.get(), id);
  };
  return {.header_table_size = value(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE),
          .max_concurrent_streams = value(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
          .initial_window_size = value(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
          .max_frame_size = value(NGHTTP2_SETTINGS_MAX_FRAME_SIZE),
          .max_header_list_size = value(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
          .extended_connect = value(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1,
          .no_rfc7540_priorities = value(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES) == 1};
}

void Http2Client::ping(Millis deadline) {
  const std::size_t wanted = ++pings_sent_;
  check_nghttp2(nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr), "PING");
  wait_until([&] { return pings_answered_ >= wanted; }, TestClock::now() + deadline);
}

Goaway Http2Client::goaway(Millis deadline) {
  wait_until([this] { return goaway_.has_value(); }, TestClock::now() + deadline);
  return *goaway_;
}

bool Http2Client::closed_by_peer(Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  try {
    wait_until([this] { return lost_; }, until);
    return true;
  } catch (const TimedOut&) {
    return false;
  }
}

bool Http2Client::usable() {
  const TestTime until = TestClock::now() + kDeadline;
  while (!lost_ && socket_.wait_readable(Millis{0})) receive_some(until);
  flush(until);
  return !lost_ && !goaway_;
}

void Http2Client::check_peer() const {
  if (!violation_.empty()) throw SocketError("the peer breaks HTTP/2: " + violation_);
}

void Http2Client::wait_until(const std::function<bool()>& predicate, TestTime until) {
  for (;;) {
    flush(until);
    check_peer();
    if (predicate()) return;
    if (lost_) throw UnexpectedEnd("the peer has closed the connection");
    receive_some(until);
  }
}

void Http2Client::flush(TestTime until) {
  output_ += take_output(session_.get());
  if (lost_) output_.clear();
  if (!output_.empty()) send_output(until);
}

void Http2Client::send_output(TestTime until) {
  try {
    while (!output_.empty()) {
      output_.erase(0, socket_.send_now(output_));
      if (output_.empty()) break;
      if (!wait_ready(socket_.fd(), POLLIN | POLLOUT, until)) throw TimedOut("send timed out");
      // The peer may read nothing before we do.
      if (socket_.wait_readable(Millis{0})) receive_some(until);
    }
    socket_.send_all({}, left(until));  // with TLS, the end of a record may be left
  } catch (const ConnectionReset&) {
    output_.clear();  // what the peer has sent before can still be read
  }
}

void Http2Client::receive_some(TestTime until) {
  std::array<char, 65536> buffer{};
  std::size_t size = 0;
  try {
    size = socket_.receive(buffer.data(), buffer.size(), left(until));
  } catch (const ConnectionReset&) {
    return lose_connection();
  } catch (const TruncatedTls&) {
    return lose_connection();
  }
  if (size == 0) return lose_connection();
  const ssize_t taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(buffer.data()), size);
  check_nghttp2(static_cast<int>(std::min<ssize_t>(taken, 0)), "receive");
}

void Http2Client::lose_connection() {
  lost_ = true;
  for (auto& [id, each] : streams_) each.closed = true;
}

}  // namespace bonedry::test
