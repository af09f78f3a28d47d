#include "proxy/upstream_connection.h"

#include "proxy/http/keep_alive.h"
#include "proxy/proxy_header.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace bonedry::proxy {

using io::IoStatus;
using io::Ready;

namespace {

// From this length on an answer is long: worth a first read that takes little more than its head,
// so that the rest is spliced. Connections often carry like after like: the last answer tells.
constexpr std::uint64_t kLongResponse = 32 * 1024;
constexpr std::size_t kFirstReadOfLong = 4 * 1024;
// A connection that dies later than this after it was lent did not die of having been idle.
constexpr Millis kStaleReuseWindow{1000};

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamOwner& owner, ConnectionContext& context,
                                       const UpstreamTarget& target,
                                       std::unique_ptr<io::Transport> transport)
    : owner_(owner),
      context_(context),
      target_(target),
      transport_(std::move(transport)),
      timer_(context.loop.timers(), [this] { on_timeout(); }),
      max_idle_(Millis::max()) {
  transport_->attach(*this);
  transport_->want(Ready::write);
  timer_.arm(target_.connect_timeout);
}

/// The only place where the state changes; the owner's lists follow it.
void UpstreamConnection::set(State state) {
  if (state_ == state) return;
  if (state_ == State::idle) owner_.on_busy(*this);
  timer_.disarm();
  state_ = state;
  if (state_ == State::idle) {
    owner_.on_idle(*this);
    since_ = context_.loop.now();
  }
}

void UpstreamConnection::lend(UpstreamEvents& exchange, ConnectionToken in_use) {
  assert(exchange_ == nullptr);
  exchange_ = &exchange;
  in_use_ = std::move(in_use);
  use_ = state_ == State::idle ? Use::again : Use::first;
  parser_.start();
  phase_ = Phase::head;
  sent_ = Sent::part;
  pauses_ = {};
  received_any_ = false;
  idle_age_ = state_ == State::idle ? idle_for() : Millis{0};
  since_ = context_.loop.now();
  if (state_ == State::idle) set(State::busy);
}

Millis UpstreamConnection::idle_for() const {
  return context_.loop.now() - since_;
}

bool UpstreamConnection::is_stale(balancer::Repeat repeat) const {
  const bool ask = trust_ == Trust::none || repeat == balancer::Repeat::forbidden;
  return transport_->has_pending_event() || idle_for() >= max_idle_ ||
         (ask && !transport_->is_quiet());
}

void UpstreamConnection::drop_stale() {
  const bool closed = !transport_->is_quiet() && !transport_->has_unread();
  if (closed) owner_.on_closed_by_node(idle_for(), since_);
  owner_.drop(*this);
}

void UpstreamConnection::on_connection_lost(IoStatus status) {
  const bool on_arrival = context_.loop.now() - since_ < kStaleReuseWindow;
  // A close over what was not read is a reset, too; but the node has had time to read it.
  const bool reset = status == IoStatus::failed || writing_ == Writing::broken;
  const bool unread = (reset && on_arrival) || transport_->unacknowledged() > 0;
  const bool again = use_ == Use::again && !received_any_;
  if (again && on_arrival) owner_.on_closed_by_node(idle_age_, since_);
  ExchangeError error{phase_ == Phase::head ? EndReason::node_closed : EndReason::response_cut};
  if (again) error.retry = unread ? Retry::not_processed : Retry::maybe_processed;
  exchange_->on_error(error);
}

void UpstreamConnection::on_bad_response(const char* why) {
  exchange_->on_error({EndReason::bad_response, Retry::no, 0, why});
}

void UpstreamConnection::close() {
  set(State::closed);
  exchange_ = nullptr;
  in_use_.reset();
  transport_.reset();
  out_.clear();
  in_.clear();
}

void UpstreamConnection::release() {
  exchange_ = nullptr;
  in_use_.reset();
  const bool clean = persistence_ == http::Persistence::keep_alive && state_ == State::busy &&
                     sent_ == Sent::all && phase_ == Phase::done && !has_stray_bytes() &&
                     out_.empty() && writing_ == Writing::fine &&
                     target_.proxy_protocol == conf::ProxyProtocol::off;
  const Millis keep = clean ? std::min(max_idle_, owner_.idle_time(*this)) : Millis{0};
  if (keep <= Millis{0}) return owner_.drop(*this);
  set(State::idle);
  timer_.arm(keep);
  update_interest();
}

/// Bytes behind an answer would be taken for the next one, which may be another user's.
bool UpstreamConnection::has_stray_bytes() const {
  if (!in_.empty()) return true;
  return last_read_ == LastRead::filled_buffer && transport_->has_unread();
}

http::HeadSink UpstreamConnection::sink() {
  return {out_.slices(), context_.chunks};
}

