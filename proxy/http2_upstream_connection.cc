#include "proxy/http2_upstream_connection.h"

#include "proxy/base/file.h"
#include "proxy/io/tls_info.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bonedry::proxy {

using http2::ErrorCode;
using io::IoStatus;
using io::Ready;

namespace {

// Ids of streams end at 2^31, and only every other is a client's (RFC 9113, section 5.1.1).
constexpr std::uint64_t kMaxRequests = std::uint64_t{1} << 29U;
constexpr const char* kBrokenRules = "it breaks the rules of HTTP/2";

http2::ClientLimits client_limits(const http::HeadLimits& heads) {
  http2::ClientLimits limits;
  limits.header_block = 4 * heads.bytes;
  return limits;
}

}  // namespace

Http2UpstreamConnection::Http2UpstreamConnection(NodeObserver& node, Http2UpstreamOwner& owner,
                                                 ConnectionContext& context,
                                                 const UpstreamTarget& target,
                                                 io::TransportSource transport)
    : node_(node),
      owner_(owner),
      context_(context),
      target_(target),
      max_streams_(std::min(target.streams, target.expected_streams)),
      transport_(context.loop, std::move(transport)),
      timer_(context.loop.timers(), [this] { on_timeout(); }),
      flush_(context.loop, [this] { flush(); }),
      session_(*this, client_limits(context.heads), context.http2.memory),
      out_(session_, context.blocks),
      since_(context.loop.now()) {
  transport_->attach(*this);
  transport_->want(Ready::write);
  timer_.arm(target_.connect_timeout);
}

Http2UpstreamConnection::~Http2UpstreamConnection() = default;

// -- Leases ---------------------------------------------------------------------------------------

bool Http2UpstreamConnection::has_room() const {
  if (state_ >= State::closed || leases_ == Leases::over) return false;
  return streams_.size() < std::min<std::size_t>(max_streams_, session_.max_streams());
}

bool Http2UpstreamConnection::is_fresh(balancer::Repeat repeat) {
  const bool ask = repeat == balancer::Repeat::forbidden || transport_->has_pending_event();
  if (ask && in_session_ == Session::idle) read();
  return has_room();
}

UpstreamStream& Http2UpstreamConnection::lease(UpstreamEvents& exchange, ConnectionToken in_use) {
  if (streams_.empty()) {
    in_use_ = std::move(in_use);
    idle_before_lease_ = requests_ == 0 ? Millis{0} : idle_duration();
    since_ = context_.loop.now();
    heard_ = Heard::nothing;
    if (state_ == State::open) timer_.disarm();
  }
  const auto use =
      requests_ == 0 ? Http2UpstreamStream::Use::first : Http2UpstreamStream::Use::again;
  if (++requests_ >= kMaxRequests) leases_ = Leases::over;
  streams_.push_back(std::make_unique<Http2UpstreamStream>(*this, exchange, use));
  Http2UpstreamStream& stream = *streams_.back();
  owner_.on_room_changed(*this);
  return stream;
}

void Http2UpstreamConnection::leave() {
  if (leases_ == Leases::over || state_ >= State::closed) return;
  leases_ = Leases::over;
  owner_.on_room_changed(*this);
  schedule_flush();  // which closes it if it is idle
}

void Http2UpstreamConnection::note_refused() {
  max_streams_ = std::min(max_streams_, streams_.size() - 1);
  if (max_streams_ == 0) leave();
  owner_.on_room_changed(*this);
}

void Http2UpstreamConnection::on_goaway(ErrorCode code) {
  goaway_ = code;
  leave();
}

void Http2UpstreamConnection::remove(Http2UpstreamStream& stream) {
  const auto found =
      std::ranges::find(streams_, &stream, &std::unique_ptr<Http2UpstreamStream>::get);
  if (!stream.is_unsent()) counters().streams_ended.add();
  context_.loop.retire(std::move(*found));
  *found = std::move(streams_.back());
  streams_.pop_back();
  std::ranges::replace(received_, &stream, nullptr);
  std::ranges::replace(resumed_, &stream, nullptr);
  std::ranges::replace(closed_, &stream, nullptr);
  if (state_ >= State::closed) return remove_if_empty();
  if (streams_.empty()) become_idle();
  owner_.on_room_changed(*this);
}

void Http2UpstreamConnection::become_idle() {
  in_use_.reset();
  since_ = context_.loop.now();
  // Nobody waits for one that is connecting.
  const bool may_stay = state_ == State::open && has_room();
  const Millis keep = may_stay ? owner_.max_idle_time(*this) : Millis{0};
  if (keep <= Millis{0}) leases_ = Leases::over;
  keep <= Millis{0} ? schedule_flush() : timer_.arm(keep);
}

