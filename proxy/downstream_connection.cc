#include "proxy/downstream_connection.h"

#include "proxy/worker.h"

#include <utility>

namespace bonedry::proxy {

using http::BodyKind;
using http::ParseStatus;
using io::IoStatus;
using io::Ready;

namespace {

// After the last answer: how long and how much the client may go on talking, so that closing does
// not reset the answer away from under it. The time begins anew while the client still takes it.
constexpr Millis kLingerTime{2000};
constexpr std::size_t kLingerBytes = 256 * 1024;
// All that is ever said first, whatever the answer will be.
constexpr std::string_view kEarlyPrefix = "HTTP/1.1 ";

}  // namespace

DownstreamConnection::DownstreamConnection(Worker& worker, std::unique_ptr<io::Transport> transport,
                                           const io::SocketAddress& peer, std::size_t listener,
                                           ProxyHeaderMode proxy_header_mode,
                                           ConnectionLimiter::Slot slot)
    : worker_(worker),
      client_(io::endpoint_of(peer), io::host_text(peer), worker.context().trusted_proxies),
      listener_(listener),
      slot_(std::move(slot)),
      state_(proxy_header_mode == ProxyHeaderMode::required ? State::proxy_header : State::head),
      transport_(std::move(transport)),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }) {
  transport_->attach(*this);
  timer_.arm(worker.context().timeouts.header);
  update_interest();
}

DownstreamConnection::~DownstreamConnection() = default;

http::HeadSink DownstreamConnection::sink() {
  return {out_.slices(), worker_.context().chunks};
}

/// What is refused for want of a watch was not done.
void DownstreamConnection::begin() {
  if (transport_->wanted() != Ready::none) read();
}

void DownstreamConnection::drain() {
  if (state_ == State::proxy_header || (state_ == State::head && in_.empty())) close();
}

void DownstreamConnection::close() {
  if (state_ == State::closed) return;
  const bool in_exchange = state_ == State::exchange;
  state_ = State::closed;
  timer_.disarm();
  transport_.reset();
  if (in_exchange) exchange_->on_downstream_lost();
  if (exchange_) worker_.release_exchange(std::move(exchange_));
  out_.clear();
  in_.clear();
  worker_.remove(*this);
}

/// The client must not take what it got for a whole message that ends with the connection.
void DownstreamConnection::reset_and_close() {
  const bool ends_at_close =
      body_writer_.framing() == BodyKind::until_close || body_writer_.framing() == BodyKind::tunnel;
  if (transport_ && ends_at_close) transport_->reset_on_close();
  close();
}

// -- Sending --------------------------------------------------------------------------------------

/// RFC 9110, 15.2: a client of HTTP/1.0 knows no 1xx.
void DownstreamConnection::send_interim(const http::Head& head) {
  if (exchange_->request_head().http_1_0()) return;
  const std::size_t sent = take_early_prefix();
  http::write_interim_head(head, sink());
  out_.slices().consume(sent);
}

/// A length that is not known is told by chunks, or to a client of HTTP/1.0 by the end of the
/// connection.
void DownstreamConnection::send_head(const http::Head& head, const http::ResponseInfo& response,
                                     const http::ResponseEdits& edits) {
  http::ResponseWriteOptions options;
  static_cast<http::ResponseEdits&>(options) = edits;
  options.to_http_1_0 = exchange_->request_head().http_1_0();
  options.upgrade = response.upgrade;
  switch (response.body.length) {
    case http::BodyLength::none:
      options.framing = BodyKind::none;
      break;
    case http::BodyLength::known:
      options.framing = BodyKind::length;
      break;
    case http::BodyLength::unknown:
      options.framing = options.to_http_1_0 ? BodyKind::until_close : BodyKind::chunked;
  }
  if (response.switches()) options.framing = BodyKind::tunnel;
  options.persistence = response_persistence(options.framing);
  persistence_ = options.persistence;
  body_writer_.start(options.framing);
  if (persistence_ == http::Persistence::close) ending_ = Ending::with_answer;
  const std::size_t sent = take_early_prefix();
  http::write_response_head(head, options, sink());
  out_.slices().consume(sent);
}

