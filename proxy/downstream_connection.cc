#include "proxy/downstream_connection.h"

#include "proxy/worker.h"

#include <utility>

namespace bonedry::proxy {

using http::FramingKind;
using io::IoStatus;
using io::Ready;

namespace {

// After the last response: how long and how much the client may still send. Closing a socket with
// unread input resets the connection, which could destroy the response. The time restarts while the
// client still receives.
constexpr Millis kLingerTime{2000};
// Every response begins with this.
constexpr std::string_view kEarlyPrefix = "HTTP/1.1 ";

}  // namespace

DownstreamConnection::DownstreamConnection(Worker& worker, AcceptedClient accepted)
    : worker_(worker),
      client_(std::move(accepted.identity)),
      listener_(accepted.listener),
      tls_(std::move(accepted.tls)),
      slot_(std::move(accepted.slot)),
      transport_(worker.context().loop, std::move(accepted.transport)),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }),
      in_(std::move(accepted.received)) {
  transport_->attach(*this);
  timer_.arm(accepted.head_due - worker.context().loop.now());
  update_interest();
}

DownstreamConnection::~DownstreamConnection() = default;

http::HeadSink DownstreamConnection::sink() {
  return {out_.slices(), worker_.context().blocks};
}

/// Reads nothing if epoll does not watch the socket: `on_watch_failed` then turns the client away,
/// and its request must not have been processed. (What came with a PROXY header was read before.)
void DownstreamConnection::begin() {
  if (!in_.empty()) return process();
  if (transport_->wanted() != Ready::none) read();
}

void DownstreamConnection::reject(const http::Refusal& refusal) {
  exchange_ = worker_.acquire_exchange();
  refuse(refusal);
}

void DownstreamConnection::drain() {
  if (!worker_.closes_idle_connections()) return;
  if (state_ == State::head && in_.empty()) close();
}

void DownstreamConnection::close() {
  if (state_ == State::closed) return;
  const bool in_exchange = state_ == State::exchange;
  if (in_exchange && transport_) mark_cut();
  state_ = State::closed;
  timer_.disarm();
  transport_.reset();
  if (in_exchange) exchange_->on_downstream_lost();
  if (exchange_) worker_.release_exchange(std::move(exchange_));
  out_.clear();
  in_.clear();
  worker_.remove(*this);
}

/// Whether the client would take what it has received for the whole response if the connection
/// ended now.
bool DownstreamConnection::would_look_complete() const {
  const FramingKind framing = response_.writer.framing();
  return framing == FramingKind::until_close || (framing == FramingKind::tunnel && !out_.empty());
}

/// The client must notice that the response is cut, and gets what was sent of it if it can tell
/// from that.
void DownstreamConnection::mark_cut() {
  const FramingKind framing = response_.writer.framing();
  if (would_look_complete()) return transport_->reset_on_close();
  if (framing == FramingKind::length || framing == FramingKind::chunked) {
    transport_->end_incomplete();
  }
}

/// Closes with a reset if the body is to end with the connection, so that the client does not take
/// an incomplete body for a complete one.
void DownstreamConnection::reset_and_close() {
  const bool ends_at_close = response_.writer.framing() == FramingKind::until_close ||
                             response_.writer.framing() == FramingKind::tunnel;
  if (transport_) ends_at_close ? transport_->reset_on_close() : mark_cut();
  close();
}

// -- Sending --------------------------------------------------------------------------------------

/// RFC 9110, 15.2: an HTTP/1.0 client does not know 1xx, so none is sent to it.
void DownstreamConnection::send_interim(const http::Head& head) {
  if (exchange_->request_head().http_1_0()) return;
  const std::size_t sent = take_early_prefix();
  http::write_interim_head(head, sink());
  out_.slices().consume(sent);
}

/// A body of unknown length is sent chunked; to an HTTP/1.0 client it ends with the connection.
void DownstreamConnection::send_head(const http::Head& head, const http::ResponseInfo& response,
                                     const http::ResponseEdits& edits) {
  using Length = http::ResponseWriteOptions::Length;
  http::ResponseWriteOptions options;
  static_cast<http::ResponseEdits&>(options) = edits;
  options.to_http_1_0 = exchange_->request_head().http_1_0();
  options.upgrade = response.upgrade;
  options.hsts = worker_.hsts(listener_);
  switch (response.body.length) {
    case http::BodyLength::none:
      options.framing = FramingKind::none;
      if (http::needs_zero_length(head, request_.request_kind)) options.length = Length::zero;
      break;
    case http::BodyLength::known:
      options.framing = FramingKind::length;
      break;
    case http::BodyLength::unknown:
      options.framing = options.to_http_1_0 ? FramingKind::until_close : FramingKind::chunked;
  }
  if (response.switches()) options.framing = FramingKind::tunnel;
  options.persistence = response_persistence(options.framing);
  response_.persistence = options.persistence;
  response_.writer.start(options.framing);
  if (response_.persistence == http::Persistence::close) response_.ending = Ending::with_response;
  const std::size_t sent = take_early_prefix();
  http::write_response_head(head, options, sink());
  out_.slices().consume(sent);
}

