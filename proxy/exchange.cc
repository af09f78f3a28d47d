#include "proxy/exchange.h"

#include "proxy/forwarded_client.h"
#include "proxy/worker.h"

#include <array>
#include <cassert>
#include <cstdio>

namespace bonedry::proxy {

using balancer::Claim;
using balancer::Verdict;
using http::BodyKind;
using http::Persistence;

namespace {

// 103s and the like in front of one answer; a node that sends more is not sane.
constexpr unsigned kMostInterimHeads = 32;
constexpr http::Refusal kTooLarge{413, "the request's body is too large", "[limits] body_bytes"};

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::own_node:
      return "own_node";
    case Verdict::fresh:
      return "fresh";
    case Verdict::late:
      return "late";
    case Verdict::moved:
      return "moved";
    case Verdict::rescued:
      return "rescued";
    case Verdict::lost:
      return "lost";
  }
  return "?";
}

}  // namespace

Exchange::Exchange(Worker& worker)
    : worker_(worker), timer_(worker.context().loop.timers(), [this] { on_timeout(); }) {}

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
  attempt_ = state;
}

void Exchange::reset() {
  origin_ = {};
  runtime_.reset();
  request_head_.clear();
  response_head_.clear();
  facts_ = {};
  visit_ = {};
  verdict_ = Verdict::fresh;
  tried_.clear();
  own_node_tries_ = 0;
  request_ = RequestState::done;
  response_ = ResponseState::done;
  attempt_ = AttemptState::none;
  freshness_ = Freshness::any;
  kept_body_.reset();
  refusal_.reset();
  to_client_ = Flow::open;
  interim_heads_ = 0;
  status_ = 0;
  bytes_in_ = bytes_out_ = 0;
}

void Exchange::start(const ExchangeOrigin& origin, const http::RequestFacts& facts) {
  origin_ = origin;
  facts_ = facts;
  started_ = worker_.now();
  runtime_ = worker_.runtime_of(origin.listener);
  runtime_->retries().note_request();
  if (!runtime_->lets_switch_to(facts.upgrade)) facts_.upgrade = {};
  request_ = facts.framing.kind == BodyKind::none ? RequestState::done : RequestState::body;
  response_ = ResponseState::waiting;
  downstream_persistence_ = facts.persistence;
  ending_ = EndReason::completed;
  if (too_large(facts.framing.length)) return refuse_body(EndReason::body_too_large, kTooLarge);
  arrive();
  choose();
}

http::AskedBy Exchange::asked_by() const {
  if (!facts_.upgrade.empty()) return http::AskedBy::upgrade;
  return facts_.head ? http::AskedBy::head : http::AskedBy::other;
}

// -- The request on its way -----------------------------------------------------------------------

void Exchange::on_connected() {
  timer_.disarm();
  if (!upstream_->reused()) {
    node_->note_connect_success();
    upstream_->introduce(*origin_.downstream);
  }
  if (!settle_rescue()) return;
  set(AttemptState::sent);
  const http::Origin origin{origin_.client, "http", origin_.trust, runtime_->told_in(),
                            runtime_->via()};
  upstream_->send_head(request_head_, facts_, origin, runtime_->cookie_filter());
  if (request_ == RequestState::body) {
    // Whatever of the body has been read comes within this call, and leaves with the head.
    origin_.downstream->want_body();
    if (over() || attempt_ != AttemptState::sent) return;
  } else if (kept_body_) {
    upstream_->send_body(kept_body_->slices());
    upstream_->send_end(kept_body_->trailers);
  }
  on_request_batch();
}

void Exchange::on_request_body(const BodySlices& body, Last last, std::string_view trailers) {
  bytes_in_ += body.bytes();
  on_progress();
  if (!takes_request()) return;
  if (request_ == RequestState::body && too_large(bytes_in_)) {
    return refuse_body(EndReason::body_too_large, kTooLarge);
  }
  if (last == Last::yes) keep_body(body, trailers);
  upstream_->send_body(body);
  if (last == Last::yes) request_complete(trailers);
}

bool Exchange::too_large(std::uint64_t body) const {
  const std::uint64_t most = worker_.context().limits.body_bytes;
  return most != 0 && body > most;
}

void Exchange::refuse_body(EndReason reason, const http::Refusal& why) {
  refusal_ = why;
  response_ == ResponseState::waiting ? reply(reason) : fail(reason);
}

