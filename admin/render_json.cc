#include "admin/render_json.h"

#include "admin/explain.h"
#include "admin/json_text.h"
#include "admin/printable.h"
#include "admin/render_cluster.h"
#include "admin/render_text.h"

#include <algorithm>
#include <optional>

namespace bonedry::admin {
namespace {

Json seconds_or_null(const std::optional<Millis>& duration) {
  return duration ? Json(seconds(*duration)) : Json(nullptr);
}

Json instant_or_null(const std::optional<WallTime>& at) {
  return at ? Json(rfc3339(*at, Precision::seconds)) : Json(nullptr);
}

Json part_of(const std::optional<DryForecast>& forecast, Millis DryForecast::*part) {
  return forecast ? Json(seconds((*forecast).*part)) : Json(nullptr);
}

Json curve_json(const std::vector<UserCurve::Point>& curve) {
  if (curve.empty()) return nullptr;
  Json points = Json::array();
  for (const UserCurve::Point& point : curve) {
    points.push_back(Json::array({seconds(point.at), point.users}));
  }
  return points;
}

Json bleeding_json(const std::optional<BleedStatus>& bleeding) {
  if (!bleeding) return nullptr;
  return {{"since", rfc3339(bleeding->since, Precision::seconds)},
          {"by", bleeding->by},
          {"reason", bleeding->reason},
          {"deadline", instant_or_null(bleeding->deadline)},
          {"forecast_s", part_of(bleeding->forecast, &DryForecast::likely)},
          {"forecast_low_s", part_of(bleeding->forecast, &DryForecast::low)},
          {"forecast_high_s", part_of(bleeding->forecast, &DryForecast::high)},
          {"pending_ends_in_s", seconds_or_null(bleeding->pending_ends_in)},
          {"warning", bleeding->long_for.has_value()},
          {"curve", curve_json(bleeding->curve)}};
}

Json check_or_null(const std::optional<CheckStatus>& check) {
  if (!check) return nullptr;
  return {{"result", check->result == balancer::CheckResult::passed ? "passed" : "failed"},
          {"request", check->request},
          {"found", check->found},
          {"age_s", seconds(check->age)},
          {"took_s", seconds(check->took)}};
}

Json traffic_or_null(const std::optional<RecentTraffic>& traffic) {
  if (!traffic) return nullptr;
  const auto or_null = [](const std::optional<double>& figure) {
    return figure ? Json(*figure) : Json(nullptr);
  };
  return {{"requests_per_second", traffic->requests_per_second},
          {"errors_per_second", traffic->errors_per_second},
          {"p50_s", or_null(traffic->median_s)},
          {"p99_s", or_null(traffic->p99_s)}};
}

Json node_json(const NodeStatus& node) {
  return {{"name", node.name},
          {"address", node.address},
          {"group", node.group.empty() ? Json(nullptr) : Json(node.group)},
          {"weight", node.weight},
          {"max_sessions", node.max_sessions},
          {"max_connections", node.max_connections},
          {"state", to_string(node.state)},
          {"health", to_string(node.health)},
          {"health_age_s", seconds_or_null(node.health_age)},
          {"last_check", check_or_null(node.last_check)},
          {"dry", node.dry},
          {"dry_blocked_by", node.dry_blocked_by},
          {"sessions", {{"live", node.live}, {"pending", node.pending}}},
          {"exchanges_open", node.exchanges_open},
          {"websockets_open", node.websockets_open},
          {"exchanges_waiting", node.exchanges_waiting},
          {"counters",
           {{"new", node.begun},
            {"moved", node.moved},
            {"rescued", node.rescued},
            {"late", node.late},
            {"logged_out", node.logged_out}}},
          {"last_exchange_age_s", seconds_or_null(node.last_exchange_age)},
          {"bleeding", bleeding_json(node.bleeding)},
          {"removed", node.removed},
          {"passes",
           {{"used_lately", node.passes.used_lately},
            {"last_used_age_s", seconds_or_null(node.passes.last_used_age)},
            {"open", node.passes.open}}},
          {"traffic", traffic_or_null(node.traffic)}};
}

Json pool_json(const PoolStatus& pool) {
  Json nodes = Json::array();
  for (const NodeStatus& node : pool.nodes) nodes.push_back(node_json(node));
  return {{"name", pool.name},
          {"problems", problems(pool)},
          {"nodes", std::move(nodes)},
          {"foreign_cookies", pool.foreign_cookies},
          {"cookie_clashes", pool.cookie_clashes},
          {"exempt_requests", pool.exempt_requests}};
}

/// Whole days, rounded down.
std::int64_t days(Millis duration) {
  return std::chrono::floor<std::chrono::days>(duration).count();
}

Json tls_or_null(const std::optional<ListenerTlsStatus>& tls) {
  if (!tls) return nullptr;
  Json certificates = Json::array();
  for (const CertificateStatus& one : tls->certificates) {
    certificates.push_back({{"file", one.file},
                            {"names", one.names},
                            {"key_type", one.key_type},
                            {"not_before", rfc3339(one.not_before, Precision::seconds)},
                            {"not_after", rfc3339(one.not_after, Precision::seconds)},
                            {"days_left", days(one.left)}});
  }
  Json error = nullptr;
  if (tls->error) {
    error = {{"since", rfc3339(tls->error->since, Precision::seconds)}, {"text", tls->error->text}};
  }
  return {{"certificates", std::move(certificates)}, {"error", std::move(error)}};
}

Json admin_http_or_null(const std::optional<AdminHttpStatus>& http) {
  if (!http) return nullptr;
  return {{"address", http->address}, {"tls", tls_or_null(http->tls)}};
}

Json event_json(const Event& event) {
  return {{"id", event.id},
          {"at", rfc3339(event.at, Precision::millis)},
          {"kind", event.kind},
          {"node", event.node.empty() ? Json(nullptr) : Json(event.node)},
          {"text", event.text},
          {"by", event.by.empty() ? Json(nullptr) : Json(event.by)},
          {"reason", event.reason.empty() ? Json(nullptr) : Json(event.reason)}};
}

const char* to_string(session::SessionOrder order) {
  switch (order) {
    case session::SessionOrder::idle:
      return "idle";
    case session::SessionOrder::age:
      return "age";
    case session::SessionOrder::exchanges:
      return "exchanges";
  }
  return "?";
}

/// Null when an exchange holds the session, or there is no session.
Json end_or_null(std::optional<Instant> end, Instant now) {
  return end && *end != session::kNeverEnds ? Json(seconds(*end - now)) : Json(nullptr);
}

Json session_json(const session::SessionInfo& info, Instant now) {
  return {{"id", short_id(info.key)},
          {"state", session::to_string(info.state)},
          {"age_s", seconds(now - info.created)},
          {"idle_s", seconds(now - info.last)},
          {"exchanges", info.exchanges},
          {"exchanges_open", info.exchanges_open},
          {"websockets_open", info.tunnels_open},
          {"ends_in_s", end_or_null(info.ends, now)}};
}

Json command_json(const Command& command) {
  Json options = Json::array();
  for (const Option& option : command.options) {
    options.push_back(
        {{"name", option.name},
         {"value", option.placeholder.empty() ? Json(nullptr) : Json(option.placeholder)},
         {"help", option.help}});
  }
  return {{"name", command.name},
          {"syntax", syntax(command)},
          {"help", command.help},
          {"options", std::move(options)}};
}

std::string switch_json(const SwitchResult& result) {
  Json activated = Json::array();
  for (const balancer::NodeId& id : result.activated) activated.push_back(id.text());
  Json bleeding = Json::array();
  for (const BleedResult& bled : result.bled) {
    bleeding.push_back(
        {{"node", bled.node.text()}, {"live", bled.live}, {"pending", bled.pending}});
  }
  return one_line({{"ok", true},
                   {"message", to_text(ChangeResult(result))},
                   {"pool", result.pool},
                   {"group", result.group},
                   {"activated", std::move(activated)},
                   {"bleeding", std::move(bleeding)},
                   {"cut", result.cut ? Json(*result.cut) : Json(nullptr)}});
}

Json exchanges_json(const ExchangeStatus& exchanges) {
  Json endings = Json::object();
  for (const ExchangeStatus::Ending& ending : exchanges.endings) {
    endings[std::string(ending.reason)] = ending.count;
  }
  return {{"ended", std::move(endings)},
          {"retries", exchanges.retries},
          {"request_body_bytes", exchanges.bytes_in},
          {"response_body_bytes", exchanges.bytes_out}};
}

Json handshakes_json(const HandshakeStatus& handshakes) {
  return {{"completed", handshakes.completed()},
          {"resumed", handshakes.resumed},
          {"failed", handshakes.failed},
          {"shed", handshakes.shed}};
}

Json http2_json(const Http2Status& http2) {
  return {{"connections_open", http2.connections_open},
          {"connections", http2.connections},
          {"streams_open", http2.streams_open},
          {"streams", http2.streams},
          {"resets_received", http2.resets_received},
          {"resets_sent", http2.resets_sent},
          {"refused", http2.refused},
          {"goaways_received", http2.goaways_received},
          {"goaways_sent", http2.goaways_sent},
          {"stalls", http2.stalls}};
}

Json process_json(const ProcessStatus& process, const TrafficStatus& traffic) {
  const auto& rate = process.requests_per_second;
  const std::int64_t previous = traffic.previous_process;
  return {{"version", BONEDRY_VERSION},
          {"pid", process.pid},
          {"uptime_s", seconds(process.uptime)},
          {"config_age_s", seconds(process.config_age)},
          {"requests_per_second", rate ? Json(*rate) : Json(nullptr)},
          {"client_connections", traffic.connections},
          {"previous_pid", previous == 0 ? Json(nullptr) : Json(previous)}};
}

Json access_log_json(const AccessLogStatus& log) {
  return {{"lines_lost", log.lines_lost},
          {"write_errors", log.write_errors},
          {"last_error", log.last_error.empty() ? Json(nullptr) : Json(log.last_error)},
          {"lost_age_s", seconds_or_null(log.lost_age)}};
}

}  // namespace

std::string render_json(const Status& status) {
  Json pools = Json::array();
  for (const PoolStatus& pool : status.pools) pools.push_back(pool_json(pool));
  Json listeners = Json::array();
  for (const ListenerStatus& listener : status.listeners) {
    Json one{
        {"address", listener.address}, {"pool", listener.pool}, {"tls", tls_or_null(listener.tls)}};
    if (listener.pool.empty()) one["pool"] = nullptr;
    if (!listener.redirect.empty()) one["redirect"] = listener.redirect;
    listeners.push_back(std::move(one));
  }
  Json json{{"pools", std::move(pools)},
            {"listeners", std::move(listeners)},
            {"admin_http", admin_http_or_null(status.admin_http)},
            {"exchanges", exchanges_json(status.traffic.exchanges)},
            {"tls_handshakes", handshakes_json(status.traffic.handshakes)},
            {"http2", http2_json(status.traffic.http2)},
            {"http2_nodes", http2_json(status.traffic.http2_nodes)},
            {"process", process_json(status.process, status.traffic)},
            {"access_log", access_log_json(status.traffic.access_log)},
            {"ledger",
             {{"sessions", status.sessions},
              {"capacity", status.capacity},
              {"complete", status.complete},
              {"complete_in_s", seconds_or_null(status.complete_in)},
              {"evicted", status.evicted},
              {"refused_by_disk", status.refused}}}};
  if (status.cluster) json["cluster"] = cluster_json(*status.cluster);
  return one_line(json);
}

std::string render_json(const balancer::NodeId& node, const session::SessionPage& page,
                        Instant now) {
  Json rows = Json::array();
  for (std::size_t row = 0; row < page.rows.size(); ++row) {
    rows.push_back(session_json(page.rows[row], now));
    const bool known = !page.last_requests.empty() && page.last_requests[row];
    rows.back()["client"] = known ? Json(page.last_requests[row]->client) : Json(nullptr);
    rows.back()["last_path"] = known ? Json(page.last_requests[row]->path) : Json(nullptr);
  }
  return one_line({{"node", node.text()},
                   {"live", page.total - page.pending},
                   {"pending", page.pending},
                   {"pending_ends_in_s", end_or_null(page.pending_until, now)},
                   {"total", page.total},
                   {"sort", to_string(page.query.order)},
                   {"offset", page.query.offset},
                   {"limit", page.query.limit},
                   {"sessions", std::move(rows)}});
}

std::string render_json(const balancer::NodeId& node, const std::vector<std::string>& explanation) {
  return one_line({{"node", node.text()}, {"explanation", explanation}});
}

std::string render_json(const Event& event) {
  return one_line(event_json(event));
}

std::string render_json(const std::deque<Event>& events) {
  Json rows = Json::array();
  for (const Event& event : events) rows.push_back(event_json(event));
  return one_line({{"events", std::move(rows)}});
}

std::string render_json(const WaitResult& result) {
  return one_line(
      {{"node", result.node.text()},
       {"result", to_string(result.end)},
       {"live", result.live},
       {"pending", result.pending},
       {"exchanges_open", result.exchanges_open},
       {"forecast_s", part_of(result.forecast, &DryForecast::likely)},
       {"forecast_low_s", part_of(result.forecast, &DryForecast::low)},
       {"forecast_high_s", part_of(result.forecast, &DryForecast::high)},
       {"dry_blocked_by", result.dry_blocked_by},
       {"last_check", result.last_check.empty() ? Json(nullptr) : Json(result.last_check)}});
}

std::string render_json(std::span<const Command> commands) {
  Json rows = Json::array();
  for (const Command& command : commands) rows.push_back(command_json(command));
  return one_line({{"commands", std::move(rows)}});
}

std::string render_json(std::string_view message) {
  return one_line({{"ok", true}, {"message", message}});
}

std::string render_json(const ChangeResult& result) {
  if (const auto* reloaded = std::get_if<ReloadResult>(&result)) {
    return one_line({{"ok", true}, {"message", to_text(result)}, {"changes", reloaded->changes}});
  }
  if (const auto* switched = std::get_if<SwitchResult>(&result)) return switch_json(*switched);
  return render_json(std::string_view(to_text(result)));
}

std::string render_json(const PassResult& pass) {
  return one_line({{"pool", pass.node.pool},
                   {"node", pass.node.name},
                   {"expires_s", seconds(pass.ttl)},
                   {"token", pass.token},
                   {"query", pass.query()},
                   {"header", pass.header()}});
}

std::string render_json(const CommandError& error) {
  return one_line({{"ok", false}, {"code", to_string(error.code)}, {"message", error.text}});
}

const char* to_string(WaitEnd end) {
  switch (end) {
    case WaitEnd::dry:
      return "dry";
    case WaitEnd::healthy:
      return "healthy";
    case WaitEnd::unchecked:
      return "unchecked";
    case WaitEnd::timed_out:
      return "timed_out";
    case WaitEnd::activated:
      return "activated";
    case WaitEnd::gone:
      return "gone";
  }
  return "?";
}

}  // namespace bonedry::admin