// -- Opening and closing --------------------------------------------------------------------------

void Http2UpstreamConnection::on_connect_event() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return update_interest();
  if (status != IoStatus::done)
    return fail_to_connect(transport_->error(), transport_->error_text());
  const auto tls = transport_->tls();
  if (tls && tls->alpn != "h2") {
    return fail_to_connect(EPROTO, "the node does not choose h2 (ALPN)");
  }
  state_ = State::greeting;
  counters().connections.add();
  schedule_flush();
  update_interest();
}

void Http2UpstreamConnection::become_open() {
  state_ = State::open;
  max_streams_ = target_.streams;
  timer_.disarm();
  node_.on_connect_succeeded();
  owner_.on_room_changed(*this);
  refuse_excess();
  each_stream([](Http2UpstreamStream& stream) { stream.on_connected(); });
}

/// Streams that the node would not take go elsewhere instead of waiting here.
void Http2UpstreamConnection::refuse_excess() {
  std::size_t excess = streams_.size() - std::min(streams_.size(), limit_of_node());
  each_stream([&excess](Http2UpstreamStream& stream) {
    if (excess == 0 || !stream.is_unsent()) return;
    --excess;
    stream.refuse();
  });
}

void Http2UpstreamConnection::fail_to_connect(int error, const std::string& why) {
  close({node_.on_connect_failed(error, why), ConnectionLoss::During::connect});
}

/// The node has closed the connection, or an error has occurred.
void Http2UpstreamConnection::on_connection_lost(IoStatus status) {
  const bool failed = status == IoStatus::failed || writing_ == Writing::broken;
  const int error = failed ? transport_->error() : 0;
  // With both SETTINGS and GOAWAY it has not failed.
  if (state_ == State::greeting && !(session_.is_greeted() && goaway_)) {
    const std::string ended = *fault_ != '\0' ? fault_ : "the connection ended";
    const std::string how = failed ? transport_->error_text() : ended;
    return fail_to_connect(failed ? error : ECONNRESET, "it does not speak HTTP/2: " + how);
  }
  const bool soon_after_lease = context_.loop.now() - since_ < kStaleReuseWindow;
  const bool by_tls = error == EPROTO;
  if (by_tls) node_.on_tls_failed(transport_->error_text());
  // With several, it is not known of which one something is not acknowledged.
  const bool unread = !by_tls && heard_ == Heard::nothing && streams_.size() == 1 &&
                      ((failed && soon_after_lease) || transport_->unacknowledged() > 0);
  if (streams_.empty()) {
    node_.on_closed_by_node(idle_duration(), since_);
  } else if (idle_before_lease_ > Millis{0} && soon_after_lease && heard_ == Heard::nothing) {
    node_.on_closed_by_node(idle_before_lease_, since_);
  }
  ConnectionLoss loss{{EndReason::node_closed, Retry::no, error}};
  if (unread) loss.read = ConnectionLoss::Read::no;
  if (goaway_ && *goaway_ != ErrorCode::no_error) loss.error.why = http2::name_of(*goaway_);
  if (*fault_ != '\0') loss.error.why = fault_;
  close(loss);
}

void Http2UpstreamConnection::close() {
  close({{EndReason::node_closed}});
}

void Http2UpstreamConnection::close(const ConnectionLoss& loss) {
  if (state_ >= State::closed) return;
  if (state_ != State::connecting) counters().connections_ended.add();
  state_ = State::closed;
  timer_.disarm();
  in_use_.reset();
  transport_.reset();
  session_.stop();
  out_.clear();
  owner_.on_room_changed(*this);
  each_stream([&loss](Http2UpstreamStream& stream) { stream.on_connection_lost(loss); });
  remove_if_empty();
}

void Http2UpstreamConnection::remove_if_empty() {
  if (state_ != State::closed || !streams_.empty()) return;
  state_ = State::removed;
  flush_.cancel();
  owner_.remove(*this);
}

/// Each may remove itself from the list.
template <class Call>
void Http2UpstreamConnection::each_stream(const Call& call) {
  for (std::size_t index = streams_.size(); index > 0; --index) {
    if (index <= streams_.size()) call(*streams_[index - 1]);
  }
}

// -- What the node sends --------------------------------------------------------------------------

void Http2UpstreamConnection::on_ready(Ready ready) {
  if (state_ == State::connecting) return on_connect_event();
  if (state_ >= State::closed) return;
  if (has(ready, Ready::write) && !out_.empty()) flush();
  if (state_ < State::closed && has(ready, Ready::read)) read();
}

void Http2UpstreamConnection::on_watch_failed(int error) {
  close({out_of_resources(error), ConnectionLoss::During::connect});
}

