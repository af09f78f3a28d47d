#include "proxy/downstream_connection.h"
#include "proxy/worker.h"

#include <utility>

/// What a client sends: heads, bodies, and the end of its side.
namespace bonedry::proxy {

using http::FramingKind;
using http::ParseStatus;
using io::IoStatus;
using io::Ready;

namespace {

// Dropped after the last response, see kLingerTime; beyond that the client is not listening.
constexpr std::size_t kLingerBytes = 256 * 1024;

}  // namespace

bool DownstreamConnection::reads() const {
  if (input_ == Input::ended) return false;
  if (state_ != State::exchange) return true;
  // Pipelined requests are buffered in one block; a body that is not wanted yet stays in the
  // kernel.
  return wants_body() || (request_.body == Body::none && in_.size() < BlockPool::kBlockSize / 2);
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
    // Both sides have ended, which epoll would report again and again.
    if (ready == Ready::errors) transport_->want(Ready::none);
    return;
  }
  if (has(ready, Ready::write) && !out_.empty()) {
    const std::size_t waiting = out_.bytes();
    const Flow flow = flush();
    if (flow == Flow::broken) return close();
    if (state_ == State::lingering && flow == Flow::open) transport_->shutdown_write();
    if (state_ == State::exchange && response_.early_prefix == EarlyPrefix::none) {
      if (out_.bytes() != waiting) exchange_->on_downstream_progress();
      if (flow == Flow::open) exchange_->on_downstream_drained();
    }
  }
  if (transport_ && has(ready, Ready::read)) read();
}

/// epoll cannot watch the socket. A client that has just connected or waits for a response gets an
/// error response if the socket takes it without blocking.
void DownstreamConnection::on_watch_failed(int error) {
  if (state_ != State::exchange) {
    worker_.report_out_of_resources(error);
    const bool asks = state_ == State::head && request_.count == 0;
    if (asks) turn_away({503, "the proxy is out of resources", "Retry-After: 5\r\n"});
    return close();
  }
  exchange_->on_error(out_of_resources(error));
  if (state_ == State::head) close();
}

/// Sends the reply without waiting. Reads first, since closing with unread input would reset the
/// connection, which could destroy the reply.
void DownstreamConnection::turn_away(const http::Http1LocalResponse& reply) {
  (void)transport_->read(in_.room(worker_.context().blocks, BlockPool::kBlockSize));
  send(reply);
  (void)out_.write_to(*transport_);
  transport_->shutdown_write();
}

void DownstreamConnection::read() {
  if (state_ == State::exchange && request_.body == Body::coming && !request_.pauses.none())
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
      state_ == State::head ? worker_.context().heads.bytes : BlockPool::kBlockSize;
  const auto room = in_.room(worker_.context().blocks, limit);
  if (room.empty()) return process();
  const bool was_empty = in_.empty();
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      in_.filled(result.size);
      if (state_ == State::lingering) {
        lingering_.received += result.size;
        in_.clear();
        if (lingering_.received > kLingerBytes) close();
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
    case IoStatus::truncated:
    case IoStatus::failed:
    case IoStatus::refused:
      return on_client_disconnected();
  }
}

/// Splices body bytes into a pipe, without copying them to memory. The parser counts them.
void DownstreamConnection::read_spliced(io::PipeLease pipe) {
  const io::ReadResult result =
      transport_->read(*pipe, io::Pipe::read_size(parser_.skippable_bytes()));
  switch (result.status) {
    case IoStatus::done:
      break;
    case IoStatus::would_block:
      return read_memory();  // reads past urgent data, at which splicing would stop for good
    case IoStatus::closed:
      return on_end_of_input();
    case IoStatus::truncated:
    case IoStatus::failed:
      return close();
    case IoStatus::refused:
      worker_.context().pipes.disable();
      return read_memory();
  }
  const bool last = parser_.skip(result.size) == ParseStatus::complete;
  if (last) request_.body = Body::none;
  exchange_->on_request_body(std::move(pipe), last ? Last::yes : Last::no);
  if (state_ == State::exchange) exchange_->on_request_read_end();
  process();
}