/// No keep-alive if the request is still incomplete: its rest may never arrive.
http::Persistence DownstreamConnection::response_persistence(FramingKind framing) const {
  const bool ends = framing == FramingKind::until_close || framing == FramingKind::tunnel;
  const bool keep = response_.persistence == http::Persistence::keep_alive &&
                    request_.body == Body::none && !ends && !worker_.draining();
  return keep ? http::Persistence::keep_alive : http::Persistence::close;
}

void DownstreamConnection::send_body(const BodySlices& body) {
  if (body.bytes() > 0) body.write_to(response_.writer, sink());
}

bool DownstreamConnection::takes_pipes() const {
  return response_.writer.is_plain() && (!transport_ || transport_->takes_pipes());
}

void DownstreamConnection::send_body(io::PipeLease body) {
  out_.push(std::move(body));
}

void DownstreamConnection::send_end(std::string_view trailers) {
  if (response_.ending == Ending::with_response) response_.ending = Ending::now;
  if (!response_.writer.is_plain()) response_.writer.end(trailers, sink());
}

void DownstreamConnection::send_local_response(const http::LocalResponse& response) {
  response_.persistence = response_persistence(FramingKind::length);
  http::Http1LocalResponse reply;
  reply.status = response.status;
  reply.text = response.text;
  reply.content = response.content;
  reply.content_type = response.content_type;
  std::string fields = response.retry_after_s
                           ? "Retry-After: " + std::to_string(*response.retry_after_s) + "\r\n"
                           : "";
  if (!response.location.empty()) fields += "Location: " + response.location + "\r\n";
  if (!response.set_cookie.empty()) fields += "Set-Cookie: " + response.set_cookie + "\r\n";
  if (!response.allow.empty()) fields.append("Allow: ").append(response.allow).append("\r\n");
  fields += request_id_field(exchange_->response_request_id());
  reply.fields = fields;
  reply.persistence = response_.persistence;
  reply.request_kind = request_.request_kind;
  send(reply);
}

void DownstreamConnection::send(const http::Http1LocalResponse& reply) {
  response_.writer.start(FramingKind::length);
  const std::size_t sent = take_early_prefix();
  http::Http1LocalResponse complete = reply;
  complete.hsts = worker_.hsts(listener_);
  out_.slices().push_copy(worker_.context().blocks, http::render(complete));
  out_.slices().consume(sent);
}

/// A client that has ended its side may have half-closed, and still want the response, or have
/// closed; its FIN is the same. Only sending shows the difference: a closed socket replies with a
/// reset. So the prefix that all responses have in common is sent at once.
void DownstreamConnection::send_early_prefix() {
  if (state_ != State::exchange || !out_.empty() || response_.early_prefix == EarlyPrefix::sent)
    return;
  if (!exchange_->response_not_started()) return;
  response_.early_prefix = EarlyPrefix::sent;
  out_.slices().push_copy(worker_.context().blocks, kEarlyPrefix);
  if (flush() == Flow::broken) on_client_disconnected();
}

/// Returns how many bytes of the next head have been sent already. The unsent rest of the prefix is
/// dropped, since the head contains it.
std::size_t DownstreamConnection::take_early_prefix() {
  if (std::exchange(response_.early_prefix, EarlyPrefix::none) == EarlyPrefix::none) return 0;
  const std::size_t sent = kEarlyPrefix.size() - out_.bytes();
  out_.clear();
  return sent;
}

void DownstreamConnection::on_client_disconnected() {
  if (!continue_without_client()) close();
}

/// Continues the exchange without its client, if the exchange allows that; for [timeouts] response
/// at most, even if the node sends without end.
bool DownstreamConnection::continue_without_client() {
  if (state_ != State::exchange || !exchange_->continues_without_client()) return false;
  client_.set_local_address(transport_->local());
  transport_.reset();
  out_.clear();
  in_.clear();
  response_.early_prefix = EarlyPrefix::none;
  timer_.arm(worker_.context().timeouts.response);
  return true;
}

