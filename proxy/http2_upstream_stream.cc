#include "proxy/http2_upstream_stream.h"

#include "proxy/http/request_fields.h"
#include "proxy/http2_upstream_connection.h"

#include <utility>

namespace bonedry::proxy {

using http2::End;
using http2::EndedBy;
using http2::ErrorCode;

namespace {

/// Whether the client understands trailers: gRPC's servers want to know (RFC 9110, section 10.1.4).
bool accepts_trailers(const http::Head& head) {
  bool accepts = false;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldName::te) continue;
    http::each_element(head.value(field), [&accepts](std::string_view coding) {
      accepts = accepts || http::equal_ignoring_case(coding, "trailers");
    });
  }
  return accepts;
}

}  // namespace

Http2UpstreamStream::Http2UpstreamStream(Http2UpstreamConnection& connection,
                                         UpstreamEvents& exchange, Use use)
    : connection_(connection), exchange_(&exchange), use_(use), body_(connection.output(), *this) {}

Http2UpstreamStream::~Http2UpstreamStream() = default;

bool Http2UpstreamStream::connected() const {
  return connection_.connected();
}

void Http2UpstreamStream::on_connected() {
  if (exchange_ != nullptr) exchange_->on_connected();
}

// -- The request ----------------------------------------------------------------------------------

void Http2UpstreamStream::send_head(const http::Head& head, const http::RequestInfo& request,
                                    const http::ClientInfo& client,
                                    const http::RequestEdits& edits) {
  if (request.is_head) request_kind_ = http::RequestKind::head;
  http2::SentFields& fields = connection_.fields();
  fields.start(head);
  fields.view(":method", head.text(head.method));
  fields.view(":scheme", connection_.scheme());
  if (!request.host.empty()) fields.view(":authority", request.host);
  fields.view(":path", request.path);
  http::each_kept_request_field(head, request, client, edits, fields);
  if (accepts_trailers(head)) fields.view("te", "trailers");
  http::each_own_request_field(head, request, client, edits, fields);
  if (request.body.length == http::BodyLength::none) head_end_ = End::yes;
  const auto id = connection_.session().send_request(fields.all(), head_end_, *this);
  // The connection leases none for which it has no id.
  if (id) id_ = *id;
  wire_ = id ? Wire::open : Wire::closed;
}

void Http2UpstreamStream::send_body(const BodySlices& body) {
  if (wire_ == Wire::open) body_.add(body);
}

/// Never called: `takes_pipes` says no.
void Http2UpstreamStream::send_body(io::PipeLease /*body*/) {}

void Http2UpstreamStream::send_end(std::string_view trailers) {
  body_.end(trailers);
}

Flow Http2UpstreamStream::flush() {
  if (wire_ == Wire::closed) {
    body_.drop();
    return Flow::open;
  }
  if (connection_.write_failed()) return Flow::broken;
  connection_.schedule_flush();
  return head_end_ == End::yes ? Flow::open : body_.flush(id_, connection_.counters().stalls);
}

/// Called for trailers as well.
void Http2UpstreamStream::on_sending_head() {
  if (sent_ == Sent::nothing) connection_.counters().streams.add();
  sent_ = Sent::head;
}

void Http2UpstreamStream::on_sent_end() {
  sent_ = Sent::all;
  body_.note_sent_end();
}

void Http2UpstreamStream::on_body_sent() {
  if (exchange_ != nullptr) exchange_->on_upstream_progress();
  if (exchange_ != nullptr && body_.take_relief()) exchange_->on_upstream_drained();
}

std::size_t Http2UpstreamStream::unacknowledged() const {
  return connection_.unacknowledged();
}

// -- The response ---------------------------------------------------------------------------------

void Http2UpstreamStream::on_field(std::string_view name, std::string_view value) {
  if (exchange_ == nullptr) return;
  const http::HeadLimits& limits = connection_.context().heads;
  if (phase_ != Phase::head) return trailers_.add(limits, name, value);
  if (block_ == Block::none) connection_.builder().start(limits, exchange_->response_head());
  block_ = Block::begun;
  connection_.builder().add(name, value);
}

void Http2UpstreamStream::on_head(End end) {
  if (end == End::yes) received_end_ = End::yes;
  if (exchange_ == nullptr) return;
  if (phase_ != Phase::head) return end_response();
  if (block_ == Block::none) return on_bad_response("a head without fields");
  block_ = Block::none;
  const auto facts = connection_.builder().finish(end, request_kind_, connection_.context().blocks);
  if (!facts) return on_bad_response(facts.error());
  connection_.note_delivered(*exchange_);
  if (facts->interim) return exchange_->on_interim_head();
  phase_ = Phase::body;
  exchange_->on_response_head(*facts);
  // Where there is no body, the node says so in a frame of its own, or wrongly sends one.
  const bool is_all = end == End::yes || facts->body.length == http::BodyLength::none;
  if (exchange_ != nullptr && is_all) end_response();
}

void Http2UpstreamStream::on_bad_response(const char* why) {
  connection_.schedule_reset(id_, ErrorCode::protocol_error);
  exchange_->on_error({EndReason::bad_response, Retry::no, 0, why});
}