/// A request that is not all here by now may never be.
http::Persistence DownstreamConnection::response_persistence(BodyKind framing) const {
  const bool ends = framing == BodyKind::until_close || framing == BodyKind::tunnel;
  const bool keep = persistence_ == http::Persistence::keep_alive && body_ == Body::none && !ends &&
                    !worker_.draining();
  return keep ? http::Persistence::keep_alive : http::Persistence::close;
}

void DownstreamConnection::send_body(const BodySlices& body) {
  if (body.bytes() > 0) body.write_to(body_writer_, sink());
}

bool DownstreamConnection::takes_pipes() const {
  return body_writer_.is_plain() && (!transport_ || transport_->takes_pipes());
}

void DownstreamConnection::send_body(io::PipeLease body) {
  out_.push(std::move(body));
}

void DownstreamConnection::send_end(std::string_view trailers) {
  if (ending_ == Ending::with_answer) ending_ = Ending::now;
  if (!body_writer_.is_plain()) body_writer_.end(trailers, sink());
}

void DownstreamConnection::send_local_response(const http::LocalResponse& answer) {
  persistence_ = response_persistence(BodyKind::length);
  http::LocalReply reply;
  reply.status = answer.status;
  reply.text = answer.text;
  const std::string fields =
      answer.retry_after_s ? "Retry-After: " + std::to_string(*answer.retry_after_s) + "\r\n" : "";
  reply.fields = fields;
  reply.persistence = persistence_;
  reply.asked_by = asked_by_;
  send(reply);
}

void DownstreamConnection::send(const http::LocalReply& reply) {
  body_writer_.start(BodyKind::length);
  const std::size_t sent = take_early_prefix();
  out_.slices().push_copy(worker_.context().chunks, http::render(reply));
  out_.slices().consume(sent);
}

/// A client that has ended its side may still want the answer, or may have closed: both say the
/// same. Only a client that is there takes more bytes, and the others' kernels answer with a reset.
/// So the answer begins at once, with what it begins with in any case.
void DownstreamConnection::send_early_prefix() {
  if (state_ != State::exchange || !out_.empty() || early_prefix_ == EarlyPrefix::sent) return;
  if (!exchange_->response_not_started()) return;
  early_prefix_ = EarlyPrefix::sent;
  out_.slices().push_copy(worker_.context().chunks, kEarlyPrefix);
  if (flush() == Flow::broken) on_client_disconnected();
}

/// How much of the next head is out already. What of the send_early_prefix is not is dropped: the
/// head has it.
std::size_t DownstreamConnection::take_early_prefix() {
  if (std::exchange(early_prefix_, EarlyPrefix::none) == EarlyPrefix::none) return 0;
  const std::size_t sent = kEarlyPrefix.size() - out_.bytes();
  out_.clear();
  return sent;
}

void DownstreamConnection::on_client_disconnected() {
  if (!continue_without_client()) close();
}

/// The exchange goes on without its client, if it is to; but not for ever, even if the node always
/// has something more to say.
bool DownstreamConnection::continue_without_client() {
  if (state_ != State::exchange || !exchange_->continues_without_client()) return false;
  client_.set_local_address(transport_->local());
  transport_.reset();
  out_.clear();
  in_.clear();
  early_prefix_ = EarlyPrefix::none;
  timer_.arm(worker_.context().timeouts.response);
  return true;
}

Flow DownstreamConnection::flush() {
  if (!transport_) {
    out_.clear();
    return gone() ? Flow::open : Flow::broken;
  }
  const auto push = ending_ == Ending::now ? io::Push::with_next : io::Push::now;
  const IoStatus status = out_.write_to(*transport_, push);
  if (status == IoStatus::failed) {
    out_.clear();
    return continue_without_client() ? Flow::open : Flow::broken;
  }
  if (status == IoStatus::done && ending_ == Ending::now &&
      body_writer_.framing() == BodyKind::tunnel) {
    ending_ = Ending::said;
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
  pauses_.add(reason);
  // The rest of the request stands between here and the next one.
  if (reason == PauseReason::dropped) persistence_ = http::Persistence::close;
  update_interest();
}

void DownstreamConnection::resume(PauseReason reason) {
  pauses_.remove(reason);
  deliver_body();
}

/// What has been read already; the rest comes as it is read.
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
  parser_.expect_body({BodyKind::tunnel, 0});
  body_ = Body::coming;
  pauses_ = {};
  deliver_body();
}

