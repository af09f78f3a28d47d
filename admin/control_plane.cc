#include "admin/control_plane.h"

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

constexpr int kSweepRounds = 50;  // per tick: bounds the pause, and a million expire in seconds
constexpr const char* kHandedOver =
    "another process is taking over, and decides from now on; ask again in a moment";

}  // namespace

ControlPlane::ControlPlane(Parts parts, conf::Config config, NodeRecords records,
                           std::optional<Instant> incomplete_since)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      served_(config_.listeners),
      gap_{incomplete_since},
      records_(std::move(records)),
      nodes_(parts_.ledger),
      check_(parts_.clock, parts_.ledger, doors_, [this] { return who_has_not_followed(); }),
      answers_(parts_.clock, [this] { return who_has_not_followed(); }),
      waits_(parts_.clock),
      eviction_watch_(parts_.clock, parts_.ledger),
      forecaster_(parts_.clock, parts_.ledger),
      status_(parts_.clock, parts_.ledger, check_, forecaster_) {
  const NodeRecords written = records_;
  anchor(records_, parts_.clock);
  const ConfigPlan plan = plan_for(config_);
  const Outcome claimed = nodes_.claim(config_, plan.removed, rule());
  if (!claimed) throw std::runtime_error(claimed.error());
  records_ = plan.records;
  removed_ = plan.removed;
  nodes_.adopt(config_, removed_, rule());
  if (parts_.company == Company::alone) {
    nodes_.clear_addresses();
    doubt_dryness();
  }
  for (const NodeId& id : plan.bled) tell_bled(id);
  if (records_ != written) {
    const Outcome saved = parts_.store.save(records_);
    if (!saved) parts_.events.add("error", joined(plan.bled), saved.error());
  }
  build();
  doors_.acknowledge(topology_->version);  // workers start with it
}

/// Nobody comes onto a dry node: records that say so of one with users are of another time, such as
/// a copy that was put back.
void ControlPlane::doubt_dryness() {
  for (auto& [id, kept] : records_) {
    const LiveNode* const live = nodes_.find(id);
    if (kept.dry == Dry::no || live == nullptr) continue;
    const std::int64_t users = live->node->sessions().read().all();
    if (users == 0) continue;
    kept.dry = Dry::no;
    parts_.events.add("error", id,
                      "nodes.json calls it dry, but the ledger has " + counted(users, "session") +
                          " on it: it is not");
  }
}

ConfigPlan ControlPlane::plan_for(const conf::Config& next) const {
  return ConfigPlanner(
             {parts_.clock, parts_.ledger, records_, gap_, topology_.get(), parts_.company})
      .plan(next);
}

void ControlPlane::build() {
  const TopologyBuilder builder({config_, records_, doors_, removed_, nodes_, gap_, cookie_watch_},
                                topology_.get());
  const TopologyBuilder::Built built = builder.build();
  topology_ = built.topology;
  doors_.publish(*topology_, built.kept_open);
}

Result<Done, CommandError> ControlPlane::commit(const Nodes& nodes, const Change& change,
                                                std::function<void()> then) {
  if (has_handed_over()) return fail(ErrorCode::unavailable, kHandedOver);
  NodeRecords next = records_;
  change(next);
  const Outcome saved = parts_.store.save(next);
  if (!saved) return fail(ErrorCode::storage_failed, saved.error() + "; nothing was changed");
  for (const NodeId& id : nodes) {
    doors_.decide(id, topology_->version + 1);
    if (records_.contains(id) && !next.contains(id)) nodes_.begin_ramp(id, parts_.clock.now());
  }
  records_ = std::move(next);
  publish(std::move(then));
  return Done{};
}

void ControlPlane::publish(std::function<void()> then) {
  build();
  const Version version = topology_->version;
  parts_.publisher.publish(topology_, [this, version, then = std::move(then)] {
    doors_.acknowledge(version);
    // Where a successor decides, it says when they are shut.
    const bool shuts_more = doors_.has_kept_open(version) && !has_handed_over();
    if (doors_.can_open(*topology_, records_) || shuts_more) return publish(then);
    then();
  });
}

Result<NodeId, CommandError> ControlPlane::resolve_node(std::string_view text) const {
  Nodes matches;
  Nodes removed;  // these make no name ambiguous
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
    return fail(ErrorCode::ambiguous,
                "node '" + std::string(text) + "' is in several pools: " + joined(matches));
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
              "there is no node '" + std::string(text) + "'; there are " + joined(all));
}

const NodeRecord* ControlPlane::record(const NodeId& id) const {
  return find_record(records_, id);
}

const PoolView& ControlPlane::pool_of(const NodeId& id) const {
  return *topology_->find_pool(id.pool);
}

const NodeView& ControlPlane::view_of(const NodeId& id) const {
  return *balancer::find_node(pool_of(id), id.name);
}

ControlPlane::WaitId ControlPlane::wait(const NodeId& id, std::optional<Millis> timeout,
                                        std::function<void(WaitEnd)> done) {
  return waits_.begin(id, timeout, std::move(done));
}

void ControlPlane::tick() {
  for (int round = 0; round < kSweepRounds; ++round) {
    if (!parts_.ledger.sweep(parts_.clock.now())) break;
  }
  work_.tick();
  answers_.tick();
  if (has_handed_over()) return answer_waits();
  eviction_watch_.look(parts_.events);
  cookie_watch_.look(parts_.events);
  follow_dates();
  displace_stragglers();
  if (parts_.clock.now() >= retry_save_at_) {
    pass_deadlines();
    look_for_dryness();
    drop_removed();
    forget_gone();
  }
  forecaster_.tick(*topology_);
  tell_forecasts();
  answer_waits();
}

void ControlPlane::follow_dates() {
  if (follow_calendar(records_, parts_.clock) == Calendar::as_before) return;
  const Outcome saved = parts_.store.save(records_);  // else with what is written down next
  if (!saved) parts_.events.add("error", "", saved.error());
}

std::optional<WaitEnd> ControlPlane::wait_end(const NodeId& id) const {
  if (topology_->find_node(id) == nullptr) return WaitEnd::gone;
  const NodeRecord* const kept = record(id);
  if (kept == nullptr) return WaitEnd::activated;
  if (kept->dry == Dry::yes && doors_.taken_over(id)) return WaitEnd::dry;
  return std::nullopt;
}

void ControlPlane::tell_forecasts() {
  std::set<NodeId> out_of_rotation;
  for (const PoolView& pool : topology_->pools) {
    for (const NodeView& view : pool.nodes) {
      const NodeId& id = view.node->id();
      const NodeRecord* const kept = record(id);
      if (kept == nullptr || kept->dry == Dry::yes) continue;
      out_of_rotation.insert(id);
      const auto forecast = status_.bleed(pool, view, *kept).forecast;
      if (!forecast) continue;
      const auto news = forecast_news_.of(id, *forecast, parts_.clock.now());
      if (news) parts_.events.add("forecast", id, *news);
    }
  }
  forecast_news_.keep_only(out_of_rotation);
}

Result<Status, CommandError> ControlPlane::status(std::optional<std::string_view> pool) const {
  return status_.all(sight(), pool);
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

void ControlPlane::answer_waits() {
  waits_.answer([this](const NodeId& id) { return wait_end(id); });
}

std::string ControlPlane::who_has_not_followed() const {
  return parts_.who_has_not_followed ? parts_.who_has_not_followed() : std::string();
}

}  // namespace bonedry::admin
