#include "admin/control_plane.h"

#include "admin/command_table.h"
#include "admin/phrases.h"
#include "admin/record_times.h"
#include "admin/topology_builder.h"

#include <set>
#include <stdexcept>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeView;
using balancer::PoolView;

namespace {

// Per tick: bounds the pause, but a million expired sessions still go in seconds.
constexpr int kSweepRounds = 50;

}  // namespace

ControlPlane::ControlPlane(Parts parts, conf::Config config, NodeRecords records,
                           std::optional<Instant> incomplete_since)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      initial_listeners_(config_.listeners),
      gap_{incomplete_since},
      records_(std::move(records)),
      nodes_(parts_.ledger),
      check_(parts_.clock, parts_.ledger, doors_, [this] { return lagging_process(); }),
      ack_timeouts_(parts_.clock, [this] { return lagging_process(); }),
      waits_(parts_.clock),
      eviction_watch_(parts_.clock, parts_.ledger),
      certificates_(parts_.clock, parts_.events),
      forecaster_(parts_.clock, parts_.ledger),
      status_(parts_.clock, parts_.ledger, check_, forecaster_, certificates_,
              [this](const NodeId& id) { return checks_of(id); }) {
  const NodeRecords written = records_;
  restore_monotonic(records_, parts_.clock);
  const ConfigPlan plan = plan_for(config_);
  if (const auto why = check_renames(plan)) throw std::runtime_error(*why);
  curves_ = UserCurves(std::move(parts_.curves), records_);
  const Result<> claimed = nodes_.claim(config_, plan.removed, authority());
  if (!claimed) throw std::runtime_error(claimed.error());
  records_ = plan.records;
  removed_ = plan.removed;
  nodes_.adopt(config_, removed_, authority());
  for (const RenamedNode& one : plan.renamed) {
    nodes_.rename(one.from, one.to);
    curves_.rename(one.from, one.to);
  }
  if (parts_.other_process == OtherProcess::none) {
    nodes_.clear_addresses();
    clear_contradicted_dryness();
  }
  log_renames(plan.renamed);
  for (const NodeId& id : plan.bled) log_bleed(id);
  if (records_ != written) {
    const Result<> saved = parts_.store.save(records_);
    if (!saved) parts_.events.error(joined(plan.bled), saved.error());
  }
  build();
  doors_.acknowledge(topology_->version);  // workers start with it
}

/// A dry node gets no users. So a record that says that a node with users is dry is outdated, for
/// example from a copy of the file that was restored.
void ControlPlane::clear_contradicted_dryness() {
  for (auto& [id, record] : records_) {
    const NodeEntry* const entry = nodes_.find(id);
    if (record.dry == Dry::no || entry == nullptr) continue;
    const std::int64_t users = entry->node->sessions().read().all();
    if (users == 0) continue;
    record.dry = Dry::no;
    parts_.events.error(id.text(), "nodes.json says that it is dry, but the ledger has " +
                                       counted(users, "session") +
                                       " on it; it is treated as not dry");
  }
}

ConfigPlan ControlPlane::plan_for(const conf::Config& next) const {
  return ConfigPlanner(
             {parts_.clock, parts_.ledger, records_, gap_, topology_.get(), parts_.other_process})
      .plan(next);
}

/// Two processes must call a node by one name: what one of them decides about it, the other
/// applies.
std::optional<std::string> ControlPlane::check_renames(const ConfigPlan& plan) const {
  const bool shared =
      parts_.other_process == OtherProcess::predecessor || parts_.ledger.is_shared();
  if (plan.renamed.empty() || (topology_ == nullptr && !shared)) return std::nullopt;
  const RenamedNode& first = plan.renamed.front();
  const std::string what =
      first.from.text() + " cannot get the name " + first.to.name + " (formerly) ";
  if (topology_ == nullptr) return what + "by an upgrade: reload first, and upgrade then";
  if (shared) return what + "before the previous process has ended";
  return std::nullopt;
}