void UpstreamConnection::send_head(const http::Head& head, const http::RequestInfo& request,
                                   const http::ClientInfo& client,
                                   const http::RequestEdits& edits) {
  const bool unknown = request.body.length == http::BodyLength::unknown;
  body_writer_.start(unknown ? http::BodyKind::chunked : http::BodyKind::length);
  sent_ = request.body.length == http::BodyLength::none ? Sent::all : Sent::part;
  asked_by_ = request.head ? http::AskedBy::head : http::AskedBy::other;
  if (!request.upgrade.empty()) asked_by_ = http::AskedBy::upgrade;
  http::write_request_head(head, request, client, edits, sink());
}

void UpstreamConnection::send_body(const BodySlices& body) {
  if (body.bytes() > 0 && writing_ == Writing::fine) body.write_to(body_writer_, sink());
}

bool UpstreamConnection::takes_pipes() const {
  return transport_->takes_pipes() && body_writer_.is_plain() && writing_ == Writing::fine;
}

void UpstreamConnection::send_body(io::PipeLease body) {
  out_.push(std::move(body));
}

void UpstreamConnection::send_end(std::string_view trailers) {
  sent_ = Sent::all;
  if (body_writer_.framing() == http::BodyKind::tunnel) ending_ = Ending::with_queue;
  if (!body_writer_.is_plain() && writing_ == Writing::fine) body_writer_.end(trailers, sink());
}

Flow UpstreamConnection::flush() {
  if (writing_ == Writing::broken) return Flow::broken;
  const IoStatus status = out_.write_to(*transport_);
  if (status == IoStatus::failed) {
    // The node may have answered and closed without reading on: its answer is still to be had.
    writing_ = Writing::broken;
    out_.clear();
  }
  if (status == IoStatus::done && ending_ == Ending::with_queue) {
    ending_ = Ending::said;
    transport_->shutdown_write();
  }
  update_interest();
  if (status == IoStatus::done) return Flow::open;
  return status == IoStatus::would_block ? Flow::congested : Flow::broken;
}

void UpstreamConnection::pause(PauseReason reason) {
  pauses_.add(reason);
  update_interest();
}

void UpstreamConnection::resume(PauseReason reason) {
  pauses_.remove(reason);
  update_interest();
}

void UpstreamConnection::update_interest() {
  if (!transport_) return;
  if (state_ == State::connecting) return transport_->want(Ready::write);
  const Ready read = pauses_.none() ? Ready::read : Ready::none;
  transport_->want(out_.empty() ? read : read | Ready::write);
}

void UpstreamConnection::on_ready(Ready ready) {
  switch (state_) {
    case State::connecting:
      return on_connect_event();
    case State::idle:  // closed by the node, or bytes that nobody asked for: useless either way
      return drop_stale();
    case State::closed:
      return;
    case State::busy:
      break;
  }
  if (has(ready, Ready::write) && !out_.empty()) {
    const std::size_t waiting = out_.bytes();
    const Flow flow = flush();
    if (out_.bytes() != waiting) exchange_->on_upstream_progress();
    if (flow != Flow::congested) exchange_->on_upstream_drained();
  }
  if (state_ == State::busy && exchange_ != nullptr && has(ready, Ready::read) && pauses_.none()) {
    read();
  }
}

void UpstreamConnection::on_watch_failed(int error) {
  if (exchange_ == nullptr) return owner_.drop(*this);
  exchange_->on_error(out_of_resources(error));
}

void UpstreamConnection::on_timeout() {
  if (state_ == State::connecting) return fail_to_connect(ETIMEDOUT);
  owner_.drop(*this);
}

void UpstreamConnection::on_connect_event() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return;
  if (status != IoStatus::done) return fail_to_connect(transport_->error());
  set(State::busy);
  owner_.on_connect_succeeded();
  if (target_.proxy_protocol != conf::ProxyProtocol::off) {
    out_.slices().push_copy(context_.chunks,
                            proxy_header(target_.proxy_protocol, exchange_->client_endpoints()));
  }
  update_interest();
  exchange_->on_connected();
}

void UpstreamConnection::fail_to_connect(int error) {
  exchange_->on_error(owner_.on_connect_failed(error));
}

void UpstreamConnection::read() {
  UpstreamEvents& exchange = *exchange_;
  switch (splice_body()) {
    case IoStatus::done:
      if (exchange_ == &exchange) update_interest();
      return exchange.on_response_read_end();
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::failed:
      return on_connection_lost(IoStatus::failed);
    case IoStatus::would_block:  // memory gets past urgent data, at which splicing stops for good
    case IoStatus::refused:
      return read_memory();
  }
}

void UpstreamConnection::read_memory() {
  const std::size_t limit = phase_ == Phase::head ? context_.heads.bytes : ChunkPool::kChunkSize;
  const bool first = phase_ == Phase::head && in_.empty();
  auto room = in_.room(context_.chunks, limit);
  if (first) room = room.first(std::min(room.size(), first_read_));
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      received_any_ = true;
      in_.filled(result.size);
      last_read_ = result.size == room.size() ? LastRead::filled_buffer : LastRead::drained_socket;
      return parse(first && result.size == room.size() ? More::likely : More::unknown);
    case IoStatus::would_block: {
      if (in_.empty()) in_.clear();
      update_interest();
      return exchange_->on_response_read_end();  // a first read may have come before
    }
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::failed:
    case IoStatus::refused:
      return on_connection_lost(result.status);
  }
}

