#include "proxy/exchange.h"

#include <cassert>
#include <utility>

namespace bonedry::proxy {

using http::BodyLength;

namespace {

constexpr http::Refusal kTooLarge{413, "the request's body is too large", "[limits] body_bytes"};

constexpr http::Refusal kNoSuchProtocol{501, "this protocol is not served here",
                                        "[[pool]] upgrades"};

ExchangeError invalid_response(const char* why) {
  return {EndReason::bad_response, Retry::no, 0, why};
}

}  // namespace

Exchange::Exchange(ExchangeContext& context)
    : context_(context), timer_(context.timers(), [this] { on_timeout(); }) {}

void Exchange::set(RequestState state) {
  assert(may_follow(request_, state));
  request_ = state;
}

void Exchange::set(ResponseState state) {
  assert(may_follow(response_, state));
  response_ = state;
}

void Exchange::set(AttemptState state) {
  if (state == attempt_ && state == AttemptState::none) return;
  assert(may_follow(attempt_, state));
  note_step(state);
  attempt_ = state;
}

/// Measures the state that ends.
void Exchange::note_step(AttemptState state) {
  const Millis taken = stats_.phases.step(attempt_, state, context_.now());
  if (attempt_ == AttemptState::queued) held_.meter->queue.note(taken);
  if (attempt_ == AttemptState::connecting && state == AttemptState::sent) {
    held_.meter->connect.note(taken);
  }
}

void Exchange::Routing::reset() {
  decision = balancer::RouteDecision::new_session;
  tried.clear();
  own_node_tries = 0;
  refusals = 0;
  held_since = {};
  reuse = ConnectionReuse::allowed;
}

void Exchange::reset() {
  source_ = {};
  downstream_ = nullptr;
  runtime_.reset();
  request_head_.clear();
  response_head_.clear();
  info_ = {};
  refusal_.reset();
  kept_body_.clear();
  request_id_ = {};
  request_ = RequestState::done;
  response_ = ResponseState::done;
  attempt_ = AttemptState::none;
  pass_.reset();
  binding_ = {};
  inquiry_.reset();
  routing_.reset();
  progress_.to_client = progress_.to_node = Flow::open;
  stats_ = {};
}

void Exchange::start(const RequestSource& source, const http::RequestInfo& info) {
  source_ = source;
  downstream_ = source.stream;
  info_ = info;
  stats_.started = context_.now();
  request_id_ = context_.request_ids().id_of(request_head_, source_.client.trust, made_request_id_);
  request_ = info.body.length == BodyLength::none ? RequestState::done : RequestState::body;
  response_ = ResponseState::waiting;
  end_reason_ = EndReason::completed;
  const auto local = context_.router().answer(
      source_.listener,
      {request_head_, info_, source_.tls, context_.now(), context_.process_state()});
  if (local) return answer(*local);
  runtime_ = current_runtime();
  runtime_->retries().note_request();
  if (!runtime_->allows_upgrade(info.upgrade)) info_.upgrade = {};
  if (info_.upgrade.empty() && info_.switching == http::RequestInfo::Switch::required) {
    return on_error(refused(EndReason::bad_request, kNoSuchProtocol));
  }
  if (too_large(info.body.bytes)) return on_error(refused(EndReason::body_too_large, kTooLarge));
  if (!admit_pass()) return;
  if (!pass_ && !find_session()) return;
  route();
}

std::optional<EndpointPair> Exchange::client_endpoints() const {
  return downstream_->endpoints();
}

// -- Sending the request --------------------------------------------------------------------------

void Exchange::on_connected() {
  calls_.expect_none();
  timer_.disarm();
  if (!commit_rescue()) return;
  set(AttemptState::sent);
  upstream_->send_head(request_head_, info_, source_.client, request_edits());
  send_kept_body();
  if (request_ == RequestState::body) {
    // The part of the body that has been read is delivered within this call and sent with the head.
    downstream_.delivering().resume(PauseReason::no_node);
    if (over() || attempt_ != AttemptState::sent) return;
  } else if (info_.body.length != BodyLength::none) {
    upstream_->send_end(kept_body_.trailers());
  }
  on_request_read_end();
}

/// What an earlier attempt has sent of it.
void Exchange::send_kept_body() {
  kept_body_.each([this](const BodySlices& part) { upstream_->send_body(part); });
}

void Exchange::on_request_body(const BodySlices& body, Last last, std::string_view trailers) {
  calls_.expect_none();
  count_in(body.bytes());
  note_progress();
  if (!takes_request()) return;
  if (request_ == RequestState::body && too_large(stats_.bytes_in)) {
    return on_error(refused(EndReason::body_too_large, kTooLarge));
  }
  keep_for_retry(body);
  upstream_->send_body(body);
  if (last == Last::no) return;
  kept_body_.end(trailers);
  request_complete(trailers);
}

bool Exchange::too_large(std::uint64_t body) const {
  const std::uint64_t max = context_.limits().body_bytes;
  return max != 0 && body > max;
}

/// What follows a part that was not kept is of no use. Nodes of HTTP/2 may refuse any request.
void Exchange::keep_for_retry(const BodySlices& body) {
  const bool may_serve =
      info_.idempotent || runtime_->view().config.protocol == conf::NodeProtocol::h2;
  const bool goes_on = kept_body_.bytes() + body.bytes() == stats_.bytes_in;
  if (!may_serve || response_ != ResponseState::waiting) return;
  if (goes_on) kept_body_.add(body);
  if (kept_body_.bytes() != stats_.bytes_in) kept_body_.clear();
}

bool Exchange::takes_request_pipes() const {
  return takes_request() && upstream_ && upstream_->takes_pipes();
}

void Exchange::on_request_body(io::PipeLease body, Last last) {
  calls_.expect_none();
  count_in(body->bytes());
  note_progress();
  upstream_->send_body(std::move(body));
  if (last == Last::yes) request_complete("");
}

void Exchange::request_complete(std::string_view trailers) {
  upstream_->send_end(trailers);
  if (in_tunnel()) {
    set(RequestState::ending);
    return watch();
  }
  set(RequestState::done);
  // From here on the exchange waits for the node, not for the client. Once the response has begun,
  // the timer already watches it.
  if (attempt_ == AttemptState::sent) timer_.disarm();
}

void Exchange::on_request_read_end() {
  calls_.expect_none();
  if (!upstream_) return;
  const Flow flow = upstream_->flush();
  // This flush may send what waited before `on_upstream_drained` is called.
  const bool relieved = std::exchange(progress_.to_node, flow) == Flow::congested;
  if (flow == Flow::broken) {
    // The node no longer reads. It may have responded before it closed, so the node's side decides.
    stop_reading_request();
  } else if (flow == Flow::congested && takes_request()) {
    downstream_->pause(PauseReason::congested);
  }
  if (request_ == RequestState::ending && flow == Flow::open) set(RequestState::done);
  await_response();
  // If the node has ended its side of the tunnel before, the tunnel ends here.
  if (in_tunnel() && request_over()) return on_response_read_end();
  if (relieved && flow == Flow::open && takes_request()) {
    downstream_.delivering().resume(PauseReason::congested);
  }
}

void Exchange::await_response() {
  if (attempt_ != AttemptState::sent) return;
  if (!timer_.armed()) watch();
}

void Exchange::stop_reading_request() {
  if (!takes_request() && request_ != RequestState::ending) return;
  set(RequestState::dropped);
  downstream_->pause(PauseReason::dropped);
}

void Exchange::on_upstream_progress() {
  calls_.expect_none();
  note_progress();
}

void Exchange::on_upstream_drained() {
  calls_.expect_none();
  if (over()) return;
  progress_.to_node = Flow::open;
  if (takes_request()) downstream_.delivering().resume(PauseReason::congested);
  if (!over()) on_request_read_end();
}

/// An incomplete request and a tunnel cannot continue without their client, and no exchange may
/// stay on a node whose sessions were displaced.
bool Exchange::continues_without_client() const {
  if (!runtime_) return false;
  const bool finishes = runtime_->view().config.on_client_gone == conf::OnClientGone::finish;
  return finishes && !over() && request_ == RequestState::done && info_.upgrade.empty() &&
         !on_displaced_node();
}

void Exchange::on_downstream_lost() {
  calls_.expect_none();
  if (over()) return;
  // When the proxy stops, a tunnel from which nothing is missing ends for its node as for its
  // client, and not by a reset.
  const EndReason reason = context_.closing_reason();
  const bool node_got_all = !upstream_ || upstream_->unsent() == 0;
  const bool clean = reason == EndReason::shut_down && node_got_all;
  finish(reason, clean ? StreamEnd::complete : StreamEnd::aborted);
}

// -- The response ---------------------------------------------------------------------------------

void Exchange::on_interim_head() {
  calls_.expect_none();
  if (++stats_.interim_heads > kMaxInterimHeads) {
    return on_error(invalid_response("too many 1xx responses"));
  }
  if (response_head_.status == 100) {
    info_.expects_continue = false;
    note_progress();  // from here on the exchange waits for the client
  }
  downstream_->send_interim(response_head_);
  response_head_.clear();
}

void Exchange::on_response_head(const http::ResponseInfo& response) {
  calls_.expect_none();
  if (response.switches() && !http::equal_ignoring_case(response.upgrade, info_.upgrade)) {
    return on_error(invalid_response("a 101 with a protocol that was not requested"));
  }
  timer_.disarm();
  kept_body_.clear();
  // A success would say that the switch had taken place (RFC 8441, section 5).
  const bool is_missed = info_.switching == http::RequestInfo::Switch::required &&
                         !response.switches() && response_head_.status < 300;
  if (is_missed) response_head_.status = kNoSuchProtocol.status;
  set(AttemptState::answered);
  const std::string cookie = update_session();
  stats_.status = response_head_.status;
  set(response.switches() ? ResponseState::tunnel : ResponseState::body);
  http::ResponseEdits edits = runtime_->response_edits();
  edits.set_cookie = cookie;
  edits.request_id = response_request_id();
  downstream_->send_head(response_head_, response, edits);
  if (!response.switches()) return;
  begin_tunnel();
  end_if_displaced();  // the node's sessions may have been displaced meanwhile
}

void Exchange::on_response_body(const BodySlices& body, Last last, std::string_view trailers) {
  calls_.expect_none();
  if (!takes_response()) return;
  count_out(body.bytes());
  note_progress();
  downstream_->send_body(body);
  if (last == Last::yes) response_complete(trailers);
}

bool Exchange::takes_response_pipes() const {
  return takes_response() && downstream_->takes_pipes();
}

void Exchange::on_response_body(io::PipeLease body, Last last) {
  calls_.expect_none();
  count_out(body->bytes());
  note_progress();
  downstream_->send_body(std::move(body));
  if (last == Last::yes) response_complete("");
}

void Exchange::response_complete(std::string_view trailers) {
  downstream_->send_end(trailers);
  set(ResponseState::flushing);
  if (in_tunnel() && !request_over()) return watch();  // the client may still send
  stop_reading_request();
  release_upstream();
}

void Exchange::on_response_read_end() {
  calls_.expect_none();
  if (over()) return;
  const Flow flow = downstream_->flush();
  const bool relieved = std::exchange(progress_.to_client, flow) == Flow::congested;
  if (flow == Flow::broken) return finish(EndReason::client_gone, StreamEnd::aborted);
  if (flow == Flow::open && response_ == ResponseState::flushing && request_over()) {
    return finish(EndReason::completed, StreamEnd::complete);
  }
  if (flow == Flow::open && response_ == ResponseState::local) {
    return finish(end_reason_, StreamEnd::complete);
  }
  if (response_ == ResponseState::waiting) return;
  if (flow == Flow::congested && upstream_) upstream_->pause(PauseReason::congested);
  if (relieved && flow == Flow::open && upstream_) upstream_->resume(PauseReason::congested);
  if (!timer_.armed()) watch();
}

void Exchange::on_downstream_progress() {
  calls_.expect_none();
  note_progress();
}

void Exchange::on_downstream_drained() {
  calls_.expect_none();
  if (over()) return;
  progress_.to_client = Flow::open;
  // Until there is a response, an exchange without a stream waits for a node, not for its client.
  if (!upstream_ && response_ == ResponseState::waiting) return;
  timer_.disarm();
  if (response_ == ResponseState::local) return finish(end_reason_, StreamEnd::complete);
  if (response_ == ResponseState::flushing) return on_response_read_end();
  if (!upstream_) return;
  watch();
  upstream_->resume(PauseReason::congested);
}

// -- Time-outs ------------------------------------------------------------------------------------

void Exchange::arm_for(Millis delay) {
  note_progress();
  timer_.arm(delay);
}

void Exchange::on_timeout() {
  switch (attempt_) {
    case AttemptState::none:
      if (response_ == ResponseState::local) check_progress();
      return;
    case AttemptState::asking:
      return on_answers();
    case AttemptState::held:
      return check_door();
    case AttemptState::queued:
      return on_error({EndReason::node_full});
    case AttemptState::pausing:
      set(AttemptState::none);
      return route();
    case AttemptState::connecting:  // the connection has its own time-out
      return;
    case AttemptState::sent:
    case AttemptState::answered:
      return check_progress();
  }
}

}  // namespace bonedry::proxy