Flow DownstreamConnection::flush() {
  if (!transport_) {
    out_.clear();
    return gone() ? Flow::open : Flow::broken;
  }
  const auto push = response_.ending == Ending::now ? io::Push::with_next : io::Push::now;
  const IoStatus status = out_.write_to(*transport_, push);
  if (status != IoStatus::done && status != IoStatus::would_block) {
    out_.clear();
    return continue_without_client() ? Flow::open : Flow::broken;
  }
  if (status == IoStatus::done && response_.ending == Ending::now &&
      response_.writer.framing() == FramingKind::tunnel) {
    response_.ending = Ending::half_closed;
    transport_->shutdown_write();
  }
  update_interest();
  return status == IoStatus::done ? Flow::open : Flow::congested;
}

EndpointPair DownstreamConnection::endpoints() const {
  const auto& destination = client_.destination();
  return {client_.source(), destination ? *destination : transport_->local()};
}

void DownstreamConnection::pause(PauseReason reason) {
  request_.pauses.add(reason);
  // The rest of this request precedes the next one, and will not be read.
  if (reason == PauseReason::dropped) response_.persistence = http::Persistence::close;
  update_interest();
}

void DownstreamConnection::resume(PauseReason reason) {
  request_.pauses.remove(reason);
  deliver_body();
}

/// Delivers what has been read already; the rest is delivered when it is read.
void DownstreamConnection::deliver_body() {
  if (!wants_body()) return;
  update_interest();
  while (state_ == State::exchange && wants_body() && !in_.empty()) {
    if (!parse_body()) break;
  }
  if (state_ != State::exchange || !is_truncated()) return;
  parser_.ends_at_close() ? on_end_of_tunnel() : close();
}

void DownstreamConnection::begin_tunnel() {
  parser_.expect_body({FramingKind::tunnel, 0});
  request_.body = Body::coming;
  request_.pauses = {};
  deliver_body();
}

void DownstreamConnection::follow_topology() {
  if (state_ == State::exchange) exchange_->end_if_displaced();
}

void DownstreamConnection::on_exchange_end(StreamEnd end) {
  if (state_ == State::closed) return;  // `close` has ended the exchange
  if (gone()) {
    state_ = State::lingering;  // so that `close` does not notify the exchange
    return close();
  }
  // Requests that arrived before the client half-closed, or the worker began to drain, are still
  // served.
  const bool more = !in_.empty() || (input_ == Input::open && !worker_.closes_idle_connections());
  const bool reusable = end == StreamEnd::complete &&
                        response_.persistence == http::Persistence::keep_alive &&
                        request_.body == Body::none && more;
  if (reusable) return next_request();
  if (end == StreamEnd::aborted) {
    state_ = State::lingering;  // so that `close` does not notify the exchange
    return reset_and_close();
  }
  const bool no_unread_input =
      request_.body == Body::none && in_.empty() && !transport_->has_unread();
  if (input_ == Input::ended || no_unread_input) {
    state_ = State::lingering;
    return close();
  }
  linger();
}

void DownstreamConnection::next_request() {
  worker_.release_exchange(std::move(exchange_));
  parser_.start();
  state_ = State::head;
  response_.writer.start(FramingKind::none);
  lingering_.unacknowledged = kNotMeasured;
  timer_.arm(in_.empty() ? worker_.context().timeouts.idle : worker_.context().timeouts.header);
  if (in_.empty()) return update_interest();
  process();
}

void DownstreamConnection::linger() {
  state_ = State::lingering;
  request_.body = Body::none;
  lingering_.unacknowledged = kNotMeasured;
  in_.clear();
  if (out_.empty()) transport_->shutdown_write();
  timer_.arm(kLingerTime);
  update_interest();
}

/// Whether the client has received more of the last response since the last check. Megabytes of it
/// may still wait in the kernel; the client is then not idle, and closing could discard them.
bool DownstreamConnection::still_receives() {
  const std::size_t left = unsent() + unacknowledged();
  const std::size_t before = std::exchange(lingering_.unacknowledged, left);
  return before == kNotMeasured ? left > 0 : left < before;
}

void DownstreamConnection::on_timeout() {
  const bool idle = state_ == State::head && in_.empty();
  if ((idle || state_ == State::lingering) && still_receives()) {
    return timer_.arm(idle ? worker_.context().timeouts.idle : kLingerTime);
  }
  const bool within_head = state_ == State::head && !in_.empty();
  if (!within_head) return close();
  refuse({408, "the request head did not arrive in time", "[timeouts] header"});
}

}  // namespace bonedry::proxy
