#pragma once

#include "admin/ack_timeouts.h"
#include "admin/author.h"
#include "admin/background_tasks.h"
#include "admin/certificate_monitor.h"
#include "admin/command_result.h"
#include "admin/config_plan.h"
#include "admin/cookie_watch.h"
#include "admin/doors.h"
#include "admin/dryness_check.h"
#include "admin/event_log.h"
#include "admin/eviction_watch.h"
#include "admin/forecast_reporter.h"
#include "admin/forecaster.h"
#include "admin/ledger_gap.h"
#include "admin/node_registry.h"
#include "admin/passes.h"
#include "admin/peers.h"
#include "admin/publisher.h"
#include "admin/removed_nodes.h"
#include "admin/state_store.h"
#include "admin/status.h"
#include "admin/status_reader.h"
#include "admin/user_curves.h"
#include "admin/waits.h"
#include "balancer/check_history.h"
#include "balancer/topology.h"
#include "conf/certificate_reading.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/last_requests.h"
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

/// Whether the operator overrides the guard, and in `maintain` also that the node is not dry.
enum class Force : std::uint8_t { no, yes };

/// What a bleed does to a node in maintenance.
enum class FromMaintenance : std::uint8_t {
  stay,   ///< nothing
  bleed,  ///< the node bleeds; its users have left or were displaced, so its door stays shut
};

struct BleedRequest {
  std::optional<Millis> deadline = std::nullopt;  ///< from now
  std::string reason = {};
  Force force = Force::no;
  std::string by = {};  ///< who asked, e.g. "root"
  FromMaintenance from_maintenance = FromMaintenance::stay;
  AppliesTo applies_to = AppliesTo::all_members;
};

/// What happens to the users of the groups that a switch bleeds.
enum class Remaining : std::uint8_t {
  stay,   ///< they stay until they leave, or until the deadline
  moved,  ///< they are moved at their next request
};

struct SwitchRequest {
  std::optional<Millis> deadline = std::nullopt;  ///< from now
  std::string reason = {};
  Force force = Force::no;
  Remaining remaining = Remaining::stay;
  std::string by = {};
  AppliesTo applies_to = AppliesTo::all_members;
};

/// Carries out the operator's commands: the only writer of node states. Decides dryness, keeps
/// deadlines, saves everything before it takes effect, builds each next topology. Lives on the main
/// thread; every call and every callback is made there.
class ControlPlane {
 public:
  struct Parts {
    const Clock& clock;
    session::Ledger& ledger;
    Publisher& publisher;
    StateStore& store;
    Passes& passes;
    EventLog& events;
    /// Reads the config file again; the text of the error is for the operator.
    std::function<Result<conf::Config>()> load_config;
    /// Starts the next generation of the program, see `upgrade`.
    std::function<void(const std::string& by, const ChangeCallback& callback)> upgrade = {};
    using OtherProcess = admin::OtherProcess;
    OtherProcess other_process = OtherProcess::none;
    /// Names the other process while it has not applied what was published last; else "".
    std::function<std::string()> lagging_process = {};
    /// The active checks of a node; null if it has none.
    std::function<const balancer::CheckHistory*(const balancer::NodeId&)> checks_of = {};
    const session::LastRequests* last_requests = nullptr;  ///< null: they are not remembered
    SavedCurves curves = {};                               ///< what was saved before this start
  };

  /// `records`: what the store loaded. `incomplete_since`: the instant of this start if cookies
  /// that the ledger does not know may have been issued before it; else nothing. Throws
  /// std::runtime_error when the ledger has no room for the nodes; nothing throws later.
  ControlPlane(Parts parts, conf::Config config, NodeRecords records,
               std::optional<Instant> incomplete_since);
  ControlPlane(const ControlPlane&) = delete;  // its parts refer to each other
  ControlPlane& operator=(const ControlPlane&) = delete;

  /// The topology in force, to start workers with.
  [[nodiscard]] std::shared_ptr<const balancer::Topology> topology() const { return topology_; }
  [[nodiscard]] const conf::Config& config() const { return config_; }

  /// The node of "POOL/NODE", or of "NODE" where that is unique.
  [[nodiscard]] Result<balancer::NodeId, CommandError> resolve_node(std::string_view text) const;

