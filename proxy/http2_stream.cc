#include "proxy/http2_stream.h"

#include "proxy/base/random.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/local_response.h"
#include "proxy/http/response_fields.h"
#include "proxy/http2_connection.h"
#include "proxy/worker.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::proxy {

using http2::End;
using http2::ErrorCode;

namespace {

// After a response that came before the end of its request: a client that reads it stops its upload
// by itself. Only then is it told to (RFC 9113, section 8.1), since curl 7.88 takes that for an
// error.
constexpr Millis kUploadTime{2000};

/// A value of Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455, section 4.1). Nodes only want it to
/// look like one, and HTTP/2 clients have none to send.
using HandshakeKey = std::array<char, 24>;
HandshakeKey handshake_key(Random& random) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  HandshakeKey key{};
  for (char& c : key) c = kAlphabet[random.below(kAlphabet.size())];
  key[21] = 'A';  // its last four bits say nothing
  key[22] = key[23] = '=';
  return key;
}

}  // namespace

Http2Stream::Http2Stream(Http2Connection& connection, http2::StreamId id)
    : connection_(connection),
      id_(id),
      exchange_(connection.worker().acquire_exchange()),
      timer_(connection.worker().context().loop.timers(), [this] { on_timeout(); }),
      body_(connection.output(), *this) {}

Http2Stream::~Http2Stream() = default;

// -- The request ----------------------------------------------------------------------------------

void Http2Stream::on_field(std::string_view name, std::string_view value) {
  if (input_ == Input::head) return connection_.builder().add(name, value);
  input_ = Input::trailers;
  trailer_.add(connection_.worker().context().heads, name, value);
}

void Http2Stream::on_head(End end) {
  input_ = end == End::yes ? Input::ended : Input::body;
  auto& context = connection_.worker().context();
  if (connection_.builder().is_connect()) kind_ = Kind::connect;
  const auto key = kind_ == Kind::connect ? handshake_key(connection_.random()) : HandshakeKey{};
  const auto info = connection_.builder().finish(end, context.blocks, {key.data(), key.size()});
  if (!info) return refuse(info.error());
  ready_ = *info;
  end == End::yes ? connection_.note_complete(*this) : connection_.note_received(*this);
}

void Http2Stream::start_exchange() {
  const http::RequestInfo info = *std::exchange(ready_, std::nullopt);
  if (info.body.length != http::BodyLength::none) takes_body_ = TakesBody::yes;
  exchange_->start(connection_.source(*this), info);
}

/// The client has gone before there was an exchange.
void Http2Stream::abandon_head() {
  if (input_ != Input::head && !ready_) return;
  ready_.reset();
  release_exchange();
}

/// Responds to a request that must not be forwarded.
void Http2Stream::refuse(const http::Refusal& refusal) {
  Worker& worker = connection_.worker();
  const http::Head& head = exchange_->request_head();
  RequestIds::Made made{};
  const std::string_view id = worker.request_ids().id_of(head, connection_.trust(), made);
  worker.report_refusal({connection_.client_text(),
                         {head.text(head.method), head.text(head.target)},
                         connection_.listener(),
                         id},
                        refusal);
  http::LocalResponse reply;
  reply.status = refusal.status;
  reply.text = refusal.why;
  const bool allow = refusal.status == 405 || refusal.status == 200;
  if (allow) reply.allow = http::kAllowedMethods;  // RFC 9110, 15.5.6 and 9.3.7
  send_local_response(reply, worker.request_ids().in_responses() ? id : std::string_view{});
  connection_.session().note_error_of_peer();
  leave_to_client();
  connection_.schedule_flush();
}

void Http2Stream::on_data(std::string_view bytes) {
  if (!exchange_ || pauses_.has(PauseReason::dropped)) return;
  const auto waits = [this] { return !stored_.empty() || (!delivers() && !ready_); };
  if (!waits() && pieces_.count == http::BodyPieces::kMax) deliver_pieces();
  if (!exchange_) return;
  if (waits()) return stored_.append(connection_.worker().context().blocks, bytes);
  if (pieces_.count == 0 && !ready_) connection_.note_received(*this);
  const auto at = static_cast<std::uint32_t>(bytes.data() - connection_.input().data());
  pieces_.pieces[pieces_.count++] = {at, static_cast<std::uint32_t>(bytes.size())};
  pieces_.bytes += bytes.size();
}

void Http2Stream::on_end() {
  input_ = Input::ended;
  if (trailer_.refusal() && ready_) {
    ready_.reset();
    return refuse(*trailer_.refusal());
  }
  if (trailer_.refusal() && exchange_) {
    return exchange_->on_error(refused(EndReason::bad_request, *trailer_.refusal()));
  }
  if (stored_.empty() && delivers()) deliver_pieces();
}

