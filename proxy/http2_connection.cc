#include "proxy/http2_connection.h"

#include "proxy/worker.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {

using http2::ErrorCode;
using io::IoStatus;
using io::Ready;

namespace {

// After the last frame: closing a socket with unread input would reset it and could destroy what
// the client has not read yet.
constexpr Millis kLingerTime{2000};
constexpr std::size_t kLingerBytes = std::size_t{256} * 1024;
// A client that answers no PING by then gets the last GOAWAY all the same.
constexpr Millis kGoawayTime{1000};

http2::ServerLimits session_limits(const http::HeadLimits& heads) {
  http2::ServerLimits limits;
  limits.header_list = static_cast<std::uint32_t>(heads.bytes);
  limits.header_block = 4 * heads.bytes;
  return limits;
}

}  // namespace

Http2Connection::Http2Connection(Worker& worker, AcceptedClient accepted)
    : worker_(worker),
      client_(std::move(accepted.identity)),
      listener_(accepted.listener),
      tls_(std::move(accepted.tls)),
      slot_(std::move(accepted.slot)),
      head_due_(accepted.head_due),
      transport_(worker.context().loop, std::move(accepted.transport)),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }),
      begin_(worker.context().loop, [this] { begin_exchanges(); }),
      flush_(worker.context().loop, [this] { flush(); }),
      in_(std::move(accepted.received)),
      limits_(session_limits(worker.context().heads)),
      session_(*this, limits_, worker.context().http2.memory),
      out_(session_, worker.context().blocks),
      random_(reinterpret_cast<std::uintptr_t>(this)) {
  worker_.http2().connections.add();
  transport_->attach(*this);
  local_ = transport_->local();
  wait_for(Awaited::request, head_due_ - worker.context().loop.now());
  update_interest();
}

Http2Connection::~Http2Connection() = default;

void Http2Connection::begin() {
  schedule_flush();  // SETTINGS
  if (!in_.empty()) return receive();
  if (transport_->wanted() != Ready::none) read();
}

void Http2Connection::reject() {
  session_.terminate(ErrorCode::enhance_your_calm);
  state_ = State::closing;
  schedule_flush();
}

void Http2Connection::drain() {
  leave();
}

/// Asks the client to begin no new stream here. What it has begun meanwhile is served: only the
/// second GOAWAY, after its PING, says which streams are not (RFC 9113, section 6.8).
void Http2Connection::leave() {
  if (state_ != State::open) return;
  state_ = State::leaving;
  goaway_ = Goaway::announced;
  session_.announce_goaway();
  session_.ping();
  schedule_flush();
}

void Http2Connection::on_pong() {
  if (goaway_ != Goaway::announced) return;
  goaway_ = Goaway::sent;
  session_.send_goaway(ErrorCode::no_error);
  schedule_flush();
}

void Http2Connection::close() {
  if (state_ == State::removed) return;
  disconnect();
  each_stream([](Http2Stream& stream) { stream.cut(); });
  remove_if_empty();
}

/// The client has left; exchanges may continue without it, for [timeouts] response at most.
void Http2Connection::lose() {
  if (state_ >= State::closed) return;
  disconnect();
  each_stream([](Http2Stream& stream) { stream.on_lost(); });
  if (!streams_.empty()) wait_for(Awaited::end, worker_.context().timeouts.response);
  remove_if_empty();
}

void Http2Connection::disconnect() {
  if (state_ < State::closed) {
    state_ = State::closed;
    worker_.http2().connections_ended.add();
  }
  wait_for(Awaited::nothing, {});
  begin_.cancel();
  flush_.cancel();
  transport_.reset();
  session_.stop();
  out_.clear();
}

void Http2Connection::remove_if_empty() {
  if (state_ != State::closed || !streams_.empty()) return;
  state_ = State::removed;
  worker_.remove(*this);
}

/// Each may remove itself from the list.
template <class Call>
void Http2Connection::each_stream(const Call& call) {
  for (std::size_t index = streams_.size(); index > 0; --index) {
    if (index <= streams_.size()) call(*streams_[index - 1]);
  }
}

void Http2Connection::follow_topology() {
  each_stream([](Http2Stream& stream) { stream.end_if_displaced(); });
}

// -- What the client sends ------------------------------------------------------------------------