  void bleed(const balancer::NodeId& id, const BleedRequest& request,
             const ChangeCallback& callback);
  /// A reason of `author` goes to the events; the record keeps that of a bleed before.
  void maintain(const balancer::NodeId& id, Force force, const Author& author,
                const ChangeCallback& callback, AppliesTo applies_to = AppliesTo::all_members);
  void activate(const balancer::NodeId& id, const Author& author, const ChangeCallback& callback,
                AppliesTo applies_to = AppliesTo::all_members);
  /// Activates the nodes of a group and bleeds all others of the pool, in one step. Refused when
  /// the group alone cannot do the pool's work, see balancer::check_group.
  void switch_group(const std::string& pool, const std::string& group, const SwitchRequest& request,
                    const ChangeCallback& callback);
  /// `ttl`: from session::kMinPassTtl to session::kMaxPassTtl, else an error.
  [[nodiscard]] Result<PassResult, CommandError> issue_pass(const balancer::NodeId& id, Millis ttl,
                                                            const std::string& by);
  /// Voids all passes for the node that exist now.
  void revoke_passes(const balancer::NodeId& id, const std::string& by,
                     const ChangeCallback& callback);
  /// Refused when a pool would lose its last node for new users. A reload that fails is an event.
  void reload(Force force, const std::string& by, const ChangeCallback& callback);
  /// Puts the contents of certificate files in force, for connections that begin from now on.
  /// Listeners whose files were refused keep what they have. The indexes are those of `config`.
  void renew_certificates(const std::vector<conf::CertificateReading>& readings);

  /// Another process takes over, with the program and the config as they are on disk now. An error
  /// leaves everything as it was.
  void upgrade(const std::string& by, const ChangeCallback& callback);
  /// From here on another process decides and saves; this one only routes as `apply_routing_state`
  /// says.
  void begin_standby();
  /// The hand-over has failed: everything is as it was before `begin_standby`.
  void end_standby();
  [[nodiscard]] bool is_standby() const { return standby_backup_.has_value(); }
  /// Applies what the successor has decided. `config`: nothing if it cannot be had; the old one
  /// then stays in force. Pools that it lacks stay if a listener of this process routes to them.
  /// `then` runs when all workers route by it. An error when the ledger has no room for one of its
  /// nodes: then everything stays as it was.
  Result<> apply_routing_state(std::optional<conf::Config> config, NodeRecords records,
                               const DoorOverrides& overrides, std::function<void()> then);

  // -- As a member of a cluster (control_cluster.cc), whose members agree on what is dry
  /// `peers` must outlive this. Before the first tick.
  void join(Peers& peers);
  /// Nothing: one proxy alone.
  [[nodiscard]] std::optional<ClusterStatus> cluster_status() const {
    return peers_ == nullptr ? std::nullopt : std::optional(peers_->status());
  }
  [[nodiscard]] const NodeRecords& records() const { return records_; }
  /// An operator's word that the process of a member has ended.
  [[nodiscard]] Result<Done, CommandError> forget_member(const std::string& name,
                                                         const std::string& by);
  /// This member serves its users without having met the others.
  [[nodiscard]] Result<Done, CommandError> start_alone(const std::string& by);
  /// Whether the config has the node, or had it and it still has users.
  [[nodiscard]] bool has(const balancer::NodeId& id) const { return nodes_.contains(id); }
  /// What others have decided about nodes; nothing: active. Those that `has` does not know are left
  /// out, and those that hold here already. An error: it could not be saved, but is in force.
  using Decisions = std::map<balancer::NodeId, std::optional<NodeRecord>>;
  Result<> apply(const Decisions& decisions);
  [[nodiscard]] Result<> save_records();
  /// Takes the users off all nodes that are out of rotation; each is moved at his next request.
  void displace_out_of_rotation(const std::string& why);
  /// Lets all workers acknowledge what is in force.
  void republish() {
    publish([] {});
  }
  /// What keeps the node from being dry on this member alone.
  [[nodiscard]] std::vector<std::string> blocked_here(const balancer::NodeId& id) const;
  [[nodiscard]] DryOutlook outlook_here(const balancer::NodeId& id) const;
  /// Lets nobody onto the nodes until `release`; calls `held` when all workers know. What is held
  /// stays so whatever else is decided.
  void hold(const NodeIds& nodes, std::function<void()> held);
  void release(const NodeIds& nodes);
  /// The node was called dry, but has users.
  void retract_dryness(const balancer::NodeId& id);

