#pragma once

#include "admin/command_result.h"
#include "admin/config_plan.h"
#include "admin/cookie_watch.h"
#include "admin/doors.h"
#include "admin/dry_in.h"
#include "admin/dryness_check.h"
#include "admin/event_log.h"
#include "admin/forecast_news.h"
#include "admin/forecaster.h"
#include "admin/ledger_gap.h"
#include "admin/live_nodes.h"
#include "admin/promised_answers.h"
#include "admin/removed_nodes.h"
#include "admin/state_store.h"
#include "admin/tick_work.h"
#include "admin/waits.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/ledger.h"
#include "session/session_listing.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Where topologies go: the proxy's workers, or a list in tests.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Calls `acknowledged` on the calling thread, never from inside this call, once every worker
  /// routes by `topology`.
  virtual void publish(std::shared_ptr<const balancer::Topology> topology,
                       std::function<void()> acknowledged) = 0;
};

/// Whether an operator insists on what the guard refuses.
enum class Insist : std::uint8_t { no, yes };

struct BleedRequest {
  std::optional<Millis> deadline;  ///< from now
  std::string reason;
  Insist insist = Insist::no;
  std::string by;  ///< who asked, e.g. "root"
};

struct BleedStatus {
  WallTime since;
  std::string by;
  std::string reason;
  std::optional<WallTime> deadline;
  std::optional<DryIn> forecast;  ///< empty: cannot be told
  std::string no_forecast = {};   ///< why not, where that can be said in a few words
  /// How long until the last pending session has ended at the latest; empty: there is none, or it
  /// is not known yet.
  std::optional<Millis> pending_ends_in = {};
};

struct NodeStatus {
  std::string pool;
  std::string name;
  std::string address;
  unsigned weight = 0;
  std::uint64_t max_sessions = 0;
  balancer::NodeState state = balancer::NodeState::active;
  balancer::Health health = balancer::Health::unknown;
  bool dry = false;
  std::vector<std::string> dry_blocked_by;  ///< empty unless bleeding and not dry
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::int64_t websockets_open = 0;
  std::uint64_t exchanges_waiting = 0;
  std::uint64_t begun = 0;  ///< "new"
  std::uint64_t moved = 0;
  std::uint64_t rescued = 0;
  std::uint64_t late = 0;
  std::uint64_t logged_out = 0;
  std::optional<Millis> last_exchange_age;
  std::optional<BleedStatus> bleeding;  ///< of a node that is bleeding or in maintenance
  bool removed = false;                 ///< no longer in the config, kept until nobody is on it
};

struct PoolStatus {
  std::string name;
  std::vector<NodeStatus> nodes;
  std::uint64_t foreign_cookies = 0;  ///< users came with the cookie of another pool
  std::uint64_t cookie_clashes = 0;   ///< a node, or another bonedry, has a cookie of this name
};

struct ListenerStatus {
  std::string address;  ///< the port that was really bound
  std::string pool;
};

struct Status {
  std::vector<PoolStatus> pools;
  std::vector<ListenerStatus> listeners;
  std::uint64_t sessions = 0;
  std::uint64_t capacity = 0;
  std::uint64_t evicted = 0;  ///< sessions that ended because the ledger was full
  bool complete = true;
  std::optional<Millis> complete_in;  ///< while incomplete
};

/// The operator's wishes and what becomes of them: the only writer of node states. Decides
/// dryness, keeps deadlines, writes everything down before it takes effect, builds each next
/// topology. Lives on the main thread; every call and every callback is made there.
class ControlPlane {
 public:
  struct Parts {
    const Clock& clock;
    session::Ledger& ledger;
    Publisher& publisher;
    StateStore& store;
    EventLog& events;
    /// Reads the config file anew; the text of the error is for the operator.
    std::function<Result<conf::Config>()> load_config;
    /// Starts the next generation of the program, see `upgrade`.
    std::function<void(const std::string& by, const Answer& answer)> upgrade = {};
    using Company = admin::Company;
    Company company = Company::alone;
    /// Names the other process while it has not taken over what was published last; else "".
    std::function<std::string()> who_has_not_followed = {};
  };

  /// `records`: what the store remembered. `incomplete_since`: the instant of this start when
  /// cookies that the ledger does not know can have been issued before it; else nothing. Throws
  /// std::runtime_error when the ledger has no room for the nodes; nothing throws later.
  ControlPlane(Parts parts, conf::Config config, NodeRecords records,
               std::optional<Instant> incomplete_since);

  /// The topology in force, to start workers with.
  [[nodiscard]] std::shared_ptr<const balancer::Topology> topology() const { return topology_; }
  [[nodiscard]] const conf::Config& config() const { return config_; }

  /// The node of "POOL/NODE", or of "NODE" where that is unique.
  [[nodiscard]] Result<balancer::NodeId> resolve_node(std::string_view text) const;

  void bleed(const balancer::NodeId& id, const BleedRequest& request, const Answer& answer);
  void maintain(const balancer::NodeId& id, Insist insist, const std::string& by,
                const Answer& answer);
  void activate(const balancer::NodeId& id, const std::string& by, const Answer& answer);
  void reload(const std::string& by, const Answer& answer);

