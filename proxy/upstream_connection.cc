#include "proxy/upstream_connection.h"

#include "proxy/base/file.h"
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

// From this length on a response is long: its first read takes little more than the head, so that
// the rest is spliced. Responses on a connection are often similar, so the previous one decides.
constexpr std::uint64_t kLongResponse = 32 * 1024;
constexpr std::size_t kFirstReadOfLong = 4 * 1024;

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamOwner& owner, ConnectionContext& context,
                                       const UpstreamTarget& target, io::TransportSource transport)
    : owner_(owner),
      context_(context),
      target_(target),
      transport_(context.loop, std::move(transport)),
      timer_(context.loop.timers(), [this] { on_timeout(); }) {
  transport_->attach(*this);
  transport_->want(Ready::write);
  timer_.arm(target_.connect_timeout);
}

/// The only place where the state changes; keeps the owner's lists up to date.
void UpstreamConnection::set(State state) {
  if (state_ == state) return;
  if (state_ == State::idle) owner_.on_busy(*this);
  timer_.disarm();
  state_ = state;
  if (state_ == State::idle) {
    owner_.on_idle(*this);
    idleness_.since = context_.loop.now();
  }
}

void UpstreamConnection::lend(UpstreamEvents& exchange, ConnectionToken in_use) {
  assert(exchange_ == nullptr);
  exchange_ = &exchange;
  in_use_ = std::move(in_use);
  idleness_.use = state_ == State::idle ? Idleness::Use::again : Idleness::Use::first;
  parser_.start();
  response_.phase = Phase::head;
  request_.sent = Request::Sent::part;
  response_.pauses = {};
  response_.received_any = false;
  idleness_.idle_before_lend = state_ == State::idle ? idle_duration() : Millis{0};
  idleness_.since = context_.loop.now();
  if (state_ == State::idle) set(State::busy);
  if (target_.proxy_protocol == conf::ProxyProtocol::off) return;
  transport_->send_first(
      proxy_header(target_.proxy_protocol, exchange.client_endpoints(), exchange.client_tls()));
}

Millis UpstreamConnection::idle_duration() const {
  return context_.loop.now() - idleness_.since;
}

bool UpstreamConnection::is_stale(balancer::Repeat repeat) {
  const bool ask =
      response_.body_trust == Response::BodyTrust::none || repeat == balancer::Repeat::forbidden;
  return idle_duration() >= idleness_.max ||
         ((ask || transport_->has_pending_event()) && !transport_->is_quiet());
}

void UpstreamConnection::drop_stale() {
  const bool closed = !transport_->is_quiet() && !transport_->has_unread();
  if (closed) owner_.on_closed_by_node(idle_duration(), idleness_.since);
  owner_.drop(*this);
}

void UpstreamConnection::on_connection_lost(IoStatus status) {
  const bool soon_after_lend = context_.loop.now() - idleness_.since < kStaleReuseWindow;
  const bool failed = status == IoStatus::failed || request_.writing == Request::Writing::broken;
  const int errno_of_failure = failed ? transport_->error() : 0;
  const bool by_tls = errno_of_failure == EPROTO;
  if (by_tls) owner_.on_tls_failed(transport_->error_text());
  // A node that closes with unread data also resets the connection, but after this window it has
  // had time to read the request. One that ends TLS has read something; what it has not
  // acknowledged may be our alert.
  const bool unread = !by_tls && ((failed && soon_after_lend) || transport_->unacknowledged() > 0);
  const bool again = idleness_.use == Idleness::Use::again && !response_.received_any;
  if (again && soon_after_lend)
    owner_.on_closed_by_node(idleness_.idle_before_lend, idleness_.since);
  ExchangeError error{response_.phase == Phase::head ? EndReason::node_closed
                                                     : EndReason::response_cut};
  error.error = errno_of_failure;
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
  const bool clean = response_.persistence == http::Persistence::keep_alive &&
                     state_ == State::busy && request_.sent == Request::Sent::all &&
                     response_.phase == Phase::done && !has_stray_bytes() && out_.empty() &&
                     request_.writing == Request::Writing::fine &&
                     target_.proxy_protocol == conf::ProxyProtocol::off;
  const Millis keep = clean ? std::min(idleness_.max, owner_.max_idle_time(*this)) : Millis{0};
  if (keep <= Millis{0}) return owner_.drop(*this);
  set(State::idle);
  timer_.arm(keep);
  update_interest();
}

void UpstreamConnection::abort() {
  const bool in_tunnel = request_.writer.framing() == http::FramingKind::tunnel;
  if (in_tunnel && request_.half_close != Request::HalfClose::done) transport_->reset_on_close();
  release();
}

/// Extra bytes after a response would be read as the next response, possibly another user's.
bool UpstreamConnection::has_stray_bytes() const {
  if (!in_.empty()) return true;
  return response_.unread == io::Unread::possible && transport_->has_unread();
}

http::HeadSink UpstreamConnection::sink() {
  return {out_.slices(), context_.blocks};
}