void DownstreamConnection::follow_topology() {
  if (state_ == State::exchange) exchange_->end_if_displaced();
}

// -- Receiving ------------------------------------------------------------------------------------

bool DownstreamConnection::reads() const {
  if (input_ == Input::ended) return false;
  if (state_ != State::exchange) return true;
  // Pipelined requests wait in one chunk; body that nobody wants yet waits in the kernel.
  return wants_body() || (body_ == Body::none && in_.size() < ChunkPool::kChunkSize / 2);
}

void DownstreamConnection::update_interest() {
  if (!transport_) return;
  if (watches_errors_only()) return transport_->want(Ready::errors);
  const Ready read = reads() ? Ready::read : Ready::none;
  transport_->want(out_.empty() ? read : read | Ready::write);
}

void DownstreamConnection::on_ready(Ready ready) {
  if (watches_errors_only()) {
    if (transport_->has_failed()) return on_client_disconnected();
    // Both sides have ended, and it would be told again and again.
    if (ready == Ready::errors) transport_->want(Ready::none);
    return;
  }
  if (has(ready, Ready::write) && !out_.empty()) {
    const std::size_t waiting = out_.bytes();
    const Flow flow = flush();
    if (flow == Flow::broken) return close();
    if (state_ == State::lingering && flow == Flow::open) transport_->shutdown_write();
    if (state_ == State::exchange && early_prefix_ == EarlyPrefix::none) {
      if (out_.bytes() != waiting) exchange_->on_downstream_progress();
      if (flow == Flow::open) exchange_->on_downstream_drained();
    }
  }
  if (transport_ && has(ready, Ready::read)) read();
}

/// A client that cannot be heard or answered any more is told so, as far as that goes at once.
void DownstreamConnection::on_watch_failed(int error) {
  if (state_ != State::exchange) {
    worker_.report_out_of_resources(error);
    const bool asks = state_ == State::head && requests_ == 0;
    if (asks) turn_away({503, "the proxy is out of resources", "Retry-After: 5\r\n"});
    return close();
  }
  exchange_->on_error(out_of_resources(error));
  if (state_ == State::head) close();
}

/// Nothing is waited for. What was read is not reset away from under the answer.
void DownstreamConnection::turn_away(const http::LocalReply& reply) {
  (void)transport_->read(in_.room(worker_.context().chunks, ChunkPool::kChunkSize));
  send(reply);
  (void)out_.write_to(*transport_);
  transport_->shutdown_write();
}

void DownstreamConnection::read() {
  if (state_ == State::exchange && body_ == Body::coming && !pauses_.none())
    return update_interest();
  if (state_ == State::exchange && wants_body() && in_.empty() && transport_->takes_pipes() &&
      exchange_->takes_request_pipes()) {
    io::PipeLease pipe = worker_.context().pipes.take_if_worth(parser_.expected_bytes());
    if (pipe) return read_spliced(std::move(pipe));
  }
  read_memory();
}

void DownstreamConnection::read_memory() {
  const std::size_t limit =
      state_ == State::head ? worker_.context().heads.bytes : ChunkPool::kChunkSize;
  const auto room = in_.room(worker_.context().chunks, limit);
  if (room.empty()) return process();
  const bool was_empty = in_.empty();
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      in_.filled(result.size);
      if (state_ == State::lingering) {
        lingered_ += result.size;
        in_.clear();
        if (lingered_ > kLingerBytes) close();
        return;
      }
      if (state_ == State::head && was_empty) timer_.arm(worker_.context().timeouts.header);
      return process();
    case IoStatus::would_block:
      if (was_empty) in_.clear();
      return update_interest();
    case IoStatus::closed:
      if (was_empty) in_.clear();
      return on_end_of_input();
    case IoStatus::failed:
    case IoStatus::refused:
      return on_client_disconnected();
  }
}

/// Body bytes from kernel to kernel. The parser counts them.
void DownstreamConnection::read_spliced(io::PipeLease pipe) {
  const io::ReadResult result = transport_->read(*pipe, io::Pipe::most(parser_.skippable_bytes()));
  switch (result.status) {
    case IoStatus::done:
      break;
    case IoStatus::would_block:
      return read_memory();  // gets past urgent data, at which splicing stops for good
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::failed:
      return close();
    case IoStatus::refused:
      worker_.context().pipes.disable();
      return read_memory();
  }
  const bool last = parser_.skip(result.size) == ParseStatus::complete;
  if (last) body_ = Body::none;
  exchange_->on_request_body(std::move(pipe), last ? Last::yes : Last::no);
  if (state_ == State::exchange) exchange_->on_request_read_end();
  process();
}