  /// Another process takes over, with the program and the config as they are on the disk now. An
  /// error leaves everything as it was.
  void upgrade(const std::string& by, const Answer& answer);
  /// From here on another process decides and writes; this one only routes as it does, by `follow`.
  void hand_over();
  /// It did not come to that: everything is as it was.
  void take_back();
  [[nodiscard]] bool has_handed_over() const { return rule_ == Rule::of_successor; }
  /// What the successor has decided. `config`: nothing where it cannot be had, the old one then
  /// holds; pools that it lacks and that clients here came to stay. `then` runs when all workers
  /// route by it. An error, when there is no room for a node of it: then everything stays as it
  /// was.
  Outcome follow(std::optional<conf::Config> config, NodeRecords records, const HeldDoors& held,
                 std::function<void()> then);

  /// Calls `done` once, never from inside this call. The returned id cancels.
  using WaitId = Waits::Id;
  WaitId wait(const balancer::NodeId& id, std::optional<Millis> timeout,
              std::function<void(WaitEnd)> done);
  void cancel_wait(WaitId id) { waits_.cancel(id); }

  using Work = TickWork::Progress;
  /// Calls `work` in a tick to come, again and again until it is done, in turn with other work and
  /// never from inside this call. The returned id
  /// cancels; not from inside `work`.
  using WorkId = TickWork::Id;
  WorkId each_tick(std::function<Work()> work) { return work_.add(std::move(work)); }
  void cancel_work(WorkId id) { work_.cancel(id); }

  /// All pools, or the named one. An unknown pool is an error that names the pools there are.
  [[nodiscard]] Result<Status> status(std::optional<std::string_view> pool) const;
  /// A page of the sessions on a node, to be made a step at a time: see `each_tick`.
  [[nodiscard]] session::SessionListing list(const balancer::NodeId& id,
                                             const session::SessionQuery& query) const;
  /// The same at once, which with a million sessions takes 25 to 130 ms.
  [[nodiscard]] session::SessionPage sessions(const balancer::NodeId& id,
                                              const session::SessionQuery& query) const;
  void set_listeners(std::vector<ListenerStatus> listeners) { listeners_ = std::move(listeners); }

  /// Sweeps the ledger, passes deadlines, latches dryness, answers waits. Call every 100 ms.
  void tick();

 private:
  using Change = std::function<void(NodeRecords&)>;
  /// Applies `change`, which concerns the doors of `nodes`, to the records, writes them down,
  /// publishes. `then` runs when all workers have acknowledged; by then another command may have
  /// changed the same nodes. An error leaves everything as it was.
  Outcome commit(const Nodes& nodes, const Change& change, std::function<void()> then);
  /// `then` runs when all workers have acknowledged, also the doors that could only be opened after
  /// that.
  void publish(std::function<void()> then);
  [[nodiscard]] std::string who_has_not_followed() const;
  [[nodiscard]] bool is_weightless(const balancer::NodeId& id) const;
  /// Puts the next topology in force.
  void build();
  void doubt_dryness();
  [[nodiscard]] ConfigPlan plan_for(const conf::Config& next) const;
  void tell_bled(const balancer::NodeId& id);
  Outcome adopt_anew();
  /// Gives back what nodes have that no worker routes to any more and nobody is on.
  void forget_gone();
  void report_evictions();

  /// Keeps the dates of records true when the calendar was set.
  void follow_dates();

  [[nodiscard]] const NodeRecord* record(const balancer::NodeId& id) const;
  [[nodiscard]] const balancer::PoolView& pool_of(const balancer::NodeId& id) const;
  [[nodiscard]] const balancer::NodeView& view_of(const balancer::NodeId& id) const;
  [[nodiscard]] bool is_empty(const balancer::PoolView& pool,
                              const balancer::NodeView& view) const {
    return check_.blocked_by(pool, view).empty();
  }
  [[nodiscard]] NodeStatus node_status(const balancer::PoolView& pool,
                                       const balancer::NodeView& view) const;
  [[nodiscard]] BleedStatus bleed_status(const balancer::PoolView& pool,
                                         const balancer::NodeView& view,
                                         const NodeRecord& kept) const;
  void forecast(const balancer::PoolView& pool, const balancer::NodeView& view,
                BleedStatus& status) const;
  void tell_forecasts();

  void displace(const balancer::NodeId& id, const std::string& why);
  void pass_deadlines();
  void displace_stragglers();
  void look_for_dryness();
  void look_again(const Nodes& nodes);
  void latch_dryness(const Nodes& dry);
  void reopen(const Nodes& nodes);
  void drop_removed();
  void answer_waits();
  [[nodiscard]] std::optional<WaitEnd> wait_end(const balancer::NodeId& id) const;

  Parts parts_;
  conf::Config config_;
  const std::vector<conf::Listener> served_;  // what clients of this process came through
  Rule rule_ = Rule::own;
  struct Before {
    conf::Config config;
    NodeRecords records;
  };
  std::optional<Before> before_;  // the successor, should it come to nothing
  const LedgerGap gap_;
  NodeRecords records_;
  LiveNodes nodes_;
  RemovedNodes removed_;
  Doors doors_;
  std::shared_ptr<const balancer::Topology> topology_;
  DrynessCheck check_;
  std::vector<ListenerStatus> listeners_;
  PromisedAnswers answers_;
  Waits waits_;
  TickWork work_;
  session::Ledger::Totals reported_;  // what was told of evictions
  Instant report_evictions_at_;       // a flood of newcomers is one event every now and then
  Forecaster forecaster_;
  ForecastNews forecast_news_;
  CookieWatch cookie_watch_;
  static constexpr Millis kRetrySave = std::chrono::seconds{2};
  Instant retry_save_at_;  // after a failed latch: a full disk is not asked ten times a second
};

}  // namespace bonedry::admin