void UpstreamConnection::send_head(const http::Head& head, const http::RequestInfo& request,
                                   const http::ClientInfo& client,
                                   const http::RequestEdits& edits) {
  const bool unknown = request.body.length == http::BodyLength::unknown;
  request_.writer.start(unknown ? http::FramingKind::chunked : http::FramingKind::length);
  request_.sent =
      request.body.length == http::BodyLength::none ? Request::Sent::all : Request::Sent::part;
  request_.request_kind = request.is_head ? http::RequestKind::head : http::RequestKind::other;
  if (!request.upgrade.empty()) request_.request_kind = http::RequestKind::upgrade;
  http::write_request_head(head, request, client, edits, sink());
}

void UpstreamConnection::send_body(const BodySlices& body) {
  if (body.bytes() > 0 && request_.writing == Request::Writing::fine)
    body.write_to(request_.writer, sink());
}

bool UpstreamConnection::takes_pipes() const {
  return transport_->takes_pipes() && request_.writer.is_plain() &&
         request_.writing == Request::Writing::fine;
}

void UpstreamConnection::send_body(io::PipeLease body) {
  out_.push(std::move(body));
}

void UpstreamConnection::send_end(std::string_view trailers) {
  request_.sent = Request::Sent::all;
  if (request_.writer.framing() == http::FramingKind::tunnel)
    request_.half_close = Request::HalfClose::after_queue;
  if (!request_.writer.is_plain() && request_.writing == Request::Writing::fine)
    request_.writer.end(trailers, sink());
}

Flow UpstreamConnection::flush() {
  if (request_.writing == Request::Writing::broken) return Flow::broken;
  const IoStatus status = out_.write_to(*transport_);
  if (status != IoStatus::done && status != IoStatus::would_block) {
    // The node may have responded and closed without reading on: its response can still be read.
    request_.writing = Request::Writing::broken;
    out_.clear();
  }
  if (status == IoStatus::done && request_.half_close == Request::HalfClose::after_queue) {
    request_.half_close = Request::HalfClose::done;
    transport_->shutdown_write();
  }
  update_interest();
  if (status == IoStatus::done) return Flow::open;
  return status == IoStatus::would_block ? Flow::congested : Flow::broken;
}

void UpstreamConnection::pause(PauseReason reason) {
  response_.pauses.add(reason);
  update_interest();
}

void UpstreamConnection::resume(PauseReason reason) {
  response_.pauses.remove(reason);
  update_interest();
}

void UpstreamConnection::update_interest() {
  if (!transport_) return;
  if (state_ == State::connecting) return transport_->want(Ready::write);
  const Ready read = response_.pauses.none() ? Ready::read : Ready::none;
  transport_->want(out_.empty() ? read : read | Ready::write);
}

void UpstreamConnection::on_ready(Ready ready) {
  switch (state_) {
    case State::connecting:
      return on_connect_event();
    case State::idle:
      // Closed by the node, or unsolicited bytes: not reusable either way.
      return transport_->is_quiet() ? update_interest() : drop_stale();
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
  if (state_ == State::busy && exchange_ != nullptr && has(ready, Ready::read) &&
      response_.pauses.none()) {
    read();
  }
}

void UpstreamConnection::on_watch_failed(int error) {
  if (exchange_ == nullptr) return owner_.drop(*this);
  exchange_->on_error(out_of_resources(error));
}

void UpstreamConnection::on_timeout() {
  if (state_ == State::connecting) return fail_to_connect(ETIMEDOUT, errno_text(ETIMEDOUT));
  owner_.drop(*this);
}

void UpstreamConnection::on_connect_event() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return update_interest();
  if (status != IoStatus::done)
    return fail_to_connect(transport_->error(), transport_->error_text());
  set(State::busy);
  owner_.on_connect_succeeded();
  update_interest();
  exchange_->on_connected();
}

void UpstreamConnection::fail_to_connect(int error, const std::string& why) {
  exchange_->on_error(owner_.on_connect_failed(error, why));
}

void UpstreamConnection::read() {
  UpstreamEvents& exchange = *exchange_;
  switch (splice_body()) {
    case IoStatus::done:
      if (exchange_ == &exchange) update_interest();
      return exchange.on_response_read_end();
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::truncated:
      return on_connection_lost(IoStatus::closed);
    case IoStatus::failed:
      return on_connection_lost(IoStatus::failed);
    case IoStatus::would_block:  // splicing stops for good at TCP urgent data, reading does not
    case IoStatus::refused:
      return read_memory();
  }
}

void UpstreamConnection::read_memory() {
  const std::size_t limit =
      response_.phase == Phase::head ? context_.heads.bytes : BlockPool::kBlockSize;
  const bool first = response_.phase == Phase::head && in_.empty();
  auto room = in_.room(context_.blocks, limit);
  // A reload may have lowered the limit below what has been read.
  if (room.empty()) return parse(More::unknown);
  if (first) room = room.first(std::min(room.size(), response_.first_read));
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      response_.received_any = true;
      in_.filled(result.size);
      response_.unread = result.unread;
      return parse(first && result.size == room.size() ? More::likely : More::unknown);
    case IoStatus::would_block: {
      if (in_.empty()) in_.clear();
      update_interest();
      return exchange_->on_response_read_end();  // an earlier read may have delivered something
    }
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::truncated:
      return on_connection_lost(IoStatus::closed);
    case IoStatus::failed:
    case IoStatus::refused:
      return on_connection_lost(result.status);
  }
}