void ControlPlane::build() {
  // A door that is held stays so whatever was decided about its node meanwhile.
  // In standby, the successor says which are held.
  if (!is_standby()) doors_.hold_for_agreement(NodeIds(held_.begin(), held_.end()));
  const TopologyBuilder builder({config_, records_, doors_, removed_, nodes_, gap_, cookie_watch_,
                                 parts_.passes.revocations()},
                                topology_.get());
  const TopologyBuilder::BuildResult built = builder.build();
  topology_ = built.topology;
  doors_.publish(*topology_, built.shut_deferred);
}

Result<Done, CommandError> ControlPlane::commit(const NodeIds& nodes, const Change& change,
                                                std::function<void()> then) {
  if (is_standby()) return fail(ErrorCode::unavailable, std::string(kUpgrading));
  NodeRecords next = records_;
  change(next);
  const Result<> saved = parts_.store.save(next);
  if (!saved) return fail(ErrorCode::storage_failed, saved.error() + "; no change was made");
  for (const NodeId& id : nodes) {
    doors_.note_change(id, topology_->version + 1);
    if (records_.contains(id) && !next.contains(id))
      nodes_.begin_slow_start(id, parts_.clock.now());
  }
  records_ = std::move(next);
  if (peers_ != nullptr) peers_->note_change(nodes, records_);
  publish(std::move(then));
  return Done{};
}

void ControlPlane::publish(std::function<void()> then) {
  build();
  const Version version = topology_->version;
  parts_.publisher.publish(topology_, [this, version, then = std::move(then)] {
    doors_.acknowledge(version);
    // In standby, the successor decides when doors are shut.
    const bool shuts_more = doors_.has_deferred_close(version) && !is_standby();
    if (doors_.can_open(*topology_, records_) || shuts_more) return publish(then);
    then();
  });
}

Result<NodeId, CommandError> ControlPlane::resolve_node(std::string_view text) const {
  NodeIds matches;
  NodeIds removed;  // these do not make a name ambiguous
  for (const PoolView& pool : topology_->pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      if (view.node->key() == text) return id;
      if (view.node->name() == text) (removed_.contains(id) ? removed : matches).push_back(id);
    }
  }
  if (matches.empty()) matches = std::move(removed);
  if (matches.size() == 1) return matches.front();
  if (matches.size() > 1) {
    return fail(ErrorCode::ambiguous, "node '" + std::string(text) +
                                          "' is in several pools; use one of: " + joined(matches));
  }
  std::vector<std::string> all;
  for (const auto& pool : topology_->pools) {
    for (const auto& view : pool.nodes) all.push_back(view.node->key());
  }
  if (all.size() > 20) {  // a screenful; the rest is in `status`
    all.resize(20);
    all.emplace_back("…");
  }
  return fail(ErrorCode::not_found,
              "unknown node '" + std::string(text) + "'; known nodes: " + joined(all));
}

const NodeRecord* ControlPlane::record_of(const NodeId& id) const {
  return find_record(records_, id);
}

const PoolView& ControlPlane::pool_of(const NodeId& id) const {
  return *topology_->find_pool(id.pool);
}

const NodeView& ControlPlane::view_of(const NodeId& id) const {
  return *balancer::find_node(pool_of(id), id.name);
}

ControlPlane::WaitId ControlPlane::wait(const NodeId& id, Awaited awaited,
                                        std::optional<Millis> timeout,
                                        std::function<void(WaitEnd)> done) {
  if (awaited == Awaited::dry) {
    return waits_.begin([this, id] { return end_of_dry_wait(id); }, timeout, std::move(done));
  }
  const balancer::CheckHistory* const checks = checks_of(id);
  const std::uint64_t before = checks == nullptr ? 0 : checks->begun();
  return waits_.begin([this, id, before] { return end_of_health_wait(id, before); }, timeout,
                      std::move(done));
}

