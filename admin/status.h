#pragma once

#include "admin/cluster_status.h"
#include "admin/dry_forecast.h"
#include "admin/user_curve.h"
#include "balancer/check_history.h"
#include "balancer/node.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Status of nodes and pools: values, made on request.
namespace bonedry::admin {

struct BleedStatus {
  WallTime since;
  std::string by;
  std::string reason;
  std::optional<WallTime> deadline;
  std::optional<DryForecast> forecast;  ///< empty: there is no forecast
  std::string no_forecast = {};         ///< why there is none, if known
  /// How long until the last pending session has ended at the latest; empty: there is no pending
  /// session, or this is not known yet.
  std::optional<Millis> pending_ends_in = {};
  /// How old the bleed is, if it is older than [admin] bleed_warning.
  std::optional<Millis> long_for = {};
  std::optional<Millis> age = {};  ///< how old the bleed is; empty: not known
  /// The users who were left since the node left rotation; empty: not known.
  std::vector<UserCurve::Point> curve = {};
};

/// The last active check of a node.
struct CheckStatus {
  balancer::CheckResult result = balancer::CheckResult::failed;
  std::string request;  ///< "GET /healthz", or "connect"
  std::string found;    ///< "status 200", "connection refused", …
  Millis age{0};        ///< since it ended
  Millis took{0};
};
/// "GET /healthz: status 500"
[[nodiscard]] std::string to_text(const CheckStatus& check);

/// Requests with a pass for a node. They are not users.
struct PassStatus {
  std::uint64_t used_lately = 0;  ///< how many came lately, see balancer::PassUse
  std::optional<Millis> last_used_age;
  std::int64_t open = 0;  ///< exchanges and tunnels
};

/// The exchanges of a node over the last ten seconds or so.
struct RecentTraffic {
  double requests_per_second = 0;
  /// Failures by the node's doing, and responses 5xx of the node.
  double errors_per_second = 0;
  std::optional<double> median_s;  ///< of the durations; empty: no exchange has ended
  std::optional<double> p99_s;
};

struct NodeStatus {
  std::string pool;
  std::string name;
  std::string address;
  std::string group = {};  ///< empty: none
  unsigned weight = 0;
  std::uint64_t max_sessions = 0;
  std::uint64_t max_connections = 0;
  balancer::NodeState state = balancer::NodeState::active;
  balancer::Health health = balancer::Health::unknown;
  std::optional<Millis> health_age = {};       ///< since checks last changed it
  std::optional<CheckStatus> last_check = {};  ///< empty: no check has ended
  bool dry = false;
  std::vector<std::string> dry_blocked_by;  ///< empty unless bleeding and not dry
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::int64_t websockets_open = 0;
  std::uint64_t exchanges_waiting = 0;
  std::uint64_t begun = 0;  ///< shown as "new"
  std::uint64_t moved = 0;
  std::uint64_t rescued = 0;
  std::uint64_t late = 0;
  std::uint64_t logged_out = 0;
  std::optional<Millis> last_exchange_age;
  std::optional<BleedStatus> bleeding;  ///< set if the node is bleeding or in maintenance
  bool removed = false;                 ///< no longer in the config, kept until it has no users
  PassStatus passes = {};
  balancer::NodeTotals totals = {};           ///< with those that have members above
  std::optional<RecentTraffic> traffic = {};  ///< empty: not known yet
};

/// Whether the health of a pool's nodes is checked actively.
enum class PoolChecks : std::uint8_t { none, active };

struct PoolStatus {
  std::string name;
  std::vector<NodeStatus> nodes;
  std::uint64_t foreign_cookies = 0;  ///< requests that came with the cookie of another pool
  std::uint64_t exempt_requests = 0;  ///< of monitors and the like; they begin no session
  std::uint64_t cookie_clashes = 0;   ///< a node, or another bonedry, uses the same cookie name
  PoolChecks checks = PoolChecks::none;
};

struct CertificateStatus {
  std::string file;
  std::vector<std::string> names;
  std::string key_type;  ///< "ECDSA P-256"
  WallTime not_before;
  WallTime not_after;  ///< the earliest end of all in the file
  Millis left{0};      ///< until then; negative: it is over
};

/// Why the files of a listener's certificates were not taken when they were read last.
struct CertificateError {
  WallTime since;  ///< when this was found first
  std::string text;
};

struct ListenerTlsStatus {
  std::vector<CertificateStatus> certificates;  ///< those in force
  std::optional<CertificateError> error;
};

struct ListenerStatus {
  std::string address;  ///< with the port that was really bound
  std::string pool;     ///< empty if it redirects
  std::optional<ListenerTlsStatus> tls = std::nullopt;
  std::string redirect = {};  ///< "https", or empty
};

/// The HTTP door of the admin interface.
struct AdminHttpStatus {
  std::string address;  ///< as in the config; of a Unix socket its path
  std::optional<ListenerTlsStatus> tls = std::nullopt;
};

/// How the exchanges of all listeners have ended since the start.
struct ExchangeStatus {
  struct Ending {
    std::string_view reason;  ///< as the access log names it; a literal
    std::uint64_t count = 0;
    /// Whose doing it was; a literal: "client", "node", "bonedry"; empty: it came to its end.
    std::string_view side = {};
  };
  std::vector<Ending> endings;  ///< all reasons, also with count 0
  std::uint64_t retries = 0;    ///< requests that were sent again
  std::uint64_t bytes_in = 0;   ///< of request bodies
  std::uint64_t bytes_out = 0;  ///< of response bodies
};

/// TLS handshakes with clients since the start.
struct HandshakeStatus {
  std::uint64_t full = 0;     ///< completed with a new session
  std::uint64_t resumed = 0;  ///< completed with the keys of an earlier session
  std::uint64_t failed = 0;   ///< refused, given up by the client, or not done in time
  std::uint64_t shed = 0;     ///< not begun, since too many were waiting

