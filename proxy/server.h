#pragma once

#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/access_log.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/connection_limiter.h"
#include "proxy/descriptor_budget.h"
#include "proxy/health_prober.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/mailbox.h"
#include "proxy/log_reopening.h"
#include "proxy/ocsp_watch.h"
#include "proxy/worker.h"
#include "session/ledger.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// The whole data plane: binds the listeners, runs the workers and the health checks. Main thread:
/// all functions are called and all callbacks run there.
class Server {
 public:
  /// Makes a worker's access to the other members of the cluster, see SharedParts.
  using RemoteSessionsMaker = decltype(SharedParts::remote_sessions);
  struct Parts {
    io::EventLoop& loop;
    session::Ledger& ledger;
    const Clock& clock;
    std::vector<std::string> secrets;
    HealthCheck::OnChange on_health;
    session::LastRequests* last_requests = nullptr;  ///< null: not wanted
    RemoteSessionsMaker remote_sessions = nullptr;   ///< null: no cluster
    const balancer::Fence* fence = nullptr;          ///< null: no cluster
  };

  /// What a listener is actually bound to.
  struct BoundListener {
    std::string address;
    std::string pool;           ///< empty if it redirects
    std::string redirect = {};  ///< "https", or empty
  };

  Server(Parts parts, const conf::Config& config);
  ~Server();

  /// Returns the listening sockets of the previous process for an address of the config, if there
  /// are any; each at most once.
  using InheritedSockets = std::function<std::vector<UniqueFd>(const std::string& address)>;
  /// Binds every listener once per worker and divides the file descriptors among them. The error
  /// says what is not available and why. Nothing is accepted before `start`.
  [[nodiscard]] Result<std::vector<BoundListener>> bind(const InheritedSockets& inherited);
  [[nodiscard]] Result<> start(const std::shared_ptr<const balancer::Topology>& topology);

  /// Posts the topology to every worker; calls `acknowledged` on this thread when all have it.
  /// Before `start`, that is once they have started, with a topology that is at least as new; after
  /// `end` at once.
  void publish(const std::shared_ptr<const balancer::Topology>& topology,
               std::function<void()> acknowledged);

  /// Valid once the listeners are bound.
  [[nodiscard]] const DescriptorBudget& descriptors() const { return descriptors_; }
  /// The checks of a node ("shop/alice"); null if it has none.
  [[nodiscard]] const balancer::CheckHistory* checks_of(const std::string& node) const {
    return prober_.history(node);
  }
  /// Divides the descriptors again if the limit has changed (prlimit(1)). Call it periodically.
  void follow_descriptor_limit();

  /// Reopens the access log; `done` gets the result, or an error if that takes too long.
  void reopen_access_log(LogReopening::Done done) {
    log_reopening_.reopen(access_log_, std::move(done));
  }
  /// Call it periodically.
  void check_log_reopening() { log_reopening_.tick(); }
  [[nodiscard]] LogLosses access_log_losses() const { return access_log_.losses(); }

  /// Keys of TLS session tickets, for a successor; empty if no listener has TLS.
  [[nodiscard]] std::string ticket_keys() const;
  /// Goes on with the keys of the previous process. Before `start`.
  void adopt_ticket_keys(std::string_view keys);
  /// Makes a new key when it is time. Call it periodically.
  void rotate_ticket_keys();
  /// Logs OCSP responses that have ended. Call it periodically.
  void check_ocsp_responses() { ocsp_watch_.check(parts_.clock.wall()); }

  /// Totals of all exchanges since the start. Reads the workers' counters without stopping them.
  [[nodiscard]] ExchangeTotals exchange_totals() const;
  /// As `exchange_totals`.
  [[nodiscard]] HandshakeTotals handshake_totals() const;
  /// As `exchange_totals`: of clients' connections.
  [[nodiscard]] Http2Totals http2_totals() const;
  /// As `exchange_totals`: of connections to nodes, without health checks.
  [[nodiscard]] Http2Totals http2_nodes_totals() const;

  /// How late the event loop of each worker has been lately, see io::LoopLag.
  [[nodiscard]] std::vector<Millis> loop_lags() const;

  /// Connections of clients that are open now.
  [[nodiscard]] std::size_t client_connections() const { return clients_.connections(); }

  /// Tells load balancers in front that the process will stop (`health_path`).
  void announce_stop();
  /// Stops accepting, lets exchanges finish, calls `drained` when all connections are gone.
  void drain(DrainMode mode, const std::function<void()>& drained);

  /// Ends the workers and closes immediately what is still open, which is counted. Afterwards
  /// totals may be read, and what is published is acknowledged at once: nobody routes any more.
  void end();

  /// A listening socket and the address of the config that it serves.
  struct ListeningSocket {
    std::size_t listener = 0;  ///< index in the config, from 0
    std::string address;
    UniqueFd fd;
  };
  /// Empty after `drain`.
  [[nodiscard]] const std::vector<ListeningSocket>& listening() const { return listening_; }

 private:
  [[nodiscard]] Result<> bind_one(const conf::Listener& listener, std::vector<UniqueFd> inherited,
                                  BoundListener& bound);
  [[nodiscard]] std::vector<Worker::ListenSocket> listens_of(std::size_t worker);

  // Many: the parts of the data plane are put together here.
  Parts parts_;
  const conf::Config config_;
  std::size_t worker_count_;
  LogReopening log_reopening_;
  AccessLog access_log_;
  ConnectionLimiter clients_;
  DescriptorBudget descriptors_;
  std::size_t descriptor_limit_ = 0;
  std::size_t own_descriptors_ = 0;  // open when the listeners were bound
  io::Mailbox mailbox_;
  HealthProber prober_;
  OcspWatch ocsp_watch_;
  std::shared_ptr<const tls::TicketKeys> ticket_keys_;
  std::vector<std::vector<UniqueFd>> sockets_;  // by listener, at least one per worker
  std::vector<ListeningSocket> listening_;      // duplicates of them, for a successor
  std::vector<std::unique_ptr<Worker>> workers_;
  enum class WorkersAre : std::uint8_t { bound_or_running, ended };
  WorkersAre workers_are_ = WorkersAre::bound_or_running;
  std::vector<std::function<void()>> acknowledged_at_start_;
};

}  // namespace bonedry::proxy