void ControlPlane::tick() {
  for (int round = 0; round < kSweepRounds; ++round) {
    if (!parts_.ledger.sweep(parts_.clock.now())) break;
  }
  status_.tick(*topology_);
  tasks_.tick();
  ack_timeouts_.tick();
  if (is_standby()) return complete_waits();
  eviction_watch_.report_new(parts_.events);
  cookie_watch_.report_new(parts_.events);
  certificates_.report_expiry(config_);
  adjust_dates();
  displace_newly_begun();
  if (parts_.clock.now() >= retry_save_at_) {
    apply_deadlines();
    warn_of_long_bleeds();
    start_dryness_checks();
    drop_dry_removed_nodes();
    release_unused_nodes();
  }
  forecaster_.tick(*topology_);
  curves_.tick(*topology_, records_, parts_.clock.now(), [this](const balancer::Node& node) {
    const SharedUsers users = users_of(node);
    return users.live + users.pending;
  });
  log_forecasts();
  complete_waits();
}

void ControlPlane::adjust_dates() {
  if (admin::adjust_dates(records_, parts_.clock) == WallClock::unchanged) return;
  const Result<> saved = parts_.store.save(records_);  // if this fails, the next save includes it
  if (!saved) parts_.events.error("", saved.error());
}

std::optional<WaitEnd> ControlPlane::end_of_dry_wait(const NodeId& id) const {
  if (topology_->find_node(id) == nullptr) return WaitEnd::gone;
  const NodeRecord* const record = record_of(id);
  if (record == nullptr) return WaitEnd::activated;
  if (record->dry == Dry::yes && doors_.is_acknowledged(id)) return WaitEnd::dry;
  return std::nullopt;
}

std::optional<WaitEnd> ControlPlane::end_of_health_wait(const NodeId& id,
                                                        std::uint64_t before) const {
  const balancer::PoolView* const pool = topology_->find_pool(id.pool);
  const NodeView* const view = topology_->find_node(id);
  if (pool == nullptr || view == nullptr) return WaitEnd::gone;
  const balancer::CheckHistory* const checks = checks_of(id);
  if (checks == nullptr) return WaitEnd::unchecked;
  const bool up = view->node->health() == balancer::Health::up;
  if (up && checks->passed_in_a_row(before) >= pool->config.health.rise) return WaitEnd::healthy;
  return std::nullopt;
}

const balancer::CheckHistory* ControlPlane::checks_of(const NodeId& id) const {
  return parts_.checks_of ? parts_.checks_of(id) : nullptr;
}

void ControlPlane::log_forecasts() {
  std::set<NodeId> out_of_rotation;
  for (const PoolView& pool : topology_->pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      const NodeRecord* const record = record_of(id);
      if (record == nullptr || record->dry == Dry::yes) continue;
      out_of_rotation.insert(id);
      const auto forecast = status_.bleed_status(pool, view, *record, peers_).forecast;
      if (!forecast) continue;
      const auto news = forecast_reporter_.of(id, *forecast, parts_.clock.now());
      if (news) parts_.events.add("forecast", id, *news);
    }
  }
  forecast_reporter_.keep_only(out_of_rotation);
}

Result<Status, CommandError> ControlPlane::status(std::optional<std::string_view> pool) const {
  return status_.all(status_sources(), pool);
}

session::SessionListing ControlPlane::list(const NodeId& id,
                                           const session::SessionQuery& query) const {
  return {parts_.ledger, view_of(id).slot, query};
}

session::SessionPage ControlPlane::sessions(const NodeId& id,
                                            const session::SessionQuery& query) const {
  session::SessionListing listing = list(id, query);
  while (listing.step() == session::SessionListing::Progress::more) continue;
  return std::move(listing).take();
}

void ControlPlane::add_last_requests(session::SessionPage& page) const {
  if (parts_.last_requests == nullptr) return;
  for (const session::SessionInfo& info : page.rows) {
    page.last_requests.push_back(parts_.last_requests->find(info.key));
  }
}

void ControlPlane::complete_waits() {
  waits_.complete_finished();
}

std::string ControlPlane::lagging_process() const {
  return parts_.lagging_process ? parts_.lagging_process() : std::string();
}

}  // namespace bonedry::admin
