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
#include "tests/unit/io/temporary_folder.h"

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

/// The real parts of a proxy, put together as the program does, but for sockets, threads and time:
/// when a worker takes over a topology, and how far a request is, is for the test to say.
namespace bonedry::admin::real {

/// What a worker has of one topology. Exchanges that began under it keep it alive.
struct Runtime {
  std::shared_ptr<const balancer::Topology> topology;
  std::map<std::string, std::unique_ptr<session::Affinity>> affinities;  ///< made when first used
};

struct Worker {
  std::deque<std::shared_ptr<const balancer::Topology>> inbox;
  std::shared_ptr<Runtime> runtime;
  std::map<std::string, balancer::Picker> pickers;
};

/// Publishes to workers that take each message when they are told to; their acknowledgements wait
/// to be delivered to the main thread, too.
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
  std::uint64_t published = 1;  ///< the newest version; workers start with the first
  std::uint64_t delivered = 1;  ///< the newest that the main thread knows all workers to have

 private:
  struct Published {
    std::size_t workers_left;
    std::function<void()> acknowledged;
  };
  std::deque<Published> undelivered_;  // versions from `delivered` + 1 on
};

/// A request on its way, in the steps of proxy::Exchange.
struct Exchange {
  std::size_t worker = 0;
  std::string pool;
  std::shared_ptr<Runtime> runtime;
  session::SessionBinding binding;
  balancer::RouteDecision decision = balancer::RouteDecision::new_session;
  std::size_t index = 0;                 ///< of the node it goes to
  std::shared_ptr<balancer::Node> node;  ///< on which it is open
  balancer::Node* booked = nullptr;
  std::vector<std::size_t> tried;
};

class Proxy {
 public:
  Proxy(std::size_t workers, conf::Config config);

  // -- The process
  void start();
  /// Ends in good order: everything was given back, the file is written to the disk.
  void stop();
  /// Is gone between two instructions, with all that it held.
  void crash();
  void lose_ledger() const;
  /// A number from 0 to below the given one.
  using Dice = std::function<std::size_t(std::size_t)>;
  /// Turns bits of what is in use in the ledger of a process that has ended.
  void damage_ledger(const Dice& dice, int bits) const;
  /// The same for the node records; and repairs them after a look at what the program makes of
  /// them. Returns what is wrong.
  [[nodiscard]] std::string damage_records(const Dice& dice) const;
  /// Whether the last start had to set the ledger aside.
  [[nodiscard]] bool ledger_was_set_aside() const { return set_aside_; }
  /// All sessions that are counted, with their nodes.
  void each_session(
      const std::function<void(const std::string&, const session::SessionInfo&)>& show) const;
  /// From here on no node record can be written; and it can again.
  void break_disk();
  void mend_disk();
  [[nodiscard]] bool disk_is_broken() const;

  // -- The life of a request. `find_session`, `route` and `send` are one callback of the worker.
  [[nodiscard]] Exchange find_session(std::size_t worker, const std::string& pool,
                                      std::span<const std::string_view> cookies);
  /// Where it goes; nothing: 503.
  std::optional<std::string> route(Exchange& exchange);
  void send(Exchange& exchange);
  /// The node cannot be reached, or a queue has to be left: routed anew under the newest topology.
  void leave_node(Exchange& exchange);
  /// The node has been reached. False: it was no longer the user's, route says where it goes.
  bool reach(Exchange& exchange);
  /// What becomes of the application's cookies that an answer sets, by field.
  struct Heard {
    std::vector<std::string> fields;  ///< what `answer` is a view of
    session::ResponseCookies answer;
    std::vector<session::CookieChange> changes;
  };
  [[nodiscard]] Heard hear(Exchange& exchange, std::vector<std::string> set_cookies,
                           const session::CookieContext& context);
  /// The node has answered. What Set-Cookie of ours says; empty: nothing.
  std::string answer(Exchange& exchange, const session::ResponseCookies& answer);
  void finish(Exchange& exchange);

  /// By what the proxy knows a value that it has learned.
  [[nodiscard]] session::SessionKey key_of(const std::string& pool, const std::string& value);
  [[nodiscard]] std::string node_of(const Exchange& exchange) const;
  [[nodiscard]] bool follows(const Exchange& exchange) const;
  void set_health(const std::string& node, balancer::Health health);
  [[nodiscard]] bool has(const std::string& node) const;

  bonedry::test::TemporaryFolder folder;
  ManualClock clock;
  conf::Config config;     ///< the file
  std::string load_error;  ///< not empty: the file is not in order
  StateStore store;
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