  [[nodiscard]] std::uint64_t completed() const { return full + resumed; }
};

/// HTTP/2 on connections of one side, since the start: those of clients, or those to nodes without
/// health checks.
struct Http2Status {
  std::uint64_t connections_open = 0;  ///< now
  std::uint64_t connections = 0;       ///< on which HTTP/2 was begun
  std::uint64_t streams_open = 0;      ///< now
  std::uint64_t streams = 0;           ///< begun
  std::uint64_t resets_received = 0;   ///< of streams, by that side
  std::uint64_t resets_sent = 0;       ///< of streams, by the proxy
  std::uint64_t refused = 0;           ///< of the resets: REFUSED_STREAM, by the proxy or a node
  std::uint64_t goaways_received = 0;
  std::uint64_t goaways_sent = 0;
  std::uint64_t stalls = 0;  ///< bodies that had to wait for a flow-control window
};

/// What the access log has lost since the start.
struct AccessLogStatus {
  std::uint64_t lines_lost = 0;
  std::uint64_t write_errors = 0;
  std::string last_error = {};          ///< why; empty: its disk or reader is too slow
  std::optional<Millis> lost_age = {};  ///< since lines were lost last; empty: none were
};

/// What the data plane counts.
struct TrafficStatus {
  ExchangeStatus exchanges;
  HandshakeStatus handshakes;
  AccessLogStatus access_log = {};
  std::uint64_t connections = 0;  ///< of clients, open now
  /// Pid of the previous process while it finishes what it has open; 0: there is none.
  std::int64_t previous_process = 0;
  std::vector<Millis> loop_lags = {};  ///< of each worker, see io::LoopLag
  Http2Status http2 = {};              ///< of clients
  Http2Status http2_nodes = {};
};

/// How the last attempt to load the config ended.
enum class ConfigLoad : std::uint8_t { succeeded, failed };

/// This process.
struct ProcessStatus {
  std::int64_t pid = 0;
  Millis uptime{0};
  Millis config_age{0};  ///< since the config in force was loaded
  /// Requests a second that have ended, over the last seconds; empty: not known yet.
  std::optional<double> requests_per_second;
  WallTime started = {};
  ConfigLoad last_load = ConfigLoad::succeeded;
  WallTime config_loaded = {};  ///< the config in force
};

struct Status {
  std::vector<PoolStatus> pools;
  std::vector<ListenerStatus> listeners;
  std::optional<AdminHttpStatus> admin_http = {};  ///< nothing: there is none
  TrafficStatus traffic;
  ProcessStatus process;
  std::uint64_t sessions = 0;
  std::uint64_t capacity = 0;
  std::uint64_t evicted = 0;  ///< sessions that ended because the ledger was full
  std::uint64_t refused = 0;  ///< how often the disk had no space for more of the ledger
  bool complete = true;
  std::optional<Millis> complete_in;          ///< while incomplete
  std::optional<ClusterStatus> cluster = {};  ///< nothing: one proxy alone
};

}  // namespace bonedry::admin