void Http2UpstreamStream::on_data(std::string_view bytes) {
  if (exchange_ == nullptr) return;
  if (!delivers() || !stored_.empty()) {
    return stored_.append(connection_.context().blocks, bytes);
  }
  if (pieces_.count == http::BodyPieces::kMax) deliver_pieces();
  if (!delivers()) return on_data(bytes);
  if (pieces_.count == 0) connection_.note_received(*this);
  const auto at = static_cast<std::uint32_t>(bytes.data() - connection_.input().data());
  pieces_.pieces[pieces_.count++] = {at, static_cast<std::uint32_t>(bytes.size())};
  pieces_.bytes += bytes.size();
}

void Http2UpstreamStream::on_end() {
  received_end_ = End::yes;
  end_response();
}

void Http2UpstreamStream::end_response() {
  if (exchange_ == nullptr || phase_ >= Phase::ended) return;
  if (trailers_.error() != nullptr) return on_bad_response(trailers_.error());
  phase_ = Phase::ended;
  if (stored_.empty() && delivers()) deliver_pieces();
}

void Http2UpstreamStream::on_read_end() {
  if (pieces_.count > 0) deliver_pieces();
}

/// What was received in this read; with the end if it was received, too.
void Http2UpstreamStream::deliver_pieces() {
  if (!delivers()) return store_pieces();
  const http::BodyPieces pieces = std::exchange(pieces_, {});
  deliver(connection_.input().block(), connection_.input().data(), pieces);
}

void Http2UpstreamStream::store_pieces() {
  stored_.append(connection_.context().blocks, connection_.input().data(), pieces_);
  pieces_.clear();
}

void Http2UpstreamStream::deliver_stored() {
  while (delivers() && !stored_.empty()) {
    const http2::BodyStore::Part part = stored_.take();
    deliver(part.block, part.data, part.pieces());
  }
  if (delivers() && phase_ == Phase::ended) deliver({}, nullptr, {});
}

void Http2UpstreamStream::deliver(const BlockRef& block, const char* data,
                                  const http::BodyPieces& pieces) {
  const bool last = phase_ == Phase::ended && stored_.empty();
  if (last) phase_ = Phase::done;
  if (wire_ == Wire::open && pieces.bytes > 0) {
    connection_.session().give_back(id_, pieces.bytes);
    connection_.schedule_flush();  // of the window
  }
  connection_.note_delivered(*exchange_);
  exchange_->on_response_body(BodySlices(block, data, pieces), last ? Last::yes : Last::no,
                              trailers_.lines());
}

void Http2UpstreamStream::resume(PauseReason reason) {
  pauses_.remove(reason);
  const bool waits = !stored_.empty() || phase_ == Phase::ended;
  if (delivers() && waits) connection_.note_resumed(*this);
}

void Http2UpstreamStream::on_resumed() {
  deliver_stored();
}

// -- The end --------------------------------------------------------------------------------------

void Http2UpstreamStream::release() {
  exchange_ = nullptr;
  stored_.clear();
  pieces_.clear();
  if (wire_ != Wire::open) return leave();
  if (is_unsent()) {
    connection_.session().forget(id_);
    return leave();
  }
  if (sent_ == Sent::all && received_end_ == End::yes) return;  // the session will close it
  body_.drop();
  connection_.schedule_reset(id_, ErrorCode::cancel);
}

void Http2UpstreamStream::refuse() {
  if (exchange_ != nullptr) exchange_->on_error({EndReason::node_closed, Retry::refused});
}

/// Within a call of the session, which its exchange must not get into.
void Http2UpstreamStream::on_closed(ErrorCode code, EndedBy by) {
  wire_ = Wire::closed;
  closed_ = {code, by};
  connection_.note_closed(*this);
}

void Http2UpstreamStream::tell_closed() {
  if (exchange_ == nullptr) return leave();
  if (phase_ >= Phase::ended) return;  // what is stored will be delivered
  if (closed_.code == ErrorCode::refused_stream) connection_.note_refused();
  exchange_->on_error(error_of_end());
}

ExchangeError Http2UpstreamStream::error_of_end() const {
  const char* const code = http2::name_of(closed_.code);
  if (phase_ != Phase::head) return {EndReason::response_cut, Retry::no, 0, code};
  if (closed_.code == ErrorCode::refused_stream) return {EndReason::node_closed, Retry::refused};
  const bool bad = closed_.by != EndedBy::peer && closed_.code != ErrorCode::no_error;
  return {bad ? EndReason::bad_response : EndReason::node_closed, Retry::no, 0, code};
}

void Http2UpstreamStream::on_connection_lost(const ConnectionLoss& loss) {
  wire_ = Wire::closed;
  if (exchange_ == nullptr) return leave();
  if (phase_ >= Phase::ended) return;
  exchange_->on_error(error_of(loss));
}

ExchangeError Http2UpstreamStream::error_of(const ConnectionLoss& loss) const {
  ExchangeError error = loss.error;
  if (loss.during == ConnectionLoss::During::connect) return error;
  if (phase_ != Phase::head) {
    error.reason = EndReason::response_cut;
  } else if (is_unsent()) {
    error.retry = Retry::refused;
  } else if (use_ == Use::again) {
    const bool unread = loss.read == ConnectionLoss::Read::no;
    error.retry = unread ? Retry::not_processed : Retry::maybe_processed;
  }
  return error;
}

void Http2UpstreamStream::leave() {
  body_.stop();
  connection_.remove(*this);
}

}  // namespace bonedry::proxy
