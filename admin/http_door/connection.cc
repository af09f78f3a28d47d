#include "admin/http_door/connection.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::http_door {

using bonedry::http::ParseStatus;
using io::IoStatus;
using io::Ready;

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kComment = ":\n\n";

}  // namespace

Connection::Connection(const ConnectionParts& parts, io::TransportSource source, Sender sender,
                       std::function<void(Connection&)> closed)
    : parts_(parts),
      transport_(parts.loop, std::move(source)),
      sender_(std::move(sender)),
      closed_(std::move(closed)),
      timer_(parts.loop.timers(), [this] { on_timer(); }),
      deferred_(parts.loop, [this] { on_deferred(); }) {}

void Connection::begin() {
  transport_->attach(*this);
  enter(State::opening, parts_.limits.request);
  open();
}

void Connection::leave(const CommandError& why) {
  next_ = Next::close;
  if (state_ == State::answering || state_ == State::streaming) return exchange_->fail(why);
  if (state_ == State::reading && in_.empty() && part_ == Part::head) close();
}

void Connection::stop(const CommandError& why) {
  leave(why);
  if (state_ == State::flushing) flush();
  close();
}

void Connection::close() {
  if (state_ == State::closed) return;
  enter(State::closed, std::nullopt);
  deferred_.cancel();
  transport_.reset();
  closed_(*this);
}

// -- What the client sends ------------------------------------------------------------------------

void Connection::on_ready(Ready ready) {
  if (state_ == State::opening) return open();
  if (has(ready, Ready::write) && !out_.empty()) flush();
  if (state_ != State::closed && has(ready, Ready::read)) read();
  if (ready == Ready::errors && state_ != State::closed) close();
}

void Connection::on_watch_failed(int /*error*/) {
  close();
}

void Connection::on_timer() {
  if (state_ == State::streaming && !is_behind()) return send_event(kComment);
  const bool is_late = state_ == State::reading && (!in_.empty() || part_ == Part::body);
  if (is_late) return refuse(408, "the request did not arrive in time");
  close();
}

void Connection::open() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return transport_->want(Ready::read);
  if (status != IoStatus::done) return close();
  enter(State::reading, parts_.limits.request);
}

void Connection::read() {
  const auto room = in_.room(parts_.blocks, parts_.limits.head.bytes);
  if (room.empty()) return update_interest();
  const bool was_empty = in_.empty();
  const io::ReadResult result = transport_->read(room);
  if (result.status == IoStatus::done) in_.filled(result.size);
  if (in_.empty()) in_.clear();
  switch (result.status) {
    case IoStatus::done:
      break;
    case IoStatus::would_block:
      return update_interest();
    case IoStatus::closed:
      return on_input_end();
    case IoStatus::truncated:
    case IoStatus::failed:
    case IoStatus::refused:
      return close();
  }
  if (state_ == State::lingering) return in_.clear();
  if (state_ != State::reading) return update_interest();
  if (was_empty && part_ == Part::head) timer_.arm(parts_.limits.request);
  process();
}

/// A client may half-close after its request. Who follows or waits, and then closes, is gone.
void Connection::on_input_end() {
  input_ = Input::ended;
  next_ = Next::close;
  const bool waits = state_ == State::answering || (state_ == State::flushing && !out_.empty());
  if (!waits || (exchange_ && exchange_->ends_with_client())) return close();
  update_interest();
}

/// Runs the request that has been read, if it is complete.
void Connection::process() {
  if (part_ == Part::head && !parse_head()) return update_interest();
  if (state_ == State::reading && part_ == Part::body && !parse_body()) return update_interest();
  if (state_ == State::reading) run();
}

bool Connection::parse_head() {
  if (in_.empty()) return false;
  const auto status = parser_.parse_head(in_.data(), in_.size(), parts_.limits.head, head_);
  if (status == ParseStatus::more) return false;
  if (status == ParseStatus::failed) {
    refuse(parser_.refusal().status, parser_.refusal().why);
    return true;
  }
  head_.block = in_.block();
  in_.consume(head_.size);
  take_head();
  return true;
}

