#include "admin/http_door/exchange.h"

#include "admin/dashboard/assets.h"
#include "admin/http_door/arguments.h"
#include "admin/http_door/openapi.h"
#include "admin/http_door/readiness.h"
#include "admin/metrics/scrape.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace bonedry::admin::http_door {
namespace {

constexpr std::string_view kMetrics = "/metrics";
constexpr std::string_view kApiText = "/v1/openapi.json";
constexpr std::string_view kOpenMetrics = "application/openmetrics-text";
constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

Response not_a_reading(std::string_view path) {
  Response refused =
      to_response(problem(405, ErrorCode::invalid, std::string(path) + " takes GET, HEAD"));
  refused.fields = "Allow: GET, HEAD\r\n";
  return refused;
}

const dashboard::Asset* find_page(std::string_view path) {
  const auto all = dashboard::assets();
  const auto found = std::ranges::find(all, path, &dashboard::Asset::path);
  return found == all.end() ? nullptr : &*found;
}

/// If-None-Match (RFC 9110, section 13.1.2): any of the tags, compared weakly.
bool has_tag(const std::string& list, std::string_view etag) {
  bool found = list == "*";
  bonedry::http::each_element(list, [&](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) found = true;
  });
  return found;
}

std::string_view event_name(const CommandAnswer& answer) {
  if (std::holds_alternative<Event>(answer)) return "event";
  return std::holds_alternative<WaitResult>(answer) ? "result" : "answer";
}

std::string event_id(const CommandAnswer& answer) {
  const auto* const event = std::get_if<Event>(&answer);
  return event == nullptr ? "" : std::to_string(event->id);
}

}  // namespace

Exchange::~Exchange() {
  parts_.feed.unsubscribe(*this);
}

void Exchange::answer() {
  const std::string_view path = request_.path;
  const bool is_command = path.starts_with(kApi) && path != kApiText;
  const bool is_data = is_command || path == kMetrics;
  const Purpose purpose = !reads() ? Purpose::change : is_data ? Purpose::read : Purpose::page;
  if (is_from_elsewhere(purpose)) return;
  if (is_data && parts_.left) return send(to_problem(*parts_.left, shown()));
  if (is_command) return answer_command();
  const bool is_own = path == "/livez" || path == "/readyz" || path == kMetrics || path == kApiText;
  if (!reads() && (is_own || find_page(path) != nullptr)) return send(not_a_reading(path));
  if (path == "/livez") return send(Response{200, kText, "ok\n"});
  if (path == "/readyz") return answer_ready();
  if (path == kMetrics) return answer_metrics();
  if (path == kApiText) return send(Response{200, kJson, {}, parts_.description});
  answer_page();
}

bool Exchange::is_from_elsewhere(Purpose purpose) {
  const auto elsewhere = cross_origin_problem(request_, parts_.reach, purpose);
  if (elsewhere) send(*elsewhere);
  return elsewhere.has_value();
}

bool Exchange::is_admitted() {
  const Result<> admitted = parts_.commands.admit(request_.token(), *this);
  if (admitted) return true;
  Response refused = to_response(problem(401, ErrorCode::forbidden, admitted.error()));
  refused.fields = "WWW-Authenticate: Bearer realm=\"bonedry\", error=\"invalid_token\"\r\n";
  send(refused);
  return false;
}

bool Exchange::may_go_on() {
  if (state_ != State::streaming || !streamed_) return true;
  const Result<> admitted = parts_.commands.admit(request_.token(), *this);
  if (!admitted) refuse({ErrorCode::forbidden, admitted.error()});
  if (!admitted) return false;
  const auto allowed = parts_.commands.check(*streamed_, *this);
  if (!allowed) refuse(allowed.error());
  return allowed.has_value();
}

void Exchange::answer_ready() {
  std::vector<std::string> problems;
  const std::string why = parts_.not_serving();
  if (!why.empty()) problems.push_back(why);
  if (const auto status = parts_.control.status(std::nullopt)) {
    const auto more = not_ready(*status);
    problems.insert(problems.end(), more.begin(), more.end());
  }
  std::string text;
  for (const std::string& each : problems) text += each + "\n";
  // What pools there are is nobody's business who has shown no token.
  if (parts_.reach == Reach::network && !problems.empty()) text = "not ready\n";
  send(Response{problems.empty() ? 200 : 503, kText, problems.empty() ? "ok\n" : text});
}