void DownstreamConnection::on_end_of_input() {
  input_ = Input::ended;
  if (state_ == State::exchange && body_ != Body::none && parser_.ends_at_close()) {
    return on_end_of_tunnel();
  }
  // A client may close its sending side once its request is complete, and still wants the answer.
  const bool complete = state_ == State::exchange && body_ == Body::none;
  if (!complete) return close();
  update_interest();
  send_early_prefix();
}

/// The client ends its side; the node may still have something to say.
void DownstreamConnection::on_end_of_tunnel() {
  body_ = Body::none;
  update_interest();
  const http::BodyPieces nothing;
  exchange_->on_request_body(BodySlices(ChunkRef{}, nullptr, nothing), Last::yes, "");
  if (state_ == State::exchange) exchange_->on_request_read_end();
}

/// Works through what has been read, as far as it goes now. Exchanges that end within it come back
/// here through `next_request`, so that any number of pipelined requests is a loop, not a
/// recursion.
void DownstreamConnection::process() {
  if (processing_ == Processing::running) return;
  processing_ = Processing::running;
  bool going = true;
  while (going) {
    if (state_ == State::head) {
      going = !in_.empty() && parse_head();
    } else if (state_ == State::proxy_header) {
      going = parse_proxy_header();
    } else {
      going = state_ == State::exchange && wants_body() && !in_.empty() && parse_body();
      if (going) continue;
      going = state_ == State::head && !in_.empty();
    }
  }
  processing_ = Processing::idle;
  if (is_truncated()) return close();
  if (state_ != State::closed) update_interest();
}

/// The client has closed its side, and what has been read does not make up a request: the rest of
/// it can no longer come.
bool DownstreamConnection::is_truncated() const {
  if (input_ == Input::open) return false;
  return state_ == State::head || (state_ == State::exchange && body_ != Body::none && in_.empty());
}

/// Nobody is answered before the header is there: who speaks another protocol gets no word of this
/// one.
bool DownstreamConnection::parse_proxy_header() {
  const io::ProxyHeader header = io::parse_proxy_header({in_.data(), in_.size()});
  switch (header.status) {
    case io::ProxyHeader::Status::more:
      return false;
    case io::ProxyHeader::Status::failed:
      worker_.report_proxy_refusal(client_.text(), header.why);
      close();
      return false;
    case io::ProxyHeader::Status::complete:
      break;
  }
  in_.consume(header.size);
  client_.announce(header, worker_.context().trusted_proxies);
  state_ = State::head;
  if (is_admitted()) return true;
  worker_.report_turned_away(
      client_.text(),
      "too many connections from this address; see [limits] connections_per_client");
  exchange_ = worker_.acquire_exchange();
  refuse({429, "too many connections from this address", "[limits] connections_per_client"});
  return false;
}

/// A proxy that is trusted speaks for many.
bool DownstreamConnection::is_admitted() {
  if (client_.trust() == http::Trust::forwarded) return true;
  return slot_.take_for_address(client_.address(), worker_.context().limits.connections_per_client);
}

bool DownstreamConnection::parse_head() {
  if (!exchange_) exchange_ = worker_.acquire_exchange();
  http::Head& head = exchange_->request_head();
  const auto status = parser_.parse_head(in_.data(), in_.size(), worker_.context().heads, head);
  if (status == ParseStatus::more) return false;
  if (status == ParseStatus::failed) {
    refuse(parser_.refusal());
    return false;
  }
  head.chunk = in_.chunk();
  in_.consume(head.size);
  start_exchange();
  return true;
}