void Connection::take_head() {
  const auto facts = bonedry::http::validate_request(head_);
  if (!facts) {
    if (head_.text(head_.method) == "HEAD") request_.method = Method::head;
    // 200 is the response to an OPTIONS that is not to be forwarded.
    const int status = facts.error().status == 200 ? 405 : facts.error().status;
    return refuse(status, status == 405 ? "only GET, HEAD and POST are served" : facts.error().why);
  }
  request_ = to_request(head_, *facts);
  head_.block = {};
  if (facts->persistence == bonedry::http::Persistence::close) next_ = Next::close;
  const auto& body = facts->body;
  if (body.length == bonedry::http::BodyLength::known && body.bytes > parts_.limits.body_bytes) {
    return refuse(413, "the body is too long");
  }
  parser_.expect_body(facts->framing);
  part_ = Part::body;
  if (facts->expects_continue && in_.empty()) {
    out_.push(to_slice(parts_.blocks, kContinue));
    flush();
  }
}

/// Whether the body is complete, or refused.
bool Connection::parse_body() {
  while (true) {
    bonedry::http::BodyPieces pieces;
    std::size_t used = 0;
    const auto status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
    for (const bonedry::http::Span& piece : pieces.all()) {
      request_.body.append(in_.data() + piece.at, piece.size);
    }
    in_.consume(used);
    if (status == ParseStatus::failed || request_.body.size() > parts_.limits.body_bytes) {
      const bool failed = status == ParseStatus::failed;
      refuse(failed ? parser_.refusal().status : 413,
             failed ? parser_.refusal().why : "the body is too long");
      return true;
    }
    if (status == ParseStatus::complete) return true;
    if (in_.empty()) return false;
  }
}

/// Of a request that cannot be answered; what follows it cannot be told apart from it.
void Connection::refuse(int status, std::string why) {
  next_ = Next::close;
  in_.clear();
  enter(State::answering, std::nullopt);
  Response refused = to_response(problem(status, ErrorCode::invalid, std::move(why)));
  if (status == 405) refused.fields += "Allow: GET, HEAD, POST\r\n";
  send(refused);
}

void Connection::run() {
  enter(State::answering, std::nullopt);
  exchange_ = std::make_unique<Exchange>(parts_.exchange, request_, sender_,
                                         static_cast<ResponseSink&>(*this));
  exchange_->answer();
}

// -- What it gets ---------------------------------------------------------------------------------

void Connection::send(const Response& response) {
  if (state_ != State::answering) return;
  if (response.pieces) return send_in_pieces(response);
  const BodyEnd end =
      next_ == Next::request ? BodyEnd::length_then_next : BodyEnd::length_then_close;
  std::string text = render_head(response, end, parts_.clock.wall(), parts_.hsts);
  const std::string_view content =
      request_.method == Method::head ? std::string_view{} : response.content();
  // A status of 1,000 nodes has a megabyte: it is copied once.
  const bool is_short = text.size() + content.size() <= BlockPool::kBlockSize;
  if (is_short) text += content;
  out_.push(to_slice(parts_.blocks, text));
  if (!is_short) out_.push(to_slice(parts_.blocks, content));
  enter(State::flushing, parts_.limits.io_timeout);
  flush();
}

/// Each iteration of the event loop sends one piece, so that a long body holds up nothing.
void Connection::send_in_pieces(const Response& response) {
  BodyEnd end = next_ == Next::request ? BodyEnd::chunked_then_next : BodyEnd::chunked_then_close;
  pieces_writer_.start(bonedry::http::FramingKind::chunked);
  if (request_.version == Version::http_1_0) {  // which has no chunks
    next_ = Next::close;
    end = BodyEnd::close;
    pieces_writer_.start(bonedry::http::FramingKind::until_close);
  }
  if (request_.method != Method::head) pieces_ = response.pieces;
  out_.push(to_slice(parts_.blocks, render_head(response, end, parts_.clock.wall(), parts_.hsts)));
  enter(State::flushing, parts_.limits.io_timeout);
  flush();
}