void Http2Stream::on_read_end() {
  if (ready_) start_exchange();
  if (pieces_.count > 0) deliver_pieces();
}

/// What was received in this read; with the end if it was received, too.
void Http2Stream::deliver_pieces() {
  if (!exchange_ || pauses_.has(PauseReason::dropped)) return pieces_.clear();
  if (!delivers()) return store_pieces();
  const http::BodyPieces pieces = pieces_;
  pieces_.clear();
  deliver(connection_.input().block(), connection_.input().data(), pieces);
}

void Http2Stream::store_pieces() {
  stored_.append(connection_.worker().context().blocks, connection_.input().data(), pieces_);
  pieces_.clear();
}

void Http2Stream::deliver_stored() {
  while (delivers() && !stored_.empty()) {
    const http2::BodyStore::Part part = stored_.take();
    deliver(part.block, part.data, part.pieces());
  }
  if (!delivers()) return;
  if (pieces_.count > 0) return deliver_pieces();
  if (input_ == Input::ended) deliver({}, nullptr, {});
}

void Http2Stream::deliver(const BlockRef& block, const char* data, const http::BodyPieces& pieces) {
  const bool last = input_ == Input::ended && stored_.empty();
  if (last) input_ = Input::delivered;
  if (last) takes_body_ = TakesBody::no;
  connection_.session().give_back(id_, pieces.bytes);
  connection_.schedule_flush();  // of the window
  exchange_->on_request_body(BodySlices(block, data, pieces), last ? Last::yes : Last::no,
                             trailer_.lines());
  if (exchange_) exchange_->on_request_read_end();
}

void Http2Stream::pause(PauseReason reason) {
  pauses_.add(reason);
  if (reason == PauseReason::dropped) stored_.clear();
}

void Http2Stream::resume(PauseReason reason) {
  pauses_.remove(reason);
  deliver_stored();
}

void Http2Stream::begin_tunnel() {
  kind_ = Kind::tunnel;
  takes_body_ = TakesBody::yes;
  pauses_ = {};
  deliver_stored();
}

// -- The response ---------------------------------------------------------------------------------

void Http2Stream::send_interim(const http::Head& head) {
  if (wire_ != Wire::open) return;
  http2::SentFields& fields = connection_.fields();
  fields.start(head);
  fields.add(":status", static_cast<std::uint64_t>(head.status));
  http::each_response_field(head, {}, {}, fields);
  connection_.session().send_interim(id_, fields.all());
}

/// RFC 8441, section 5: 200 says of a CONNECT what 101 says of an Upgrade.
void Http2Stream::send_head(const http::Head& head, const http::ResponseInfo& response,
                            const http::ResponseEdits& edits) {
  if (wire_ != Wire::open) return;
  answered_ = Answered::by_node;
  const int status = response.switches() ? 200 : head.status;
  http2::SentFields& fields = connection_.fields();
  fields.start(head);
  fields.add(":status", static_cast<std::uint64_t>(status));
  // The same section: it answers a key that the client has not sent.
  if (response.switches()) fields.leave_out("Sec-WebSocket-Accept");
  http::each_response_field(head, edits, connection_.worker().hsts(connection_.listener()), fields);
  if (response.body.length == http::BodyLength::none) head_end_ = End::yes;
  connection_.session().send_head(id_, fields.all(), head_end_);
}

void Http2Stream::send_body(const BodySlices& body) {
  if (wire_ == Wire::open) body_.add(body);
}

/// Never called: `takes_pipes` says no.
void Http2Stream::send_body(io::PipeLease /*body*/) {}

void Http2Stream::send_end(std::string_view trailers) {
  body_.end(trailers);
}

void Http2Stream::send_local_response(const http::LocalResponse& response) {
  send_local_response(response, exchange_->response_request_id());
}

void Http2Stream::send_local_response(const http::LocalResponse& response,
                                      std::string_view request_id) {
  if (wire_ != Wire::open) return;
  const std::string content = http::content_of(response);
  http2::SentFields& fields = connection_.fields();
  fields.start(exchange_->request_head());
  fields.add(":status", static_cast<std::uint64_t>(response.status));
  fields.added("content-type", response.content ? response.content_type : http::kPlainText);
  fields.add("content-length", std::uint64_t{content.size()});
  fields.added("cache-control", "no-store");
  if (response.retry_after_s) fields.add("retry-after", std::uint64_t{*response.retry_after_s});
  if (!response.location.empty()) fields.added("location", response.location);
  if (!response.set_cookie.empty()) fields.added("set-cookie", response.set_cookie);
  if (!response.allow.empty()) fields.added("allow", response.allow);
  if (!request_id.empty()) fields.added("x-request-id", request_id);
  const std::string_view hsts = connection_.worker().hsts(connection_.listener());
  if (!hsts.empty()) fields.added("strict-transport-security", hsts);
  const http::Head& request = exchange_->request_head();
  const bool is_head = request.text(request.method) == "HEAD";
  if (is_head) head_end_ = End::yes;
  if (!is_head) body_.add(content);
  body_.end();
  connection_.session().send_head(id_, fields.all(), head_end_);
}

