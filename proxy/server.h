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
#include "proxy/worker.h"
#include "session/ledger.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::proxy {

/// The data plane as a whole: binds the listeners, runs the workers and the health checks. Lives
/// on the main thread; all its functions and callbacks belong there.
class Server {
 public:
  struct Parts {
    io::EventLoop& loop;
    session::Ledger& ledger;
    const Clock& clock;
    std::vector<std::string> secrets;
    HealthCheck::OnChange on_health;
  };

  /// What a listener is really bound to.
  struct BoundListener {
    std::string address;
    std::string pool;
  };

  Server(Parts parts, const conf::Config& config);
  ~Server();

  /// Gives the sockets that a process before this one listens with on an address of the config, if
  /// it does; each at most once.
  using InheritedSockets = std::function<std::vector<UniqueFd>(const std::string& address)>;
  /// Binds every listener once per worker, and shares out the descriptors; the error says what
  /// cannot be had and why. Nothing is accepted before `start`.
  [[nodiscard]] Result<std::vector<BoundListener>> bind(const InheritedSockets& inherited);
  [[nodiscard]] Result<> start(std::shared_ptr<const balancer::Topology> topology);

  /// Posts the topology to every worker; calls `acknowledged` on this thread when all have it.
  void publish(const std::shared_ptr<const balancer::Topology>& topology,
               std::function<void()> acknowledged);

  /// Once the listeners are bound.
  [[nodiscard]] const DescriptorBudget& descriptors() const { return descriptors_; }
  /// Shares them out anew if the limit has changed (prlimit(1)); call it now and then.
  void follow_descriptor_limit();

  void reopen_access_log() { access_log_.reopen(); }

  /// What became of all exchanges since the start. Reads the workers' counts without stopping them.
  [[nodiscard]] ExchangeTotals exchange_totals() const;

  /// Stops accepting, lets exchanges finish, calls `drained` when all connections are gone.
  void drain(DrainMode mode, const std::function<void()>& drained);

  /// A socket that is listened with, and the address of the config that it is for.
  struct ListeningSocket {
    std::size_t listener = 0;  ///< which of the config, from 0
    std::string address;
    UniqueFd fd;
  };
  /// Until `drain`.
  [[nodiscard]] const std::vector<ListeningSocket>& listening() const { return listening_; }

 private:
  [[nodiscard]] Result<> bind_one(const conf::Listener& listener, std::vector<UniqueFd> inherited,
                                  BoundListener& bound);
  [[nodiscard]] std::vector<Worker::ListenSocket> listens_of(std::size_t worker);

  Parts parts_;
  const conf::Config config_;
  std::size_t worker_count_;
  AccessLog access_log_;
  ConnectionLimiter clients_;
  DescriptorBudget descriptors_;
  std::size_t descriptor_limit_ = 0;
  std::size_t own_descriptors_ = 0;  // when the listeners were bound
  io::Mailbox mailbox_;
  HealthProber prober_;
  std::vector<std::vector<UniqueFd>> sockets_;  // by listener, one for each worker at least
  std::vector<ListeningSocket> listening_;      // the same sockets, for a successor
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bonedry::proxy