bool Connection::send_piece() {
  const Slice piece = to_slice(parts_.blocks, pieces_());
  const bonedry::http::HeadSink sink{out_, parts_.blocks};
  if (piece.size > 0) {
    bonedry::http::BodyPieces whole;
    whole.pieces[0].size = static_cast<std::uint32_t>(piece.size);
    whole.count = 1;
    whole.bytes = piece.size;
    pieces_writer_.write(piece.block, piece.data, whole, sink);
    return true;
  }
  pieces_ = {};
  if (pieces_writer_.is_plain()) return false;
  pieces_writer_.end("", sink);
  return true;
}

void Connection::begin_stream(const Response& head) {
  if (state_ != State::answering) return;
  next_ = Next::close;
  enter(State::streaming, parts_.limits.keep_alive);
  out_.push(
      to_slice(parts_.blocks, render_head(head, BodyEnd::close, parts_.clock.wall(), parts_.hsts)));
  flush();
}

void Connection::send_event(std::string_view event) {
  if (state_ != State::streaming) return;
  if (out_.bytes() + waiting_.size() > parts_.limits.max_unread_bytes) return close();
  waiting_ += event;
  deferred_.schedule();
}

void Connection::send_shared(const Slice& event) {
  if (state_ != State::streaming) return;
  if (is_behind()) return;  // the next one is newer
  out_.push(event);
  flush();
}

void Connection::end_stream() {
  if (state_ != State::streaming) return;
  enter(State::flushing, parts_.limits.io_timeout);
  flush();
}

void Connection::flush() {
  const std::size_t before = out_.bytes();
  IoStatus status = transport_->write(out_, io::Push::now);
  if (status == IoStatus::done && !waiting_.empty()) {
    out_.push(to_slice(parts_.blocks, std::exchange(waiting_, {})));
    status = transport_->write(out_, io::Push::now);
  }
  if (status != IoStatus::done && status != IoStatus::would_block) return close();
  const bool moved = out_.empty() || out_.bytes() < before;
  if (state_ == State::streaming) time_stream(moved ? Moved::yes : Moved::no);
  if (state_ == State::flushing && moved) timer_.arm(parts_.limits.io_timeout);
  if (state_ == State::flushing && out_.empty()) return on_flushed();
  update_interest();
}

void Connection::time_stream(Moved moved) {
  const Awaited now = out_.empty() ? Awaited::silence : Awaited::reader;
  if (now == awaited_ && moved == Moved::no) return;
  awaited_ = now;
  timer_.arm(now == Awaited::silence ? parts_.limits.keep_alive : parts_.limits.io_timeout);
}

void Connection::on_deferred() {
  if (state_ == State::streaming) return flush();
  if (state_ == State::flushing) return out_.empty() ? go_on() : flush();
}

void Connection::on_flushed() {
  if (pieces_ && send_piece()) return deferred_.schedule();
  if (next_ == Next::request) return deferred_.schedule();
  if (input_ == Input::ended) return close();
  // Closing with unread bytes would reset the connection, which can destroy the response.
  in_.clear();
  transport_->shutdown_write();
  enter(State::lingering, parts_.limits.linger);
}

/// To the next request, part of which may be there.
void Connection::go_on() {
  if (next_ == Next::close) return on_flushed();
  exchange_.reset();
  request_ = {};
  parser_.start();
  head_.clear();
  part_ = Part::head;
  enter(State::reading, in_.empty() ? parts_.limits.idle : parts_.limits.request);
  process();
}

void Connection::update_interest() {
  if (!transport_ || state_ == State::opening) return;
  // While a request is answered, what comes after it waits; its end must be noticed.
  const bool full = state_ != State::lingering && in_.size() >= parts_.limits.head.bytes / 2 &&
                    state_ != State::reading;
  const Ready read = input_ == Input::open && !full ? Ready::read : Ready::errors;
  if (out_.empty()) return transport_->want(read);
  transport_->want(read == Ready::read ? Ready::both : Ready::write);
}

void Connection::enter(State state, std::optional<Millis> time_limit) {
  state_ = state;
  timer_.disarm();
  if (time_limit) timer_.arm(*time_limit);
  update_interest();
}

}  // namespace bonedry::admin::http_door