  /// Waits until the node is dry; or until its health is up and `rise` checks in a row have passed
  /// that began after this call. Calls `done` once, never from inside this call. Cancel with the
  /// returned id.
  using WaitId = Waits::Id;
  WaitId wait(const balancer::NodeId& id, Awaited awaited, std::optional<Millis> timeout,
              std::function<void(WaitEnd)> done);
  void cancel_wait(WaitId id) { waits_.cancel(id); }

  using TaskProgress = BackgroundTasks::Progress;
  /// Calls `work` in later ticks until it is done, in turn with other work and never from inside
  /// this call. Cancel with the returned id, but not from inside `work`.
  using TaskId = BackgroundTasks::Id;
  TaskId add_task(std::function<TaskProgress()> work) { return tasks_.add(std::move(work)); }
  void cancel_task(TaskId id) { tasks_.cancel(id); }

  /// All pools, or the named one. An unknown pool is an error that lists the known pools.
  [[nodiscard]] Result<Status, CommandError> status(std::optional<std::string_view> pool) const;
  /// The curves of users as they are now, to be saved.
  [[nodiscard]] SavedCurves curves() const { return curves_.saved(records_); }
  /// A page of the sessions on a node, to be built step by step: see `add_task`.
  [[nodiscard]] session::SessionListing list(const balancer::NodeId& id,
                                             const session::SessionQuery& query) const;
  /// Adds what is remembered of the last requests of its sessions.
  void add_last_requests(session::SessionPage& page) const;
  /// The same in one call, which with a million sessions takes 25 to 130 ms.
  [[nodiscard]] session::SessionPage sessions(const balancer::NodeId& id,
                                              const session::SessionQuery& query) const;
  /// What `status` shows of the data plane.
  void set_data_plane(std::vector<ListenerStatus> listeners,
                      std::function<TrafficStatus()> traffic) {
    status_.set_data_plane(std::move(listeners), std::move(traffic));
  }

  /// Sweeps the ledger, applies deadlines, latches dryness, completes waits. Call every 100 ms.
  void tick();

 private:
  using Change = std::function<void(NodeRecords&)>;
  /// Applies `change`, which concerns the doors of `nodes`, to the records, saves them, publishes.
  /// `then` runs when all workers have acknowledged; by then another command may have changed the
  /// same nodes. An error leaves everything as it was.
  Result<Done, CommandError> commit(const NodeIds& nodes, const Change& change,
                                    std::function<void()> then);
  /// `then` runs when all workers have acknowledged, including the doors that can be opened or shut
  /// only after a first acknowledgement.
  void publish(std::function<void()> then);
  /// Who is on a node: in a cluster the users of all members, as far as they are known.
  [[nodiscard]] SharedUsers users_of(const balancer::Node& node) const;
  [[nodiscard]] Unheard unheard() const {
    return peers_ == nullptr ? Unheard{} : peers_->unheard();
  }
  /// Why states cannot be changed for all members of the cluster; nothing: they can.
  [[nodiscard]] std::optional<CommandError> check_members_told(AppliesTo applies_to) const;
  /// Puts decisions into records. Returns the nodes that change.
  [[nodiscard]] NodeIds adopt(const Decisions& decisions, NodeRecords& records) const;
  void log_decision(const balancer::NodeId& id, const NodeRecord* before);
  [[nodiscard]] std::string lagging_process() const;
  [[nodiscard]] Authority authority() const {
    return standby_backup_ ? Authority::successor : Authority::self;
  }
  [[nodiscard]] bool has_zero_weight(const balancer::NodeId& id) const;
  /// Builds the next topology and puts it in force.
  void build();
  void clear_contradicted_dryness();
  [[nodiscard]] ConfigPlan plan_for(const conf::Config& next) const;
  /// The config that was read, if it can be put in force.
  [[nodiscard]] Result<conf::Config, CommandError> load_reloadable() const;
  /// Why nodes cannot be renamed now; nothing: they can, or none is.
  [[nodiscard]] std::optional<std::string> check_renames(const ConfigPlan& plan) const;
  Result<Done, CommandError> apply_config(conf::Config next, Force force, const std::string& by,
                                          const ChangeCallback& callback);
  void log_bleed(const balancer::NodeId& id);
  void log_renames(const std::vector<RenamedNode>& renamed);
  void report_bleed(BleedResult result, const BleedRequest& request,
                    const ChangeCallback& callback);
  /// The nodes that a switch activates and bleeds.
  struct SwitchPlan {
    NodeIds activated;
    NodeIds bled;
  };
  [[nodiscard]] Result<SwitchPlan, CommandError> plan_switch(const std::string& pool,
                                                             const std::string& group) const;
  void note_switch(const SwitchPlan& plan, const SwitchRequest& request,
                   NodeRecords& records) const;
  void report_switch(SwitchResult result, const SwitchRequest& request, Instant begun,
                     const ChangeCallback& callback);
  void log_switch(const SwitchResult& result, const SwitchRequest& request);
  /// Takes all users off the nodes, once new users no longer enter them.
  void cut(SwitchResult result, const SwitchRequest& request, Instant begun,
           const ChangeCallback& callback);
  Result<> rebuild_nodes();
  /// Releases the ledger slots of nodes that no worker routes to any more and that have no users.
  void release_unused_nodes();

