#pragma once

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/state_store.h"
#include "balancer/picker.h"
#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/affinity.h"
#include "session/mapped_ledger.h"
#include "session/secrets.h"
#include "tests/support/temporary_directory.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The real parts of a proxy, put together as in the program, but without sockets, threads and
/// time: the test decides when a worker takes over a topology, and how far a request proceeds.
namespace bonedry::admin::real {

/// A worker's state for one topology. Exchanges that began under it keep it alive.
struct Runtime {
  std::shared_ptr<const balancer::Topology> topology;
  std::map<std::string, std::unique_ptr<session::Affinity>> affinities;  ///< created on first use
};

struct Worker {
  std::deque<std::shared_ptr<const balancer::Topology>> inbox;
  std::shared_ptr<Runtime> runtime;
  std::map<std::string, balancer::Picker> pickers;
};

/// Publishes to workers that take each topology when they are told to; the test also decides when
/// acknowledgements reach the main thread.
class Fleet final : public Publisher {
 public:
  explicit Fleet(std::size_t count) : workers(count) {}

  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override;
  /// The worker takes over the next topology; false: there is none.
  bool take(std::size_t worker);
  /// The next acknowledgement reaches the main thread; false: there is none.
  bool deliver();

  std::vector<Worker> workers;
  std::uint64_t published = 1;  ///< the newest version; workers start with version 1
  std::uint64_t delivered = 1;  ///< newest version known to be at all workers

 private:
  struct Published {
    std::size_t workers_left;
    std::function<void()> acknowledged;
  };
  std::deque<Published> undelivered_;  // versions from `delivered` + 1 on
};

/// An open request, with the steps of proxy::Exchange.
struct Exchange {
  std::size_t worker = 0;
  std::string pool;
  std::shared_ptr<Runtime> runtime;
  session::SessionBinding binding;
  balancer::RouteDecision decision = balancer::RouteDecision::new_session;
  std::size_t index = 0;                 ///< of the node it goes to
  std::shared_ptr<balancer::Node> node;  ///< the node that counts it as open
  balancer::Node* booked = nullptr;
  std::vector<std::size_t> tried;

  /// Begins no session, whatever the response says.
  [[nodiscard]] bool is_exempt() const { return decision == balancer::RouteDecision::exempt; }
};

class Proxy {
 public:
  Proxy(std::size_t workers, conf::Config config);

  // -- The process
  void start();
  /// Ends cleanly: everything is released, the file is written to the disk.
  void stop();
  /// Ends between two instructions, with everything that it held.
  void crash();
  void lose_ledger() const;
  /// Returns a random number from 0 to below the given one.
  using Dice = std::function<std::size_t(std::size_t)>;
  /// Flips bits in the used parts of the ledger of a process that has ended.
  void damage_ledger(const Dice& dice, int bits) const;
  /// Damages the node records, checks how the program loads them, and restores them. Returns what
  /// is wrong.
  [[nodiscard]] std::string damage_records(const Dice& dice) const;
  /// Whether the last start had to set the ledger aside.
  [[nodiscard]] bool ledger_was_set_aside() const { return set_aside_; }
  /// Shows all counted sessions with their nodes.
  void each_session(
      const std::function<void(const std::string&, const session::SessionInfo&)>& show) const;
  /// From here on no node record can be written, until `mend_disk`.
  void break_disk();
  void mend_disk();
  [[nodiscard]] bool disk_is_broken() const;

  // -- The steps of a request. `find_session`, `route` and `send` are one callback of the worker.
  [[nodiscard]] Exchange find_session(std::size_t worker, const std::string& pool,
                                      std::span<const std::string_view> cookies);
  /// The node that it goes to; nothing: 503.
  std::optional<std::string> route(Exchange& exchange);
  void send(Exchange& exchange);
  /// The node cannot be reached, or the request leaves a queue: routes it again under the newest
  /// topology.
  void leave_node(Exchange& exchange);
  /// The node has been reached. False: the user has moved meanwhile; `route` gives the new node.
  bool reach(Exchange& exchange);
  /// The effects of a response's Set-Cookie fields on the application's cookies, by field.
  struct Heard {
    std::vector<std::string> fields;  ///< the fields that `answer` refers to
    session::ResponseCookies answer;
    std::vector<session::CookieChange> changes;
  };
  [[nodiscard]] Heard hear(Exchange& exchange, std::vector<std::string> set_cookies,
                           const session::CookieContext& context);
  /// The node has responded. Returns our own Set-Cookie; empty: none.
  std::string answer(Exchange& exchange, const session::ResponseCookies& answer);
  void finish(Exchange& exchange);

  /// The key under which the proxy stores a value that it has learned.
  [[nodiscard]] session::SessionKey key_of(const std::string& pool, const std::string& value);
  [[nodiscard]] std::string node_of(const Exchange& exchange) const;
  [[nodiscard]] bool follows(const Exchange& exchange) const;
  void set_health(const std::string& node, balancer::Health health);
  [[nodiscard]] bool has(const std::string& node) const;

  bonedry::test::TemporaryDirectory directory;
  ManualClock clock;
  conf::Config config;     ///< the content of the file
  std::string load_error;  ///< not empty: the file is invalid
  StateStore store;
  PassStore pass_store{directory / "passes.json"};
  Passes passes{clock, pass_store, {"a secret of at least 32 characters"}};
  std::unique_ptr<EventLog> events;
  std::unique_ptr<session::MappedLedger> ledger;
  std::unique_ptr<Fleet> fleet;
  std::unique_ptr<ControlPlane> control;

 private:
  [[nodiscard]] const balancer::PoolView& view(const Exchange& exchange) const;
  session::Affinity& affinity(Exchange& exchange);
  balancer::Picker& picker(const Exchange& exchange);
  std::optional<std::size_t> choose(Exchange& exchange);
  std::optional<std::size_t> choose_other(Exchange& exchange, balancer::RouteDecision decision);
  void follow_topology(Exchange& exchange);
  static void cancel_reservation(Exchange& exchange);

  const std::size_t workers_;
  bool set_aside_ = false;
  session::Secrets secrets_{{"a secret of at least 32 characters"}, session::SecretAge::generated};
};

}  // namespace bonedry::admin::real