/// Only a body that was read with its head is all here when its last byte comes.
void Exchange::keep_body(const BodySlices& body, std::string_view trailers) {
  const bool whole = bytes_in_ == body.bytes() && body.chunk() == request_head_.chunk;
  if (facts_.idempotent && whole) kept_body_ = body.keep(trailers);
}

bool Exchange::takes_request_pipes() const {
  return takes_request() && upstream_ != nullptr && upstream_->takes_pipes();
}

void Exchange::on_request_body(io::PipeLease body, Last last) {
  bytes_in_ += body->bytes();
  on_progress();
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
  // From here on the node is waited for, not the client; an answer under way is watched already.
  if (attempt_ == AttemptState::sent) timer_.disarm();
}

void Exchange::on_request_batch() {
  if (upstream_ == nullptr) return;
  const Flow flow = upstream_->flush();
  if (flow == Flow::broken) {
    // The node reads no more; it may have answered before it closed, so its side decides.
    drop_request();
  } else if (flow == Flow::congested && takes_request()) {
    origin_.downstream->hold_body();
  }
  if (request_ == RequestState::ending && flow == Flow::open) set(RequestState::done);
  request_sent();
  // Where a tunnel's node has ended first, this was all.
  if (in_tunnel() && request_over()) on_response_batch();
}

void Exchange::request_sent() {
  if (attempt_ != AttemptState::sent) return;
  if (!timer_.armed()) watch();
}

void Exchange::drop_request() {
  if (!takes_request() && request_ != RequestState::ending) return;
  set(RequestState::dropped);
  downstream_persistence_ = Persistence::close;
  origin_.downstream->hold_body();
}

void Exchange::on_upstream_drained() {
  if (over()) return;
  if (takes_request()) origin_.downstream->want_body();
  if (!over()) on_request_batch();
}

void Exchange::on_bad_body(const http::Refusal& why) {
  if (!over()) refuse_body(EndReason::bad_request, why);
}

/// A request that is not all here, and a tunnel, are nothing without their client; and nobody is to
/// be on a node that was taken from its users.
bool Exchange::outlives_client() const {
  const bool finishes = runtime_->view().config.on_client_gone == conf::OnClientGone::finish;
  return finishes && !over() && request_ == RequestState::done && facts_.upgrade.empty() &&
         !on_displaced_node();
}

void Exchange::on_downstream_lost() {
  if (!over()) finish(worker_.closing_reason(), Departure::abort);
}

// -- The answer -----------------------------------------------------------------------------------

void Exchange::on_interim_head() {
  if (++interim_heads_ > kMostInterimHeads) return on_bad_response("too many 1xx responses");
  if (response_head_.status == 100) {
    facts_.expects_continue = false;
    on_progress();  // from here on the client is waited for
  }
  if (!request_head_.http_1_0()) origin_.downstream->send_interim(response_head_);
  response_head_.clear();
}

namespace {

http::CacheAdvice cache_advice(conf::CookieCache cache) {
  switch (cache) {
    case conf::CookieCache::make_private:
      return http::CacheAdvice::make_private;
    case conf::CookieCache::no_cache:
      return http::CacheAdvice::no_cache;
    case conf::CookieCache::as_is:
      break;
  }
  return http::CacheAdvice::as_is;
}

}  // namespace

http::ResponseExtras Exchange::extras_for(const http::ResponseFacts& facts,
                                          std::string_view set_cookie) const {
  http::ResponseExtras extras;
  extras.framing = facts.framing.kind;
  extras.to_http_1_0 = request_head_.http_1_0();
  extras.set_cookie = set_cookie;
  extras.cache = cache_advice(runtime_->view().config.session.attributes.cache);
  if (runtime_->affinity().sticky()) extras.left_out = runtime_->affinity().logout_header();
  extras.upgrade = facts.upgrade;
  const bool unknown_length =
      extras.framing == BodyKind::chunked || extras.framing == BodyKind::until_close;
  if (unknown_length) {
    extras.framing = extras.to_http_1_0 ? BodyKind::until_close : BodyKind::chunked;
  }
  // A request that is not all here by now may never be: the connection cannot be promised.
  const bool keep = downstream_persistence_ == Persistence::keep_alive &&
                    request_ == RequestState::done && extras.framing != BodyKind::until_close &&
                    extras.framing != BodyKind::tunnel && !worker_.draining();
  extras.persistence = keep ? Persistence::keep_alive : Persistence::close;
  return extras;
}