void Http2Connection::on_ready(Ready ready) {
  if (has(ready, Ready::write) && !out_.empty()) flush();
  if (state_ >= State::closed) return;
  if (has(ready, Ready::read)) return read();
  if (ready == Ready::errors && transport_->has_failed()) lose();
}

void Http2Connection::on_watch_failed(int error) {
  worker_.report_out_of_resources(error);
  close();
}

void Http2Connection::read() {
  const auto room = in_.room(worker_.context().blocks, BlockPool::kBlockSize);
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      in_.filled(result.size);
      return receive();
    case IoStatus::would_block:
      in_.clear();
      return update_interest();
    case IoStatus::closed:
      in_.clear();
      return on_end_of_input();
    case IoStatus::truncated:
    case IoStatus::failed:
    case IoStatus::refused:
      in_.clear();
      return lose();
  }
}

void Http2Connection::receive() {
  if (state_ == State::lingering) {
    dropped_ += in_.size();
    in_.clear();
    return dropped_ > kLingerBytes ? lose() : update_interest();
  }
  const bool goes_on = session_.receive({in_.data(), in_.size()}, worker_.context().loop.now());
  keep_head();
  end_read();
  in_.clear();
  if (state_ >= State::closed) return;
  if (!goes_on || session_.is_over()) state_ = State::closing;
  note_counts();
  // Often there is nothing to be written before a node has answered.
  if (state_ != State::open || session_.wants_to_write()) schedule_flush();
  update_timer();
}

/// The worker's builder is for other connections from now on.
void Http2Connection::keep_head() {
  if (!session_.within_head()) return builder_.reset();
  if (builder_ != nullptr) return;
  builder_ = std::make_unique<http2::RequestBuilder>(
      std::exchange(worker_.context().http2.builder, http2::RequestBuilder{}));
}

http2::RequestBuilder& Http2Connection::builder() {
  return builder_ != nullptr ? *builder_ : worker_.context().http2.builder;
}

http2::SentFields& Http2Connection::fields() {
  return worker_.context().http2.fields;
}

void Http2Connection::end_read() {
  for (std::size_t i = 0; i < received_.size(); ++i) {
    if (received_[i] != nullptr) received_[i]->on_read_end();
  }
  received_.clear();
}

void Http2Connection::begin_exchanges() {
  for (std::size_t i = 0; i < complete_.size(); ++i) {
    if (complete_[i] != nullptr) complete_[i]->on_read_end();
  }
  complete_.clear();
}

/// A client that has only half-closed, which is rare, still gets its responses. The PING finds out:
/// a socket that is closed answers with a reset.
void Http2Connection::on_end_of_input() {
  input_ = Input::ended;
  if (streams_.empty() || state_ >= State::closing) return lose();
  session_.ping();
  schedule_flush();
  update_interest();
}

http2::StreamEvents* Http2Connection::on_request(http2::StreamId id) {
  if (goaway_ == Goaway::sent) return nullptr;  // which may not have been written yet
  // A stream that was reset counts until its node's work for it has ended (CVE-2023-44487).
  if (streams_.size() >= limits_.streams) return nullptr;
  const std::uint64_t max = worker_.context().limits.requests_per_connection;
  if (worker_.draining() || (++requests_ >= max && max != 0)) leave();
  worker_.http2().streams.add();
  streams_.push_back(std::make_unique<Http2Stream>(*this, id));
  Http2Stream& stream = *streams_.back();
  builder().start(worker_.context().heads, stream.request_head());
  return &stream;
}

// -- For its streams ------------------------------------------------------------------------------

RequestSource Http2Connection::source(Http2Stream& stream) const {
  const http::ClientInfo client{client_.text(), tls_ ? "https" : "http", client_.trust(),
                                client_.certificate()};
  return {&stream, listener_,  worker_.listener_address(listener_),
          client,  tls_.get(), static_cast<std::uint32_t>(stream.id())};
}

EndpointPair Http2Connection::endpoints() const {
  const auto& destination = client_.destination();
  return {client_.source(), destination ? *destination : local_};
}

void Http2Connection::schedule_reset(http2::StreamId id, ErrorCode code) {
  out_.schedule_reset(id, code);
  schedule_flush();
}

std::size_t Http2Connection::unacknowledged() const {
  return transport_ && !out_.empty() ? transport_->unacknowledged() : 0;
}

