#include "admin/cluster/member.h"

#include "admin/cluster/random_name.h"
#include "admin/cluster/worker_questions.h"
#include "proxy/redis/store_settings.h"

#include <utility>

namespace bonedry::admin::cluster {

using balancer::NodeId;

namespace {

// A store that is connected for so long takes what it is told. One that takes connections, and then
// refuses to be written to, is lost again at once.
constexpr Millis kProven{1'000};

}  // namespace

Result<std::unique_ptr<Member>> Member::make(const Parts& parts, const conf::Cluster& config) {
  Result<redis::Settings> settings = redis::store_settings(config);
  if (!settings) return Failure{settings.error()};
  Result<Memory> memory = ClusterFile(parts.state_dir + "/cluster.json").load();
  if (!memory) return Failure{memory.error()};
  return std::make_unique<Member>(parts, config, std::move(*settings), std::move(*memory));
}

Member::Member(const Parts& parts, const conf::Cluster& config, redis::Settings settings,
               Memory memory)
    : parts_(parts),
      config_(config),
      incarnation_(random_name()),
      mailbox_(parts.loop),
      file_(parts.state_dir + "/cluster.json"),
      memory_(std::move(memory)),
      sessions_(parts.ledger, parts.clock),
      client_(parts.loop, std::move(settings), *this),
      store_(client_, parts.clock),
      board_(store_, config.prefix, config.name,
             {[this] { return client_.run_id(); }, [this] { return why_lost_; }}),
      index_(store_, config.prefix, config.name),
      store_since_(parts.clock.wall()) {}

Member::~Member() = default;

Result<> Member::join(ControlPlane& control, Start start) {
  if (start == Start::takes_over && !memory_.roster.is_present(config_.name)) {
    return Failure{
        std::string("cannot take over: the process before is no member of the cluster, "
                    "so [cluster] takes a restart")};
  }
  control_ = &control;
  start_ = start;
  if (start == Start::takes_over) note_contact(parts_.clock.now());
  nodes_.emplace(control, parts_.ledger, parts_.secrets);
  sync_.emplace(
      SessionSync::Settings{config_.name, incarnation_},
      SessionSync::World{[this] { return sync_nodes(); }, [this] { return cluster_->members(); }},
      index_, sessions_, parts_.clock, parts_.loop.timers());
  cluster_.emplace(Cluster::Parts{parts_.clock, parts_.events, file_, board_, *nodes_,
                                  parts_.secrets, [this] { return sync_->complete_run(); },
                                  [this] { return sync_->everything_sent(); },
                                  [this](const auto& name, const auto& token, auto done) {
                                    take_over(name, token, std::move(done));
                                  },
                                  random_name, [this](Instant at) { note_contact(at); }},
                   config_, std::move(memory_));
  control.join(*this);
  return cluster_->start(start == Start::takes_over ? Cluster::Begin::as_member
                                                    : Cluster::Begin::meeting);
}

void Member::take_over(const std::string& name, const std::string& token,
                       std::function<void(TakeoverEnd)> done) {
  sync_->take_over({name, token}, [this, name, done = std::move(done)](const TakeoverEnd& end) {
    if (end.kind == TakeoverEnd::Kind::impossible) {
      parts_.events.warn("member", "",
                         "the sessions of " + name + " cannot be taken over: " + end.why);
    }
    done(end);
  });
}

void Member::start() {
  client_.start();
}

void Member::tick() {
  if (control_->is_standby()) return;  // the other process of this member speaks with the others
  if (client_.connected() && sync_told_ == SyncTold::no) tell_sync();
  say_connected();
  heed_fence();
  cluster_->tick();
}

void Member::tell_sync() {
  sync_told_ = SyncTold::yes;
  sync_->on_connected(client_.run_id());
}

/// The workers let nobody onto nodes out of rotation from that moment on; who is there is taken
/// off, before the others hear of this member again.
void Member::heed_fence() {
  if (parts_.fence.has_passed(parts_.clock.now()) && fenced_ == Fenced::no) {
    fenced_ = Fenced::yes;
    control_->displace_out_of_rotation(
        "this member was without contact for [cluster] forget_after");
  }
}

void Member::note_contact(Instant at) {
  if (config_.forget_after == Millis{0}) return;
  heed_fence();
  fenced_ = Fenced::no;
  parts_.fence.renew(at + config_.forget_after);
}

Result<> Member::start_alone(const std::string& by) {
  const Result<> started = cluster_->start_alone(by);
  // The others may have forgotten it long ago.
  if (started && config_.forget_after > Millis{0}) parts_.fence.renew(parts_.clock.now());
  return started;
}

std::unique_ptr<session::RemoteSessions> Member::remote_sessions(io::Mailbox& worker) {
  return std::make_unique<WorkerQuestions>(
      mailbox_, worker,
      [this](const session::SessionQuestion& question, auto answered) {
        sync_->ask(question, std::move(answered));
      },
      [this] { sync_->tell(); });
}

/// The states that the topology was built from: those of now.
void Member::publish(std::shared_ptr<const balancer::Topology> topology,
                     std::function<void()> acknowledged) {
  if (control_ == nullptr || control_->is_standby()) {
    return parts_.workers.publish(std::move(topology), std::move(acknowledged));
  }
  sync_->on_nodes_changed();
  parts_.workers.publish(std::move(topology), [this, versions = cluster_->versions(),
                                               then = std::move(acknowledged)]() mutable {
    cluster_->note_routed(std::move(versions), std::move(then));
  });
}

void Member::note_change(const NodeIds& nodes, const NodeRecords& records) {
  cluster_->note_change(nodes, records);
}

// -- The store ------------------------------------------------------------------------------------

void Member::on_connected() {
  store_.note_connected();
  why_lost_.clear();
  store_since_ = parts_.clock.wall();
  connected_at_ = parts_.clock.now();
  if (!control_->is_standby()) tell_sync();
}

void Member::on_lost(const std::string& why) {
  if (why_lost_.empty()) store_since_ = parts_.clock.wall();
  why_lost_ = why;
  sync_told_ = SyncTold::no;
  if (std::exchange(said_of_store_, why) != why) {
    parts_.events.warn("cluster", "", "the store is lost: " + why);
  }
  sync_->on_lost();
}

void Member::say_connected() {
  if (!client_.connected() || parts_.clock.now() - connected_at_ < kProven) return;
  if (std::exchange(said_of_store_, std::string()) == std::string()) return;
  parts_.events.add("cluster", "", "the store at " + client_.address() + " is connected");
}

// -- Counts ---------------------------------------------------------------------------------------

namespace {

SyncNode::Entrance entrance_of(balancer::Door door) {
  if (door == balancer::Door::held) return SyncNode::Entrance::held;
  return door == balancer::Door::shut ? SyncNode::Entrance::shut : SyncNode::Entrance::open;
}

}  // namespace

std::vector<SyncNode> Member::sync_nodes() const {
  std::vector<SyncNode> nodes;
  for (const balancer::PoolView& pool : control_->topology()->pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      const auto rotation = view.state == balancer::NodeState::active ? SyncNode::Rotation::in
                                                                      : SyncNode::Rotation::out;
      nodes.push_back({view.slot, NodeTag::of(view.node->key()), pool.config.session.idle_timeout,
                       rotation, entrance_of(view.door)});
    }
  }
  return nodes;
}

std::optional<session::NodeSlot> Member::slot_of(const NodeId& node) const {
  const balancer::NodeView* const view = control_->topology()->find_node(node);
  if (view == nullptr) return std::nullopt;
  return view->slot;
}

Counted Member::counted() const {
  if (!why_lost_.empty() || !sync_->whole()) return Counted::at_least;
  const bool all = cluster_->unheard().empty() && !cluster_->has_lost_a_member();
  return all ? Counted::exactly : Counted::at_most;
}

/// What the store counts is behind by up to two seconds, so that this member may know of more.
std::optional<SharedUsers> Member::users(const NodeId& node) const {
  if (!why_lost_.empty()) return std::nullopt;
  const auto slot = slot_of(node);
  const auto count = slot ? sync_->count(*slot) : std::nullopt;
  if (!count) return std::nullopt;
  return SharedUsers{static_cast<std::int64_t>(count->live),
                     static_cast<std::int64_t>(count->pending)};
}

void Member::note_displaced(const NodeId& node) {
  const auto slot = slot_of(node);
  if (slot) sync_->displaced(*slot, cluster_->bleed_of(node));
}

ClusterStatus Member::status() const {
  ClusterStatus status = cluster_->status();
  if (serving_ == Serving::no && status.waiting_for.empty()) {
    status.waiting_for = "its workers, which start just now";
  }
  status.store.address = client_.address();
  status.store.since = store_since_;
  status.store.why = why_lost_;
  status.counted = counted();
  status.statistics = statistics();
  return status;
}

ClusterStatistics Member::statistics() const {
  return {store_.statistics(), sync_->statistics(), cluster_->dryness(), sync_->lag()};
}

}  // namespace bonedry::admin::cluster
