#include "admin/metrics/scrape.h"

#include "admin/control_plane.h"
#include "admin/metrics/cluster_families.h"

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

namespace bonedry::admin::metrics {
namespace {

double seconds_since_epoch(WallTime at) {
  return static_cast<double>(at.ms) / 1000.0;
}

void write_process(Exposition& out, const ProcessStatus& process, const TrafficStatus& traffic) {
  out.begin({"bonedry_build", Type::info, "The version of the program."});
  out.sample(label("version", BONEDRY_VERSION), std::uint64_t{1});
  out.single({"bonedry_process_start_time_seconds", Type::gauge,
              "When the process started, in seconds since the Unix epoch.", "seconds"},
             seconds_since_epoch(process.started));
  out.single({"bonedry_config_last_reload_successful", Type::gauge,
              "Whether the config file could be loaded at the last reload (1) or not (0)."},
             std::uint64_t{process.last_load == ConfigLoad::succeeded});
  out.single({"bonedry_config_last_reload_success_timestamp_seconds", Type::gauge,
              "When the config in force was loaded, in seconds since the Unix epoch.", "seconds"},
             seconds_since_epoch(process.config_loaded));
  out.single({"bonedry_client_connections", Type::gauge, "Connections of clients that are open."},
             std::uint64_t{traffic.connections});
  out.begin({"bonedry_worker_loop_lag_seconds", Type::gauge,
             "The longest delay of the worker's event loop in the last 15 to 30 seconds.",
             "seconds"});
  for (std::size_t worker = 0; worker < traffic.loop_lags.size(); ++worker) {
    out.sample(label("worker", std::to_string(worker)),
               std::chrono::duration<double>(traffic.loop_lags[worker]).count());
  }
}

/// HTTP/2 on connections of one side.
struct Http2Families {
  std::string_view peer;
  Family connections_open;
  Family connections;
  Family streams_open;
  Family streams;
  Family resets;
  Family refused;
  Family goaways;
  Family stalls;
};

constexpr Http2Families kHttp2OfClients{
    "client",
    {"bonedry_http2_connections_open", Type::gauge, "HTTP/2 connections of clients that are open."},
    {"bonedry_http2_connections", Type::counter, "Connections on which clients began HTTP/2."},
    {"bonedry_http2_streams_open", Type::gauge,
     "HTTP/2 streams of clients that are open, with those that were reset while a node still works "
     "for them."},
    {"bonedry_http2_streams", Type::counter, "HTTP/2 streams that clients began."},
    {"bonedry_http2_resets", Type::counter, "HTTP/2 streams that were reset, by whom."},
    {"bonedry_http2_refused", Type::counter,
     "HTTP/2 streams of clients that the proxy refused (REFUSED_STREAM)."},
    {"bonedry_http2_goaways", Type::counter, "GOAWAY frames to and from clients, by whom."},
    {"bonedry_http2_flow_control_stalls", Type::counter,
     "How often a response had to wait for a window of its client."}};

constexpr Http2Families kHttp2OfNodes{
    "node",
    {"bonedry_http2_nodes_connections_open", Type::gauge,
     "HTTP/2 connections to nodes that are open."},
    {"bonedry_http2_nodes_connections", Type::counter,
     "Connections to nodes on which HTTP/2 was begun."},
    {"bonedry_http2_nodes_streams_open", Type::gauge, "HTTP/2 streams to nodes that are open."},
    {"bonedry_http2_nodes_streams", Type::counter, "HTTP/2 streams to nodes that were begun."},
    {"bonedry_http2_nodes_resets", Type::counter,
     "HTTP/2 streams to nodes that were reset, by whom."},
    {"bonedry_http2_nodes_refused", Type::counter,
     "HTTP/2 streams that nodes refused (REFUSED_STREAM)."},
    {"bonedry_http2_nodes_goaways", Type::counter, "GOAWAY frames to and from nodes, by whom."},
    {"bonedry_http2_nodes_flow_control_stalls", Type::counter,
     "How often a request had to wait for a window of its node."}};

/// What either side has done.
void write_by(Exposition& out, const Family& family, std::string_view peer, std::uint64_t received,
              std::uint64_t sent) {
  out.begin(family);
  out.sample(label("by", peer), received);
  out.sample(label("by", "proxy"), sent);
}

void write_http2(Exposition& out, const Http2Families& families, const Http2Status& http2) {
  out.single(families.connections_open, http2.connections_open);
  out.single(families.connections, http2.connections);
  out.single(families.streams_open, http2.streams_open);
  out.single(families.streams, http2.streams);
  write_by(out, families.resets, families.peer, http2.resets_received, http2.resets_sent);
  out.single(families.refused, http2.refused);
  write_by(out, families.goaways, families.peer, http2.goaways_received, http2.goaways_sent);
  out.single(families.stalls, http2.stalls);
}

void write_traffic(Exposition& out, const TrafficStatus& traffic) {
  out.begin({"bonedry_exchanges_ended", Type::counter,
             "Requests of all listeners by how they ended, and whose doing that was."});
  for (const ExchangeStatus::Ending& ending : traffic.exchanges.endings) {
    std::string labels = label("end", ending.reason);
    append_label(labels, "fault", ending.side.empty() ? "none" : ending.side);
    out.sample(labels, ending.count);
  }
  const HandshakeStatus& handshakes = traffic.handshakes;
  out.begin({"bonedry_tls_handshakes", Type::counter, "TLS handshakes with clients by result."});
  out.sample(label("result", "full"), handshakes.full);
  out.sample(label("result", "resumed"), handshakes.resumed);
  out.sample(label("result", "failed"), handshakes.failed);
  out.sample(label("result", "shed"), handshakes.shed);
  write_http2(out, kHttp2OfClients, traffic.http2);
  write_http2(out, kHttp2OfNodes, traffic.http2_nodes);
  out.single(
      {"bonedry_access_log_lost_lines", Type::counter, "Lines that the access log has lost."},
      traffic.access_log.lines_lost);
  out.single(
      {"bonedry_access_log_write_errors", Type::counter, "Writes to the access log that failed."},
      traffic.access_log.write_errors);
}

struct TlsServer {
  std::string_view address;
  const ListenerTlsStatus& tls;
};

/// The listeners and the HTTP door that have TLS.
std::vector<TlsServer> tls_servers(const Status& status) {
  std::vector<TlsServer> servers;
  for (const ListenerStatus& listener : status.listeners) {
    if (listener.tls) servers.push_back({listener.address, *listener.tls});
  }
  const auto& http = status.admin_http;
  if (http && http->tls) servers.push_back({http->address, *http->tls});
  return servers;
}

void write_certificates(Exposition& out, const std::vector<TlsServer>& servers) {
  out.begin({"bonedry_certificate_expiry_timestamp_seconds", Type::gauge,
             "When the certificate in force ends, in seconds since the Unix epoch.", "seconds"});
  std::set<std::string> written;  // a file that is named twice is one series
  for (const TlsServer& server : servers) {
    for (const CertificateStatus& one : server.tls.certificates) {
      std::string labels = label("listener", server.address);
      append_label(labels, "file", one.file);
      if (!written.insert(labels).second) continue;
      out.sample(labels, seconds_since_epoch(one.not_after));
    }
  }
  out.begin({"bonedry_certificate_refused", Type::gauge,
             "Whether the listener's files were refused when they were read last (1) or not (0)."});
  for (const TlsServer& server : servers) {
    const std::string labels = label("listener", server.address);
    if (!written.insert(labels).second) continue;
    out.sample(labels, std::uint64_t{server.tls.error.has_value()});
  }
}

void write_ledger(Exposition& out, const Status& status) {
  out.single({"bonedry_ledger_sessions", Type::gauge, "Sessions in the ledger, of all pools."},
             status.sessions);
  out.single(
      {"bonedry_ledger_capacity_sessions", Type::gauge, "Sessions that the ledger can hold."},
      status.capacity);
  out.single({"bonedry_ledger_complete", Type::gauge,
              "Whether the ledger knows all sessions (1); while it does not (0), no node is dry."},
             std::uint64_t{status.complete});
  out.single({"bonedry_ledger_evictions", Type::counter,
              "Sessions that ended because the ledger was full."},
             status.evicted);
  out.single({"bonedry_ledger_disk_refusals", Type::counter,
              "How often the disk had no space for more of the ledger."},
             status.refused);
}

struct PoolTotal {
  Family family;
  std::uint64_t PoolStatus::*count;
};

constexpr std::array kPoolTotals{
    PoolTotal{{"bonedry_pool_exempt_requests", Type::counter,
               "Requests of monitors and the like, which begin no session."},
              &PoolStatus::exempt_requests},
    PoolTotal{{"bonedry_pool_foreign_cookies", Type::counter,
               "Requests that came with the session cookie of another pool."},
              &PoolStatus::foreign_cookies},
    PoolTotal{{"bonedry_pool_cookie_clashes", Type::counter,
               "Responses and requests in which another program uses the name of the session "
               "cookie."},
              &PoolStatus::cookie_clashes}};

void write_pools(Exposition& out, const std::vector<PoolStatus>& pools) {
  for (const PoolTotal& total : kPoolTotals) {
    out.begin(total.family);
    for (const PoolStatus& pool : pools) out.sample(label("pool", pool.name), pool.*total.count);
  }
}

std::vector<LabelledNode> label_nodes(const Status& status) {
  std::vector<LabelledNode> nodes;
  for (const PoolStatus& pool : status.pools) {
    for (const NodeStatus& node : pool.nodes) {
      std::string labels = label("pool", node.pool);
      append_label(labels, "node", node.name);
      nodes.push_back({&node, std::move(labels)});
    }
  }
  return nodes;
}

}  // namespace

Scrape::Scrape(Status status, Scope scope, Format format)
    : status_(std::move(status)),
      scope_(scope),
      nodes_(label_nodes(status_)),
      families_(node_families()),
      out_(format) {}

std::string_view Scrape::next() {
  out_.clear();
  if (phase_ == Phase::begin) {
    write_shared();
    phase_ = Phase::nodes;
  }
  if (phase_ == Phase::nodes) write_nodes();
  return out_.text();
}

void Scrape::write_shared() {
  if (scope_ == Scope::everything) {
    write_process(out_, status_.process, status_.traffic);
    write_traffic(out_, status_.traffic);
    write_certificates(out_, tls_servers(status_));
    write_ledger(out_, status_);
    if (status_.cluster) write_cluster(out_, *status_.cluster);
  }
  write_pools(out_, status_.pools);
}

void Scrape::write_nodes() {
  for (; family_ < families_.size(); ++family_, node_ = 0) {
    const NodeFamily& family = families_[family_];
    if (node_ == 0) out_.begin(family.family);
    while (node_ < nodes_.size()) {
      family.write_samples(out_, nodes_[node_++]);
      if (out_.text().size() >= kPieceBytes) return;
    }
  }
  out_.end();
  phase_ = Phase::ended;
}

Result<std::unique_ptr<Scrape>, CommandError> scrape(const ControlPlane& control,
                                                     std::optional<std::string_view> pool,
                                                     Format format) {
  Result<Status, CommandError> status = control.status(pool);
  if (!status) return Failure{status.error()};
  return std::make_unique<Scrape>(std::move(*status), pool ? Scope::pools : Scope::everything,
                                  format);
}

}  // namespace bonedry::admin::metrics