void DownstreamConnection::on_end_of_input() {
  input_ = Input::ended;
  if (state_ == State::exchange && request_.body != Body::none && parser_.ends_at_close()) {
    return on_end_of_tunnel();
  }
  // A client may half-close once its request is complete, and still wants the response.
  const bool complete = state_ == State::exchange && request_.body == Body::none;
  if (!complete) return close();
  update_interest();
  send_early_prefix();
}

/// The client has half-closed its side of the tunnel; the node may still send.
void DownstreamConnection::on_end_of_tunnel() {
  request_.body = Body::none;
  update_interest();
  const http::BodyPieces nothing;
  exchange_->on_request_body(BodySlices(BlockRef{}, nullptr, nothing), Last::yes, "");
  if (state_ == State::exchange) exchange_->on_request_read_end();
}

/// Processes what has been read, as far as possible now. An exchange that ends within this call
/// comes back here through `next_request`, so that any number of pipelined requests is a loop, not
/// a recursion.
void DownstreamConnection::process() {
  if (processing_ == Processing::running) return;
  processing_ = Processing::running;
  bool going = true;
  while (going) {
    if (state_ == State::head) {
      going = !in_.empty() && parse_head();
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

/// The client has closed its sending side before its request was complete: the rest can no longer
/// arrive.
bool DownstreamConnection::is_truncated() const {
  if (input_ == Input::open) return false;
  return state_ == State::head ||
         (state_ == State::exchange && request_.body != Body::none && in_.empty());
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
  head.block = in_.block();
  in_.consume(head.size);
  start_exchange();
  return true;
}

void DownstreamConnection::start_exchange() {
  auto facts = http::validate_request(exchange_->request_head());
  if (!facts) return refuse(facts.error());
  const std::uint64_t max = worker_.context().limits.requests_per_connection;
  if (++request_.count >= max && max != 0) facts->persistence = http::Persistence::close;
  timer_.disarm();
  state_ = State::exchange;
  parser_.expect_body(facts->framing);
  request_.body = facts->framing.kind == FramingKind::none ? Body::none : Body::coming;
  request_.pauses = Pauses(PauseReason::no_node);
  response_.persistence = facts->persistence;
  request_.request_kind = facts->is_head ? http::RequestKind::head : http::RequestKind::other;
  const std::string_view scheme = tls_ ? "https" : "http";
  const http::ClientInfo client{client_.text(), scheme, client_.trust(), client_.certificate()};
  exchange_->start({this, listener_, worker_.listener_address(listener_), client, tls_.get()},
                   *facts);
  if (input_ == Input::ended && request_.body == Body::none) send_early_prefix();
}

bool DownstreamConnection::parse_body() {
  http::BodyPieces pieces;
  std::size_t used = 0;
  const auto status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
  if (status == ParseStatus::failed) {
    exchange_->on_error(refused(EndReason::bad_request, parser_.refusal()));
    return false;
  }
  const BodySlices body(in_.block(), in_.data(), pieces);
  in_.consume(used);
  const bool last = status == ParseStatus::complete;
  if (last) request_.body = Body::none;
  exchange_->on_request_body(body, last ? Last::yes : Last::no, parser_.trailers());
  if (state_ == State::exchange) exchange_->on_request_read_end();
  return true;
}

/// Responds to a request that must not be forwarded, then closes the connection.
void DownstreamConnection::refuse(const http::Refusal& refusal) {
  const http::Head& head = exchange_->request_head();
  const bool parsed = head.base != nullptr;
  RequestIds::Made made{};
  // The fields of a head that was not read to its end are no text yet.
  const std::string_view id =
      worker_.request_ids().id_of(parsed ? head : http::Head{}, client_.trust(), made);
  const auto preview = parsed ? http::RequestPreview{head.text(head.method), head.text(head.target)}
                              : http::request_preview({in_.data(), in_.size()});
  worker_.report_refusal({client_.text(), preview, listener_, id}, refusal);
  http::Http1LocalResponse reply;
  reply.status = refusal.status;
  reply.text = refusal.why;
  const bool allow = refusal.status == 405 || refusal.status == 200;
  std::string fields(allow ? http::kAllowField : "");  // RFC 9110, 15.5.6 and 9.3.7
  if (worker_.request_ids().in_responses()) fields += request_id_field(id);
  reply.fields = fields;
  send(reply);
  if (flush() == Flow::broken) return close();
  linger();
}

}  // namespace bonedry::proxy