void Exchange::answer_metrics() {
  if (!is_admitted()) return;
  const Result<> allowed = rights().check({"metrics", access::Need::read});
  if (!allowed) return send(to_problem({ErrorCode::forbidden, allowed.error()}, shown()));
  const auto arguments = arguments_of_query(request_.query);
  std::optional<std::string_view> pool;
  if (arguments && arguments->size() == 1 && arguments->front().first == "pool") {
    pool = arguments->front().second;
  } else if (!arguments || !arguments->empty()) {
    return send(problem(400, ErrorCode::invalid, "/metrics takes 'pool' and nothing else"));
  }
  const bool open = request_.accepts(kOpenMetrics);
  auto made = metrics::scrape(parts_.control, pool,
                              open ? metrics::Format::openmetrics : metrics::Format::prometheus);
  if (!made) return send(to_problem(made.error(), shown()));
  Response response{200, open ? kOpenMetricsType : kPrometheusType};
  response.pieces = [scrape = std::shared_ptr(std::move(*made))] { return scrape->next(); };
  send(response);
}

void Exchange::answer_page() {
  const dashboard::Asset* const found = find_page(request_.path);
  if (found == nullptr) {
    return send(problem(404, ErrorCode::not_found, "there is nothing at this path"));
  }
  Response page{200, found->content_type, {}, found->bytes};
  page.fields = "ETag: " + std::string(found->etag) + "\r\n";
  page.cache_control = "no-cache";
  if (has_tag(request_.field("if-none-match"), found->etag)) page.status = 304;
  send(page);
}

void Exchange::answer_command() {
  if (!is_admitted()) return;
  auto command = to_command(request_);
  if (command) return run(std::move(*command));
  Response refused = to_response(command.error());
  if (refused.status == 405) {
    const Command* const known = find_command(request_.path.substr(kApi.size()));
    refused.fields += "Allow: " + allowed_methods(*known) + "\r\n";
  }
  send(refused);
}

void Exchange::run(CommandRequest command) {
  delivery_ = command.delivery;
  const CommandId id = command.line.command->id;
  if (delivery_ == Delivery::stream || id == CommandId::wait) waits_ = Waits::long_time;
  if (delivery_ == Delivery::document) {
    task_ = parts_.commands.run(command.line, *this);
    return;
  }
  streamed_ = command.line;
  if (id == CommandId::events) follow_events(command.line);
  if (id == CommandId::status) {
    const auto allowed = parts_.commands.check(command.line, *this);
    return allowed ? subscribe(command.line) : refuse(allowed.error());
  }
  task_ = parts_.commands.run(command.line, *this);
  if (state_ == State::pending) begin_stream();
  // Who may only wait for one node does not see the others meanwhile.
  const bool sees_status = rights().check({"status", access::Need::read}).has_value();
  if (id == CommandId::wait && state_ == State::streaming && sees_status) subscribe(command.line);
}

/// New events come after the recent ones; a client that has lost its connection has those up to
/// Last-Event-ID already.
void Exchange::follow_events(CommandLine& line) const {
  line.options.push_back({line.command->find_option("follow"), ""});
  const std::string last = request_.field("last-event-id");
  const Option* const after = line.command->find_option("after");
  if (line.has("after") || last.empty() || !value_error(*after, last).empty()) return;
  line.options.push_back({after, last});
}

void Exchange::subscribe(const CommandLine& line) {
  std::string pool;
  if (line.command->id == CommandId::status && !line.positionals.empty()) {
    pool = line.positionals.front();
  } else if (line.command->id == CommandId::wait) {
    const auto node = parts_.control.resolve_node(line.positionals.front());
    if (node) pool = node->pool;
  }
  const auto subscribed = parts_.feed.subscribe(*this, pool);
  if (!subscribed) refuse(subscribed.error());
}

void Exchange::on_status(const Slice& event) {
  if (state_ == State::pending) begin_stream();
  if (state_ == State::streaming && may_go_on() && !sink_.is_behind()) sink_.send_shared(event);
}

/// A wait says itself that its node is gone.
void Exchange::on_pool_gone(const CommandError& why) {
  if (task_) return parts_.feed.unsubscribe(*this);
  refuse(why);
}

void Exchange::begin_stream() {
  state_ = State::streaming;
  sink_.begin_stream(Response{200, kEventStream});
}

void Exchange::add(const CommandAnswer& answer, Format /*format*/) {
  if (state_ == State::complete) return;
  if (delivery_ == Delivery::document) {
    document_ += render_json(answer);
    return;
  }
  if (state_ == State::pending) begin_stream();
  if (!may_go_on()) return;
  sink_.send_event(stream_event(event_name(answer), render_json(answer), event_id(answer)));
}

void Exchange::refuse(const CommandError& error) {
  const Problem why = to_problem(error, shown());
  if (state_ == State::pending) return send(why);
  if (state_ == State::complete) return;
  sink_.send_event(stream_event("error", render(why)));
  finish();
}

void Exchange::finish() {
  if (state_ == State::complete) return;
  if (state_ == State::pending) return send(Response{200, kJson, std::move(document_)});
  state_ = State::complete;
  parts_.feed.unsubscribe(*this);
  sink_.end_stream();
}

void Exchange::fail(const CommandError& why) {
  refuse(why);
}

void Exchange::send(const Response& response) {
  state_ = State::complete;
  sink_.send(response);
}

}  // namespace bonedry::admin::http_door