/// Body bytes from kernel to kernel; the parser counts them. `refused`: they have to go through
/// memory.
IoStatus UpstreamConnection::splice_body() {
  if (phase_ != Phase::body || !in_.empty() || !transport_->takes_pipes() ||
      !exchange_->takes_response_pipes()) {
    return IoStatus::refused;
  }
  io::PipeLease pipe = context_.pipes.take_if_worth(parser_.expected_bytes());
  if (!pipe) return IoStatus::refused;
  const io::ReadResult result = transport_->read(*pipe, io::Pipe::most(parser_.skippable_bytes()));
  if (result.status == IoStatus::refused) context_.pipes.disable();
  if (result.status != IoStatus::done) return result.status;
  last_read_ = LastRead::filled_buffer;
  const bool last = parser_.skip(result.size) == http::ParseStatus::complete;
  if (last) phase_ = Phase::done;
  exchange_->on_response_body(std::move(pipe), last ? Last::yes : Last::no);
  return IoStatus::done;
}

void UpstreamConnection::on_end_of_input() {
  if (phase_ != Phase::body || !parser_.ends_at_close())
    return on_connection_lost(IoStatus::closed);
  phase_ = Phase::done;
  // Its other way may go on.
  if (body_writer_.framing() == http::BodyKind::tunnel) pause(PauseReason::ended);
  const http::BodyPieces nothing;
  UpstreamEvents& exchange = *exchange_;
  exchange.on_response_body(BodySlices(ChunkRef{}, nullptr, nothing), Last::yes, "");
  exchange.on_response_read_end();
}

void UpstreamConnection::parse(More more) {
  UpstreamEvents& exchange = *exchange_;
  bool going = true;
  while (going && exchange_ == &exchange) {
    going = phase_ == Phase::head ? !in_.empty() && parse_head()
                                  : phase_ == Phase::body && parse_body();
  }
  // What follows leaves together with the head. An end will be told again, but an error is told
  // once, and then looks like an end.
  if (exchange_ == &exchange && phase_ == Phase::body && more == More::likely) {
    const IoStatus status = splice_body();
    if (status == IoStatus::refused) return read_memory();
    if (status == IoStatus::failed) return on_connection_lost(status);
  }
  // A complete response has given this connection back already; the exchange still has to flush.
  if (exchange_ == &exchange) update_interest();
  exchange.on_response_read_end();
}

/// True when there is more to do with what has been read.
bool UpstreamConnection::parse_head() {
  http::Head& head = exchange_->response_head();
  const auto status = parser_.parse_head(in_.data(), in_.size(), context_.heads, head);
  if (status == http::ParseStatus::more) return false;
  if (status == http::ParseStatus::failed) {
    on_bad_response(parser_.refusal().why);
    return false;
  }
  head.chunk = in_.chunk();
  in_.consume(head.size);
  const auto facts = http::validate_response(head, asked_by_);
  if (!facts) {
    on_bad_response(facts.error());
    return false;
  }
  if (facts->interim) {
    parser_.start();
    exchange_->on_interim_head();
    return true;
  }
  persistence_ = facts->persistence;
  if (facts->announces_body) trust_ = Trust::none;
  parser_.expect_body(facts->framing);
  if (facts->framing.kind == http::BodyKind::tunnel) body_writer_.start(http::BodyKind::tunnel);
  first_read_ =
      parser_.skippable_bytes() >= kLongResponse ? kFirstReadOfLong : ChunkPool::kChunkSize;
  note_lifetime(head);
  phase_ = Phase::body;
  exchange_->on_response_head(*facts);
  return true;
}

/// What the node says of this connection. An answer without a word of it changes nothing.
void UpstreamConnection::note_lifetime(const http::Head& head) {
  const auto announced = http::keep_alive_timeout(head);
  if (announced) max_idle_ = balancer::with_margin(*announced);
}

bool UpstreamConnection::parse_body() {
  http::BodyPieces pieces;
  std::size_t used = 0;
  if (in_.empty() && parser_.framing().kind != http::BodyKind::none) return false;
  const auto status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
  if (status == http::ParseStatus::failed) {
    on_bad_response(parser_.refusal().why);
    return false;
  }
  const bool last = status == http::ParseStatus::complete;
  if (last) phase_ = Phase::done;
  const BodySlices body(in_.chunk(), in_.data(), pieces);
  in_.consume(used);
  if (pieces.bytes > 0 || last) {
    exchange_->on_response_body(body, last ? Last::yes : Last::no, parser_.trailers());
  }
  return false;
}

}  // namespace bonedry::proxy