Flow Http2Stream::flush() {
  if (wire_ >= Wire::closed) {
    body_.drop();
    return Flow::open;
  }
  connection_.schedule_flush();
  if (head_end_ == End::yes) return Flow::open;
  return body_.flush(id_, connection_.worker().http2().stalls);
}

void Http2Stream::move_body(std::size_t size, SliceQueue& to) {
  body_.move(size, to);
  if (!exchange_) timer_.arm(connection_.worker().context().timeouts.stall);
}

void Http2Stream::on_sent_end() {
  wire_ = Wire::sent_all;
  if (!exchange_) timer_.arm(kUploadTime);
  body_.note_sent_end();
}

void Http2Stream::on_body_sent() {
  if (!exchange_) return leave_if_over();
  exchange_->on_downstream_progress();
  if (exchange_ && body_.take_relief()) exchange_->on_downstream_drained();
}

std::size_t Http2Stream::unacknowledged() const {
  return connection_.unacknowledged();
}

EndpointPair Http2Stream::endpoints() const {
  return connection_.endpoints();
}

// -- The end --------------------------------------------------------------------------------------

void Http2Stream::end_if_displaced() {
  if (exchange_ && !ready_) exchange_->end_if_displaced();
}

void Http2Stream::on_exchange_end(StreamEnd end) {
  leave_to_client();
  stored_.clear();
  if (wire_ >= Wire::closed) return leave_if_over();
  if (end == StreamEnd::complete && answered_ == Answered::by_node) {
    connection_.session().note_work();
  }
  if (end == StreamEnd::aborted) {
    connection_.schedule_reset(id_, ErrorCode::internal_error);
  } else {
    end_tunnel();
  }
  connection_.schedule_flush();
}

/// The proxy has ended it, or its node before and its client not yet.
void Http2Stream::end_tunnel() {
  if (kind_ != Kind::tunnel) return;
  if (body_.ended() == End::no) {
    body_.end();
    connection_.session().resume_body(id_);
  } else if (wire_ == Wire::sent_all && input_ < Input::ended) {
    connection_.schedule_reset(id_, ErrorCode::no_error);
  }
}

void Http2Stream::on_closed(ErrorCode code, http2::EndedBy /*by*/) {
  const bool half_open = kind_ == Kind::tunnel && input_ < Input::ended;
  const bool complete = wire_ == Wire::sent_all && code == ErrorCode::no_error && !half_open;
  wire_ = Wire::closed;
  if (input_ == Input::head && exchange_) {
    connection_.worker().report_refusal({connection_.client_text(), {}, connection_.listener(), {}},
                                        {400, "a malformed head"});
  }
  abandon_head();
  // `on_body_sent` follows, and tells the exchange.
  if (complete && exchange_) return body_.note_sent_end();
  lose_client();
}

void Http2Stream::on_lost() {
  wire_ = Wire::closed;
  abandon_head();
  lose_client();
}

void Http2Stream::lose_client() {
  pieces_.clear();
  stored_.clear();
  body_.drop();
  if (exchange_ && !exchange_->continues_without_client()) return exchange_->on_downstream_lost();
  if (!exchange_) return leave_if_over();
  wire_ = Wire::gone;
  // Even if the node sends without end.
  timer_.arm(connection_.worker().context().timeouts.response);
  if (body_.take_relief()) exchange_->on_downstream_drained();
}

void Http2Stream::cut() {
  wire_ = Wire::closed;
  abandon_head();
  if (exchange_) return exchange_->on_downstream_lost();
  leave_if_over();
}

/// What is left of the response is between the client and the connection.
void Http2Stream::leave_to_client() {
  release_exchange();
  if (wire_ == Wire::open) timer_.arm(connection_.worker().context().timeouts.stall);
  if (wire_ == Wire::sent_all) timer_.arm(kUploadTime);
}

/// A client that takes no more of its response is cut off, and one that goes on with its upload
/// told that nobody reads it. The session still knows the stream.
void Http2Stream::on_timeout() {
  if (wire_ >= Wire::closed) return cut();
  body_.drop();
  const bool is_sent = wire_ == Wire::sent_all;
  connection_.schedule_reset(id_, is_sent ? ErrorCode::no_error : ErrorCode::cancel);
}

void Http2Stream::release_exchange() {
  if (exchange_) connection_.worker().release_exchange(std::move(exchange_));
}

void Http2Stream::leave_if_over() {
  if (exchange_ || wire_ < Wire::closed) return;
  body_.stop();
  connection_.remove(*this);
}

}  // namespace bonedry::proxy