void DownstreamConnection::start_exchange() {
  auto facts = http::validate_request(exchange_->request_head());
  if (!facts) return refuse(facts.error());
  const std::uint64_t most = worker_.context().limits.requests_per_connection;
  if (++requests_ >= most && most != 0) facts->persistence = http::Persistence::close;
  timer_.disarm();
  state_ = State::exchange;
  parser_.expect_body(facts->framing);
  body_ = facts->framing.kind == BodyKind::none ? Body::none : Body::coming;
  pauses_ = Pauses(PauseReason::no_node);
  persistence_ = facts->persistence;
  asked_by_ = facts->head ? http::AskedBy::head : http::AskedBy::other;
  exchange_->start({this, listener_, {client_.text(), "http", client_.trust()}}, *facts);
  if (input_ == Input::ended && body_ == Body::none) send_early_prefix();
}

bool DownstreamConnection::parse_body() {
  http::BodyPieces pieces;
  std::size_t used = 0;
  const auto status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
  if (status == ParseStatus::failed) {
    exchange_->on_error(refused(EndReason::bad_request, parser_.refusal()));
    return false;
  }
  const BodySlices body(in_.chunk(), in_.data(), pieces);
  in_.consume(used);
  const bool last = status == ParseStatus::complete;
  if (last) body_ = Body::none;
  exchange_->on_request_body(body, last ? Last::yes : Last::no, parser_.trailers());
  if (state_ == State::exchange) exchange_->on_request_read_end();
  return true;
}

/// A request that must not be forwarded: an answer, and the connection is of no use any more.
void DownstreamConnection::refuse(const http::Refusal& refusal) {
  const http::Head& head = exchange_->request_head();
  const bool parsed = head.base != nullptr;
  worker_.report_refusal(client_.text(),
                         parsed
                             ? http::RequestPreview{head.text(head.method), head.text(head.target)}
                             : http::request_preview({in_.data(), in_.size()}),
                         refusal);
  http::LocalReply reply;
  reply.status = refusal.status;
  reply.text = refusal.why;
  const bool allow = refusal.status == 405 || refusal.status == 200;
  if (allow) reply.fields = http::kAllowField;  // RFC 9110, 15.5.6 and 9.3.7
  send(reply);
  if (flush() == Flow::broken) return close();
  linger();
}

void DownstreamConnection::on_exchange_end(StreamEnd end) {
  if (state_ == State::closed) return;  // it ends because of us
  if (gone()) {
    state_ = State::lingering;  // the exchange knows already
    return close();
  }
  // Requests that came before the client closed its side, or the worker began to drain, are served
  // still.
  const bool more = !in_.empty() || (input_ == Input::open && !worker_.closes_idle_connections());
  const bool reusable = end == StreamEnd::complete &&
                        persistence_ == http::Persistence::keep_alive && body_ == Body::none &&
                        more;
  if (reusable) return next_request();
  if (end == StreamEnd::aborted) {
    state_ = State::lingering;  // the exchange knows already
    return reset_and_close();
  }
  const bool no_unread_input = body_ == Body::none && in_.empty() && !transport_->has_unread();
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
  body_writer_.start(BodyKind::none);
  last_unacknowledged_ = kNotMeasured;
  timer_.arm(in_.empty() ? worker_.context().timeouts.idle : worker_.context().timeouts.header);
  if (in_.empty()) return update_interest();
  process();
}

void DownstreamConnection::linger() {
  state_ = State::lingering;
  body_ = Body::none;
  last_unacknowledged_ = kNotMeasured;
  in_.clear();
  if (out_.empty()) transport_->shutdown_write();
  timer_.arm(kLingerTime);
  update_interest();
}

/// Whether the client has taken more of the last answer since the last look. It may be megabytes
/// behind, all of them in the kernel, and is then not idle, nor has it heard what closing may undo.
bool DownstreamConnection::still_receives() {
  const std::size_t left = unsent() + unacknowledged();
  const std::size_t before = std::exchange(last_unacknowledged_, left);
  return before == kNotMeasured ? left > 0 : left < before;
}

void DownstreamConnection::on_timeout() {
  const bool idle = state_ == State::head && in_.empty();
  if ((idle || state_ == State::lingering) && still_receives()) {
    return timer_.arm(idle ? worker_.context().timeouts.idle : kLingerTime);
  }
  if (state_ == State::proxy_header) {
    worker_.report_proxy_refusal(client_.text(),
                                 "no PROXY header within the time limit; see [timeouts] header");
  }
  const bool within_head = state_ == State::head && !in_.empty();
  if (!within_head) return close();
  refuse({408, "the request head did not arrive in time", "[timeouts] header"});
}

}  // namespace bonedry::proxy