void Http2UpstreamConnection::on_timeout() {
  if (!connected()) return fail_to_connect(ETIMEDOUT, errno_text(ETIMEDOUT));
  leave();
}

void Http2UpstreamConnection::read() {
  const auto room = in_.room(context_.blocks, BlockPool::kBlockSize);
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      in_.filled(result.size);
      return receive();
    case IoStatus::would_block:
      in_.clear();
      return update_interest();
    case IoStatus::closed:
    case IoStatus::truncated:
      in_.clear();
      return on_connection_lost(IoStatus::closed);
    case IoStatus::failed:
    case IoStatus::refused:
      in_.clear();
      return on_connection_lost(result.status);
  }
}

void Http2UpstreamConnection::receive() {
  in_session_ = Session::in_use;
  heard_ = Heard::something;
  const std::uint32_t streams = session_.max_streams();
  const bool goes_on = session_.receive({in_.data(), in_.size()}, context_.loop.now());
  counters().note(session_.take_counts());
  end_read();
  in_session_ = Session::idle;
  in_.clear();
  if (state_ >= State::closed) return;
  if (!goes_on && !goaway_) fault_ = kBrokenRules;
  if (!goes_on) leave();
  if (!goes_on || session_.wants_to_write()) schedule_flush();
  if (state_ == State::greeting && goes_on && session_.is_greeted()) return become_open();
  if (session_.max_streams() == streams) return;
  owner_.on_room_changed(*this);
  refuse_excess();
  if (streams_.empty() && !has_room()) leave();
}

void Http2UpstreamConnection::end_read() {
  for (std::size_t i = 0; i < received_.size(); ++i) {
    if (received_[i] != nullptr) received_[i]->on_read_end();
  }
  received_.clear();
  tell_closed();
  for (std::size_t i = 0; i < delivered_.size(); ++i) delivered_[i]->on_response_read_end();
  delivered_.clear();
}

void Http2UpstreamConnection::tell_closed() {
  for (std::size_t i = 0; i < closed_.size(); ++i) {
    if (closed_[i] != nullptr) closed_[i]->tell_closed();
  }
  closed_.clear();
}

void Http2UpstreamConnection::note_delivered(UpstreamEvents& exchange) {
  if (std::ranges::find(delivered_, &exchange) == delivered_.end()) delivered_.push_back(&exchange);
}

void Http2UpstreamConnection::note_resumed(Http2UpstreamStream& stream) {
  if (std::ranges::find(resumed_, &stream) == resumed_.end()) resumed_.push_back(&stream);
  schedule_flush();
}

// -- What it gets ---------------------------------------------------------------------------------

std::string_view Http2UpstreamConnection::scheme() const {
  return transport_ && transport_->tls() ? "https" : "http";
}

void Http2UpstreamConnection::schedule_reset(http2::StreamId id, ErrorCode code) {
  if (state_ >= State::closed) return;
  out_.schedule_reset(id, code);
  schedule_flush();
}

std::size_t Http2UpstreamConnection::unacknowledged() const {
  return transport_ && !out_.empty() ? transport_->unacknowledged() : 0;
}

void Http2UpstreamConnection::flush() {
  flush_.cancel();
  deliver_resumed();
  if (!connected() && is_left()) return close();
  if (state_ == State::connecting || state_ >= State::closed) return;
  if (writing_ == Writing::fine) {
    in_session_ = Session::in_use;
    const IoStatus status = out_.write_to(*transport_);
    in_session_ = Session::idle;
    counters().note(session_.take_counts());
    if (status != IoStatus::done && status != IoStatus::would_block) {
      // The node may have responded and closed without reading on: that can still be read.
      writing_ = Writing::broken;
      out_.clear();
      leave();
    }
    tell_closed();
    out_.tell_progress();
  }
  if (state_ < State::closed) settle();
}

void Http2UpstreamConnection::deliver_resumed() {
  in_session_ = Session::in_use;
  for (std::size_t i = 0; i < resumed_.size(); ++i) {
    if (resumed_[i] != nullptr) resumed_[i]->on_resumed();
  }
  resumed_.clear();
  end_read();
  in_session_ = Session::idle;
}

/// What follows from the state after a flush.
void Http2UpstreamConnection::settle() {
  if (is_left()) return close();
  if (!session_.is_over()) return update_interest();
  if (!goaway_) fault_ = kBrokenRules;
  on_connection_lost(IoStatus::closed);
}

void Http2UpstreamConnection::update_interest() {
  if (!transport_) return;
  if (state_ == State::connecting) return transport_->want(Ready::write);
  transport_->want(out_.empty() ? Ready::read : Ready::read | Ready::write);
}

}  // namespace bonedry::proxy