void Exchange::on_response_head(const http::ResponseFacts& facts) {
  const bool switches = facts.framing.kind == BodyKind::tunnel;
  if (switches && !http::equal_ignoring_case(facts.upgrade, facts_.upgrade)) {
    return on_bad_response("a 101 to a protocol that was not asked for");
  }
  timer_.disarm();
  set(AttemptState::answered);
  const std::string cookie = update_session();
  upstream_persistence_ = facts.persistence;
  const http::ResponseExtras extras = extras_for(facts, cookie);
  downstream_persistence_ = extras.persistence;
  response_framing_ = extras.framing;
  status_ = response_head_.status;
  set(switches ? ResponseState::tunnel : ResponseState::body);
  origin_.downstream->send_head(response_head_, extras);
  if (!switches) return;
  begin_tunnel();
  leave_displaced_node();  // taken from its users while it was being asked
}

void Exchange::on_response_body(const BodySlices& body, Last last, std::string_view trailers) {
  if (!takes_response()) return;
  bytes_out_ += body.bytes();
  on_progress();
  origin_.downstream->send_body(body);
  if (last == Last::yes) response_complete(trailers);
}

bool Exchange::takes_response_pipes() const {
  return takes_response() && origin_.downstream->takes_pipes();
}

void Exchange::on_response_body(io::PipeLease body, Last last) {
  bytes_out_ += body->bytes();
  on_progress();
  origin_.downstream->send_body(std::move(body));
  if (last == Last::yes) response_complete("");
}

void Exchange::response_complete(std::string_view trailers) {
  origin_.downstream->send_end(trailers);
  set(ResponseState::flushing);
  if (in_tunnel() && !request_over()) return watch();  // the client may go on
  if (request_ == RequestState::done) {
    release_upstream(upstream_persistence_);
  } else {
    drop_request();
    release_upstream(Persistence::close);
  }
}

void Exchange::on_response_batch() {
  if (over()) return;
  const Flow flow = origin_.downstream->flush();
  to_client_ = flow;
  if (flow == Flow::broken) return finish(EndReason::client_gone, Departure::abort);
  if (flow == Flow::open && response_ == ResponseState::flushing && request_over()) {
    return finish(EndReason::completed, downstream_persistence_ == Persistence::keep_alive
                                            ? Departure::keep
                                            : Departure::close);
  }
  if (flow == Flow::open && response_ == ResponseState::local) {
    return finish(ending_, Departure::close);
  }
  if (response_ == ResponseState::waiting) return;
  if (flow == Flow::congested && upstream_ != nullptr) upstream_->hold_response();
  if (!timer_.armed()) watch();
}

void Exchange::on_downstream_drained() {
  if (over()) return;
  to_client_ = Flow::open;
  timer_.disarm();
  if (response_ == ResponseState::local) return finish(ending_, Departure::close);
  if (response_ == ResponseState::flushing) return on_response_batch();
  if (upstream_ == nullptr) return;
  watch();
  upstream_->want_response();
}

// -- What can go wrong ----------------------------------------------------------------------------

void Exchange::on_bad_response(const char* why) {
  worker_.report_bad_response(*node_, why);
  if (response_ == ResponseState::waiting) return reply(EndReason::bad_response);
  fail(EndReason::bad_response);
}

/// RFC 9110, 9.2.2: only an idempotent request may be sent twice; and only one whose body, if it
/// has one, is still here. Worth it where the connection may simply have been too old.
bool Exchange::may_send_again() const {
  return freshness_ == Freshness::any && upstream_->reused() && !upstream_->heard() &&
         facts_.idempotent && (facts_.framing.kind == BodyKind::none || kept_body_);
}

/// A node that has closed an idle connection before the request reached it has had no work with it,
/// so the second time is no load either.
bool Exchange::take_repeat() {
  balancer::RetryBudget& budget = runtime_->retries();
  if (budget.forbidden()) return false;
  return !upstream_->took_request() || budget.take();
}

void Exchange::on_upstream_lost() {
  if (over()) return;
  if (response_ != ResponseState::waiting) return fail(EndReason::response_cut);
  if (!may_send_again() || !take_repeat()) return reply(EndReason::node_closed);
  send_again();
}

/// Once more, and under the topology of now, like a request that has just come.
void Exchange::send_again() {
  freshness_ = Freshness::fresh;
  release_upstream(Persistence::close);
  timer_.disarm();
  set(AttemptState::none);
  release_place();
  leave_node();
  choose();
}

void Exchange::on_shortage(int error) {
  if (over()) return;
  worker_.report_shortage(error);
  if (response_ == ResponseState::waiting) return reply(EndReason::no_resources);
  // An answer of ours that waits for the client keeps its own reason.
  fail(response_ == ResponseState::local ? ending_ : EndReason::no_resources);
}

