// How an exchange ends, and which errors are retried.

#include "proxy/exchange.h"
#include "proxy/forwarded_client.h"
#include "proxy/pass_in_request.h"
#include "proxy/trace_context.h"

#include <array>
#include <cstdio>

namespace bonedry::proxy {
namespace {

constexpr unsigned kRetryAfterSeconds = 5;
// The members of a cluster agree, or give up, within a moment.
constexpr unsigned kRetryAfterHeldSeconds = 1;
// A node that refuses a request more often than this refuses all.
constexpr unsigned kMaxRefusals = 2;

/// As the access log names it: an interface, so some names differ from those in the code.
const char* name_of(balancer::RouteDecision decision) {
  switch (decision) {
    case balancer::RouteDecision::session_node:
      return "own_node";
    case balancer::RouteDecision::new_session:
      return "fresh";
    case balancer::RouteDecision::late:
      return "late";
    case balancer::RouteDecision::moved:
      return "moved";
    case balancer::RouteDecision::rescued:
      return "rescued";
    case balancer::RouteDecision::exempt:
      return "exempt";
    case balancer::RouteDecision::node_down:
      return "lost";
    case balancer::RouteDecision::held:
      return "held";
    case balancer::RouteDecision::pass_node:
      return "pass";
  }
  return "?";
}

}  // namespace

void Exchange::on_error(const ExchangeError& error) {
  calls_.expect_none();
  if (over()) return;
  if (error.retry == Retry::refused && take_refusal()) return retry(error.retry);
  report(error);
  switch (error.retry) {
    case Retry::other_node:
      return try_other_node(error);
    case Retry::not_processed:
    case Retry::maybe_processed:
      if (is_replayable() && take_retry(error.retry)) return retry(error.retry);
      break;
    case Retry::refused:
    case Retry::no:
      break;
  }
  if (error.refusal.status != 0) refusal_ = error.refusal;
  if (response_ == ResponseState::waiting) return reply(error.reason);
  // A local response that waits for the client keeps its own reason.
  fail(response_ == ResponseState::local ? end_reason_ : error.reason);
}

void Exchange::report(const ExchangeError& error) {
  // A node may close a connection that was idle: that is no failure.
  const bool node_failed = error.side() == Side::upstream && error.retry != Retry::not_processed;
  if (node_failed && held_.node) {
    held_.meter->failures.add();
    context_.report_node_failure(runtime_->node(held_.index), error);
  }
  if (error.reason == EndReason::no_resources) context_.report_out_of_resources(error.error);
  if (error.reason == EndReason::no_node) context_.report_no_node(runtime_->view().config.name);
}

/// RFC 9110, 9.2.2: only an idempotent request may be sent twice; and only if its body, if it has
/// one, was kept.
bool Exchange::is_replayable() const {
  return is_kept() && routing_.reuse == ConnectionReuse::allowed && info_.idempotent;
}

/// Whether all that was sent of the request is still there.
bool Exchange::is_kept() const {
  return response_ == ResponseState::waiting && request_ != RequestState::dropped &&
         kept_body_.bytes() == stats_.bytes_in;
}

/// Outside the retry budget: nodes refuse in normal operation, when they end a connection.
bool Exchange::take_refusal() {
  if (!is_kept() || routing_.refusals == kMaxRefusals) return false;
  ++routing_.refusals;
  return true;
}

/// A node that closed an idle connection before it read the request has had no work with it, so a
/// retry adds no load and does not use the budget.
bool Exchange::take_retry(Retry retry) {
  balancer::RetryBudget& budget = runtime_->retries();
  if (budget.forbidden()) return false;
  return retry == Retry::not_processed || budget.take();
}

/// Routes the request again under the current topology, like a new request.
void Exchange::retry(Retry why) {
  context_.counters().note_retry();
  if (held_.meter != nullptr) held_.meter->retries.add();
  // The last one is the first on its connection: a node that gives each up after some requests
  // cannot refuse it.
  const bool is_last = why != Retry::refused || routing_.refusals == kMaxRefusals;
  if (is_last) routing_.reuse = ConnectionReuse::new_only;
  progress_.to_node = Flow::open;
  release_upstream();
  hold_request();
  timer_.disarm();
  set(AttemptState::none);
  held_.reservation.reset();
  leave_node();
  route();
}

/// What the client still sends waits for the next attempt.
void Exchange::hold_request() {
  if (request_ != RequestState::body) return;
  downstream_->pause(PauseReason::no_node);
  downstream_.delivering().resume(PauseReason::congested);
}

/// Ends a response that has begun, so that the client notices that it is incomplete.
void Exchange::fail(EndReason reason) {
  // The client gets what arrived before the error; a failed flush changes nothing here.
  (void)downstream_->flush();
  finish(reason, StreamEnd::aborted);
}

/// Tells the client of an error; nothing but 1xx has been sent to it.
void Exchange::reply(EndReason reason) {
  const EndReasonInfo& row = info_of(reason);
  http::LocalResponse response;
  response.status = refusal_ ? refusal_->status : row.status;
  response.text = refusal_ ? refusal_->why : row.text;
  if (row.status == 503) response.retry_after_s = kRetryAfterSeconds;
  if (reason == EndReason::held) response.retry_after_s = kRetryAfterHeldSeconds;
  respond(reason, response);
}

void Exchange::answer(const LocalAnswer& answer) {
  stats_.logged = answer.logged;
  const auto& response = answer.response;
  if (!response) return on_error(refused(EndReason::bad_request, response.error()));
  respond(EndReason::completed, *response);
}

void Exchange::respond(EndReason reason, const http::LocalResponse& response) {
  release_upstream();
  timer_.disarm();
  set(AttemptState::none);
  stop_reading_request();
  end_reason_ = reason;
  stats_.status = response.status;
  set(ResponseState::local);
  downstream_->send_local_response(response);
  const Flow flow = downstream_->flush();
  if (flow == Flow::congested) return watch();
  finish(reason, flow == Flow::broken ? StreamEnd::aborted : StreamEnd::complete);
}

/// Releases the stream to the node, or the place in the queue for one.
void Exchange::release_upstream(StreamEnd end) {
  leave_queue();
  if (!upstream_) return;
  end == StreamEnd::aborted ? upstream_->abort() : upstream_->release();
  upstream_ = nullptr;
}

void Exchange::finish(EndReason reason, StreamEnd end) {
  timer_.disarm();
  release_upstream(end);
  held_.reservation.reset();
  count_at_node();
  leave_tunnel();
  set(ResponseState::done);
  note_step(AttemptState::none);
  write_log(downstream_->gone() ? EndReason::client_gone : reason);
  // First the session's time stamp, then the node's counter: see Node::exchanges_open.
  if (runtime_) runtime_->affinity().release(binding_, context_.exact_now());
  leave_node();
  downstream_->on_exchange_end(end);
}

/// How long a tunnel lasts says nothing about its node.
void Exchange::count_at_node() {
  if (held_.meter == nullptr) return;
  const bool answered = response_ != ResponseState::waiting && response_ != ResponseState::local;
  held_.meter->note_end(answered ? stats_.status : 0);
  if (!in_tunnel()) held_.meter->duration.note(context_.now() - stats_.started);
}

std::string_view Exchange::client_address() const {
  const http::ClientInfo& client = source_.client;
  if (client.trust == http::Trust::none) return client.address;
  return forwarded_client(request_head_, client.address, context_.trusted_proxies());
}

void Exchange::note_last_request() {
  session::LastRequests* const last = context_.last_requests();
  if (last == nullptr || !binding_.held) return;
  const std::string_view target = request_head_.text(request_head_.target);
  last->note(binding_.key, client_address(), target.substr(0, target.find('?')));
}

void Exchange::write_log(EndReason reason) {
  const Millis duration = context_.now() - stats_.started;
  context_.counters().note({reason, stats_.bytes_in, stats_.bytes_out});
  note_last_request();
  if (!context_.access_log().enabled() || stats_.logged == LocalAnswer::Logged::no) return;
  AccessEntry entry;
  entry.at = context_.wall();
  entry.client = client_address();
  entry.method = request_head_.text(request_head_.method);
  entry.target = request_head_.text(request_head_.target);
  // Logs are read by more people than passes are for.
  std::string target;
  if (has_pass_parameter(entry.target)) entry.target = target = without_pass(entry.target);
  entry.protocol = http::protocol_text(request_head_);
  entry.stream = source_.stream_id;
  entry.status = stats_.status;
  entry.bytes_in = stats_.bytes_in;
  entry.bytes_out = stats_.bytes_out;
  entry.duration = duration;
  entry.phases = stats_.phases.times();
  entry.request_id = request_id_;
  entry.trace_id = trace_id_of(request_head_);
  entry.listener = source_.address;
  entry.host = info_.host;
  if (runtime_) entry.pool = runtime_->view().config.name;
  if (held_.node) entry.node = held_.node->name();
  if (runtime_) entry.decision = name_of(routing_.decision);
  if (is_exempt()) entry.exempt = Exempt::yes;
  if (pass_) entry.pass = WithPass::yes;
  std::array<char, 9> session{};
  if (binding_.held) {
    std::snprintf(session.data(), session.size(), "%08x",
                  static_cast<unsigned>(binding_.key.high >> 32U));
    entry.session = session.data();
    entry.user = binding_.user;
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
  entry.tls = source_.tls;
  entry.end = reason;
  context_.access_log().write(entry);
}

}  // namespace bonedry::proxy