/// Moves body bytes from socket to pipe inside the kernel; the parser only counts them. `refused`:
/// they must be read into memory.
IoStatus UpstreamConnection::splice_body() {
  if (response_.phase != Phase::body || !in_.empty() || !transport_->takes_pipes() ||
      !exchange_->takes_response_pipes()) {
    return IoStatus::refused;
  }
  io::PipeLease pipe = context_.pipes.take_if_worth(parser_.expected_bytes());
  if (!pipe) return IoStatus::refused;
  const io::ReadResult result =
      transport_->read(*pipe, io::Pipe::read_size(parser_.skippable_bytes()));
  if (result.status == IoStatus::refused) context_.pipes.disable();
  if (result.status != IoStatus::done) return result.status;
  response_.unread = io::Unread::possible;
  const bool last = parser_.skip(result.size) == http::ParseStatus::complete;
  if (last) response_.phase = Phase::done;
  exchange_->on_response_body(std::move(pipe), last ? Last::yes : Last::no);
  return IoStatus::done;
}

void UpstreamConnection::on_end_of_input() {
  if (response_.phase != Phase::body || !parser_.ends_at_close())
    return on_connection_lost(IoStatus::closed);
  response_.phase = Phase::done;
  // The other direction of a tunnel may stay open.
  if (request_.writer.framing() == http::FramingKind::tunnel) pause(PauseReason::ended);
  const http::BodyPieces nothing;
  UpstreamEvents& exchange = *exchange_;
  exchange.on_response_body(BodySlices(BlockRef{}, nullptr, nothing), Last::yes, "");
  exchange.on_response_read_end();
}

void UpstreamConnection::parse(More more) {
  UpstreamEvents& exchange = *exchange_;
  bool going = true;
  while (going && exchange_ == &exchange) {
    going = response_.phase == Phase::head ? !in_.empty() && parse_head()
                                           : response_.phase == Phase::body && parse_body();
  }
  // Reads on, so that the following bytes are sent together with the head. End-of-file will be
  // reported again, but an error is reported once and then looks like end-of-file.
  if (exchange_ == &exchange && response_.phase == Phase::body && more == More::likely) {
    const IoStatus status = splice_body();
    if (status == IoStatus::refused) return read_memory();
    if (status == IoStatus::failed) return on_connection_lost(status);
  }
  // After a complete response the exchange has released this connection, but still has to flush.
  if (exchange_ == &exchange) update_interest();
  exchange.on_response_read_end();
}

/// True when parsing can go on with what has been read.
bool UpstreamConnection::parse_head() {
  http::Head& head = exchange_->response_head();
  const auto status = parser_.parse_head(in_.data(), in_.size(), context_.heads, head);
  if (status == http::ParseStatus::more) return false;
  if (status == http::ParseStatus::failed) {
    on_bad_response(parser_.refusal().why);
    return false;
  }
  head.block = in_.block();
  in_.consume(head.size);
  const auto facts = http::validate_response(head, request_.request_kind);
  if (!facts) {
    on_bad_response(facts.error());
    return false;
  }
  if (facts->interim) {
    parser_.start();
    exchange_->on_interim_head();
    return true;
  }
  response_.persistence = facts->persistence;
  if (facts->announces_body) response_.body_trust = Response::BodyTrust::none;
  parser_.expect_body(facts->framing);
  if (facts->framing.kind == http::FramingKind::tunnel)
    request_.writer.start(http::FramingKind::tunnel);
  response_.first_read =
      parser_.skippable_bytes() >= kLongResponse ? kFirstReadOfLong : BlockPool::kBlockSize;
  note_lifetime(head);
  response_.phase = Phase::body;
  exchange_->on_response_head(*facts);
  return true;
}

/// Notes how long the node keeps this connection idle. A response that does not say so changes
/// nothing.
void UpstreamConnection::note_lifetime(const http::Head& head) {
  const auto announced = http::keep_alive_timeout(head);
  if (announced) idleness_.max = balancer::with_margin(*announced);
}

bool UpstreamConnection::parse_body() {
  http::BodyPieces pieces;
  std::size_t used = 0;
  if (in_.empty() && parser_.framing().kind != http::FramingKind::none) return false;
  const auto status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
  if (status == http::ParseStatus::failed) {
    on_bad_response(parser_.refusal().why);
    return false;
  }
  const bool last = status == http::ParseStatus::complete;
  if (last) response_.phase = Phase::done;
  const BodySlices body(in_.block(), in_.data(), pieces);
  in_.consume(used);
  if (pieces.bytes > 0 || last) {
    exchange_->on_response_body(body, last ? Last::yes : Last::no, parser_.trailers());
  }
  return false;
}

}  // namespace bonedry::proxy