void Http2Connection::remove(Http2Stream& stream) {
  const auto found = std::ranges::find(streams_, &stream, &std::unique_ptr<Http2Stream>::get);
  worker_.http2().streams_ended.add();
  worker_.context().loop.retire(std::move(*found));
  *found = std::move(streams_.back());
  streams_.pop_back();
  std::ranges::replace(received_, &stream, nullptr);
  std::ranges::replace(complete_, &stream, nullptr);
  if (state_ >= State::closed) return remove_if_empty();
  if (state_ != State::open || input_ == Input::ended) return schedule_flush();  // it may be over
  update_timer();
}

// -- What it gets ---------------------------------------------------------------------------------

void Http2Connection::flush() {
  if (state_ >= State::closed) return;
  flush_.cancel();
  const bool is_there = write();
  note_counts();
  if (!is_there) return lose();
  out_.tell_progress();
  if (state_ < State::closed) settle();
}

/// Whether the client is still there.
bool Http2Connection::write() {
  const std::uint64_t before = out_.sent();
  const IoStatus status = out_.write_to(*transport_);
  const bool is_read = out_.sent() > before && awaited_ == Awaited::reader;
  if (is_read) wait_for(Awaited::nothing, {});  // to begin anew
  return status == IoStatus::done || status == IoStatus::would_block;
}

void Http2Connection::note_counts() {
  worker_.http2().note(session_.take_counts());
}

/// What follows from the state after a flush.
void Http2Connection::settle() {
  if (session_.is_over() && state_ < State::closing) state_ = State::closing;
  const bool left = state_ == State::leaving && goaway_ == Goaway::sent && streams_.empty();
  const bool nobody_asks = input_ == Input::ended && streams_.empty() && state_ < State::closing;
  if (left || nobody_asks) state_ = State::closing;
  if (state_ == State::closing && out_.empty() && !session_.wants_to_write()) return linger();
  update_timer();
  update_interest();
}

void Http2Connection::linger() {
  state_ = State::lingering;
  // A client that was asked to go has had the time to.
  const bool is_told = goaway_ == Goaway::sent && !transport_->has_unread();
  if (input_ == Input::ended || is_told) return lose();
  transport_->shutdown_write();
  each_stream([](Http2Stream& stream) { stream.on_lost(); });
  wait_for(Awaited::end, kLingerTime);
  update_interest();
}

// -- Time-outs ------------------------------------------------------------------------------------

void Http2Connection::wait_for(Awaited what, Millis limit) {
  if (awaited_ == what) return;
  awaited_ = what;
  unacknowledged_ = kNotMeasured;
  what == Awaited::nothing ? timer_.disarm() : timer_.arm(limit);
}

/// Streams whose exchange waits have time-outs of their own.
void Http2Connection::update_timer() {
  const conf::Timeouts& timeouts = worker_.context().timeouts;
  if (state_ >= State::lingering) return;
  if (!out_.empty()) return wait_for(Awaited::reader, timeouts.stall);
  if (session_.within_head()) return wait_for(Awaited::head, timeouts.header);
  if (goaway_ == Goaway::announced) return wait_for(Awaited::goaway, kGoawayTime);
  if (!streams_.empty()) return wait_for(Awaited::nothing, {});
  if (requests_ > 0) wait_for(Awaited::request, timeouts.idle);
}

void Http2Connection::on_timeout() {
  const Awaited awaited = std::exchange(awaited_, Awaited::nothing);
  switch (awaited) {
    case Awaited::nothing:
      return;
    case Awaited::goaway:
      on_pong();
      return;
    case Awaited::reader: {
      const std::size_t left = out_.bytes() + transport_->unacknowledged();
      const std::size_t before = std::exchange(unacknowledged_, left);
      if (left >= before) return close();
      awaited_ = awaited;
      return timer_.arm(worker_.context().timeouts.stall);
    }
    case Awaited::request:
      // A client may be about to send a request: it learns that this one has not been processed.
      session_.terminate(ErrorCode::no_error);
      state_ = State::closing;
      return schedule_flush();
    case Awaited::head:
      session_.terminate(ErrorCode::enhance_your_calm);
      state_ = State::closing;
      return schedule_flush();
    case Awaited::end:
      // Exchanges may go on without the client that has been waited for.
      return state_ == State::lingering ? lose() : close();
  }
}

void Http2Connection::update_interest() {
  if (!transport_) return;
  const Ready read = input_ == Input::ended ? Ready::errors : Ready::read;
  transport_->want(out_.empty() ? read : read | Ready::write);
}

}  // namespace bonedry::proxy