void Exchange::arm_for(Millis delay) {
  on_progress();
  timer_.arm(delay);
}

void Exchange::on_timeout() {
  switch (attempt_) {
    case AttemptState::none:
      if (response_ == ResponseState::local) look();
      return;
    case AttemptState::queued:
      return reply(EndReason::node_full);
    case AttemptState::pausing:
      set(AttemptState::none);
      return choose();
    case AttemptState::connecting:
      return on_connect_failed(ETIMEDOUT);
    case AttemptState::sent:
    case AttemptState::answered:
      return look();
  }
}

/// Ends what has begun to go to the client: it must notice that this is not all.
void Exchange::fail(EndReason reason) {
  // What came before the mishap is the client's to see; a broken pipe changes nothing here.
  (void)origin_.downstream->flush();
  finish(reason, Departure::abort);
}

/// Answers for ourselves; nothing has gone to the client yet.
void Exchange::reply(EndReason reason) {
  const EndRow& row = row_of(reason);
  release_upstream(Persistence::close);
  timer_.disarm();
  set(AttemptState::none);
  drop_request();
  ending_ = reason;
  status_ = refusal_ ? refusal_->status : row.status;
  if (reason == EndReason::no_node) worker_.report_no_node(runtime_->view().config.name);
  const bool keep = downstream_persistence_ == Persistence::keep_alive &&
                    request_ == RequestState::done && !worker_.draining();
  http::LocalReply local;
  local.status = status_;
  local.text = refusal_ ? refusal_->why : row.text;
  local.fields = row.status == 503 ? "Retry-After: 5\r\n" : "";
  local.persistence = keep ? Persistence::keep_alive : Persistence::close;
  local.asked_by = asked_by();
  set(ResponseState::local);
  origin_.downstream->send_local(local);
  const Flow flow = origin_.downstream->flush();
  if (flow == Flow::congested) return watch();
  if (flow == Flow::broken) return finish(reason, Departure::abort);
  finish(reason, keep ? Departure::keep : Departure::close);
}

/// Gives back what it has of the node, or its place among those who wait for it.
void Exchange::release_upstream(Persistence persistence) {
  leave_queue();
  if (in_use_ != nullptr) std::exchange(in_use_, nullptr)->give_connection();
  if (upstream_ == nullptr) return;
  std::exchange(upstream_, nullptr)->release(persistence);
}

void Exchange::finish(EndReason reason, Departure departure) {
  timer_.disarm();
  release_upstream(Persistence::close);
  release_place();
  leave_tunnel();
  set(ResponseState::done);
  write_log(origin_.downstream->gone() ? EndReason::client_gone : reason);
  // The session's stamp first, then the node's count: see Node::exchanges_open.
  runtime_->affinity().leave(visit_, worker_.exact_now());
  leave_node();
  origin_.downstream->exchange_over(departure);
}

void Exchange::write_log(EndReason reason) {
  if (!worker_.access_log().enabled()) return;
  AccessEntry entry;
  entry.at = worker_.wall();
  entry.client =
      origin_.trust == http::Trust::none
          ? origin_.client
          : forwarded_client(request_head_, origin_.client, worker_.context().trusted_proxies);
  entry.method = request_head_.text(request_head_.method);
  entry.target = request_head_.text(request_head_.target);
  entry.version_minor = request_head_.minor;
  entry.status = status_;
  entry.bytes_in = bytes_in_;
  entry.bytes_out = bytes_out_;
  entry.duration = worker_.now() - started_;
  entry.pool = runtime_->view().config.name;
  if (node_) entry.node = node_->name();
  entry.verdict = name_of(verdict_);
  std::array<char, 9> session{};
  if (visit_.held) {
    std::snprintf(session.data(), session.size(), "%08x",
                  static_cast<unsigned>(visit_.key.high >> 32U));
    entry.session = session.data();
    entry.user = visit_.user;
  }
  for (const http::Field& field : request_head_.fields) {
    if (field.id != http::FieldName::other) continue;
    const std::string_view name = request_head_.name(field);
    if (http::equal_ignoring_case(name, "user-agent")) {
      entry.user_agent = request_head_.value(field);
    }
    if (http::equal_ignoring_case(name, "referer")) entry.referer = request_head_.value(field);
  }
  const std::string refused = refusal_ ? http::reason_of(*refusal_) : "";
  entry.reason = refused;
  entry.end = reason;
  worker_.access_log().write(entry);
}

}  // namespace bonedry::proxy