  /// Corrects the dates of records when the wall clock was set.
  void adjust_dates();

  [[nodiscard]] const NodeRecord* record_of(const balancer::NodeId& id) const;
  [[nodiscard]] const balancer::PoolView& pool_of(const balancer::NodeId& id) const;
  [[nodiscard]] const balancer::NodeView& view_of(const balancer::NodeId& id) const;
  [[nodiscard]] bool has_no_users(const balancer::PoolView& pool,
                                  const balancer::NodeView& view) const {
    return check_.blocked_by(pool, view).empty();
  }
  /// What StatusReader reads.
  [[nodiscard]] StatusReader::Sources status_sources() const {
    return {*topology_, records_, removed_, curves_, config_, peers_};
  }
  void log_forecasts();

  void displace(const balancer::NodeId& id, const std::string& why);
  void apply_deadlines();
  void displace_newly_begun();
  void warn_of_long_bleeds();
  void start_dryness_checks();
  void confirm_dryness(const NodeIds& nodes);
  void latch_dryness(const NodeIds& dry);
  void reopen(const NodeIds& nodes);
  void drop_dry_removed_nodes();
  void complete_waits();
  [[nodiscard]] std::optional<WaitEnd> end_of_dry_wait(const balancer::NodeId& id) const;
  /// `before`: how many checks had begun when the wait did.
  [[nodiscard]] std::optional<WaitEnd> end_of_health_wait(const balancer::NodeId& id,
                                                          std::uint64_t before) const;
  [[nodiscard]] const balancer::CheckHistory* checks_of(const balancer::NodeId& id) const;

  // Many members, because this class connects the parts: each has one job and knows of the others
  // only what it is given.
  Parts parts_;
  conf::Config config_;
  const std::vector<conf::Listener>
      initial_listeners_;  // those that clients of this process connected to
  struct StandbyBackup {
    conf::Config config;
    NodeRecords records;
  };
  std::optional<StandbyBackup>
      standby_backup_;  // set while a successor decides, in case the hand-over fails
  const LedgerGap gap_;
  NodeRecords records_;
  NodeRegistry nodes_;
  RemovedNodes removed_;
  Doors doors_;
  std::shared_ptr<const balancer::Topology> topology_;
  DrynessCheck check_;
  AckTimeouts ack_timeouts_;
  Waits waits_;
  BackgroundTasks tasks_;
  EvictionWatch eviction_watch_;
  CertificateMonitor certificates_;
  Forecaster forecaster_;
  UserCurves curves_;
  StatusReader status_;
  ForecastReporter forecast_reporter_;
  CookieWatch cookie_watch_;
  static constexpr const char* kHandedOver = "an upgrade is in progress; try again in a moment";
  static constexpr Millis kRetrySave = std::chrono::seconds{2};
  Peers* peers_ = nullptr;  // null: one proxy alone
  std::set<balancer::NodeId> held_;
  Instant retry_save_at_;  // after a failed save: a full disk is not tried ten times a second
};

}  // namespace bonedry::admin
