#include "admin/control_plane.h"

#include "admin/config_change.h"
#include "admin/phrases.h"
#include "admin/record_times.h"
#include "admin/topology_builder.h"
#include "balancer/guard.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <stdexcept>

namespace bonedry::admin {

using balancer::Door;
using balancer::NodeId;
using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

namespace {

constexpr int kSweepRounds = 50;  // per tick: bounds the pause, and a million expire in seconds
constexpr const char* kHandedOver =
    "another process is taking over, and decides from now on; ask again in a moment";
constexpr Millis kReportEvictions = std::chrono::seconds{10};

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
      forecaster_(parts_.clock, parts_.ledger) {
  const NodeRecords written = records_;
  anchor(records_, parts_.clock);
  const ConfigPlan plan = plan_for(config_);
  const Outcome claimed = nodes_.claim(config_, plan.removed, rule_);
  if (!claimed) throw std::runtime_error(claimed.error());
  records_ = plan.records;
  removed_ = plan.removed;
  nodes_.adopt(config_, removed_, rule_);
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

Outcome ControlPlane::commit(const Nodes& nodes, const Change& change, std::function<void()> then) {
  if (has_handed_over()) return Failure{kHandedOver};
  NodeRecords next = records_;
  change(next);
  const Outcome saved = parts_.store.save(next);
  if (!saved) return Failure{saved.error() + "; nothing was changed"};
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
    const bool shuts_more =
        doors_.has_kept_open(version) && !has_handed_over();  // else the successor
    if (doors_.can_open(*topology_, records_) || shuts_more) return publish(then);
    then();
  });
}

Result<NodeId> ControlPlane::resolve_node(std::string_view text) const {
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
    return Failure{"node '" + std::string(text) + "' is in several pools: " + joined(matches)};
  }
  std::vector<std::string> all;
  for (const auto& pool : topology_->pools) {
    for (const auto& view : pool.nodes) all.push_back(view.node->key());
  }
  if (all.size() > 20) {  // a screenful; the rest is in `status`
    all.resize(20);
    all.emplace_back("…");
  }
  return Failure{"there is no node '" + std::string(text) + "'; there are " + joined(all)};
}

const NodeRecord* ControlPlane::record(const NodeId& id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

const PoolView& ControlPlane::pool_of(const NodeId& id) const {
  return *topology_->find_pool(id.pool);
}

const NodeView& ControlPlane::view_of(const NodeId& id) const {
  return *balancer::find_node(pool_of(id), id.name);
}

void ControlPlane::bleed(const NodeId& id, const BleedRequest& request, const Answer& answer) {
  const NodeView& view = view_of(id);
  if (view.state == NodeState::maintenance) {
    return answer(id.text() + " is in maintenance already");
  }
  const bool was_active = view.state == NodeState::active;
  const Outcome guard =
      was_active ? balancer::may_leave(pool_of(id), view.node->name(), parts_.clock.now())
                 : Outcome{Done{}};
  if (!guard && request.insist == Insist::no) {
    return answer(Failure{guard.error() + " (--force overrides)"});
  }
  const std::string forced = guard ? "" : " [forced: " + guard.error() + "]";
  const auto change = [&](NodeRecords& records) {
    NodeRecord& next = records[id];
    if (was_active) begin_now(next, parts_.clock);
    next.state = NodeState::bleeding;
    next.by = request.by;
    if (was_active || !request.reason.empty()) next.reason = request.reason;
    if (request.deadline) set_deadline(next, *request.deadline, parts_.clock);
  };
  const std::string until =
      request.deadline ? ", deadline in " + format_duration(*request.deadline) : "";
  const std::string text = (was_active ? "bleeding" : "still bleeding") + until;
  const Outcome done =
      commit({id}, change,
             [this, id, text, forced, request,
              answer = answers_.promise(id.text() + " is not called dry", answer)] {
               parts_.events.add("bleed", id, text + who(request.by, request.reason) + forced);
               const LiveNode* const live = nodes_.find(id);  // its pool may be gone by now
               const auto counts = live == nullptr ? balancer::SessionCounts::Figures{}
                                                   : live->node->sessions().read();
               answer(id.text() + " is " + text + ": " + std::to_string(counts.live) +
                      " live and " + std::to_string(counts.pending) + " pending sessions" + forced);
             });
  if (!done) answer(Failure{done.error()});
}

void ControlPlane::maintain(const NodeId& id, Insist insist, const std::string& by,
                            const Answer& answer) {
  const PoolView& pool = pool_of(id);
  const NodeView& view = view_of(id);
  const NodeRecord* const kept = record(id);
  if (view.state == NodeState::maintenance) return answer(id.text() + " is in maintenance already");
  const bool dry = kept != nullptr && kept->dry == Dry::yes;
  std::vector<std::string> objections;
  if (!dry) {
    objections.push_back(
        id.text() + " is not dry: " +
        (view.state == NodeState::active ? "it is active" : joined(check_.blocked_by(pool, view))));
  }
  const Outcome guard = balancer::may_leave(pool, view.node->name(), parts_.clock.now());
  if (!guard) objections.push_back(guard.error());
  const std::string objection = joined(objections);
  if (!objection.empty() && insist == Insist::no) {
    return answer(Failure{objection + " (--force overrides)"});
  }
  const std::string forced = objection.empty() ? "" : " [forced: " + objection + "]";
  const auto change = [&](NodeRecords& records) {
    NodeRecord& next = records[id];
    begin_now(next, parts_.clock);
    next.state = NodeState::maintenance;
    next.by = by;
    if (!dry) next.displaced = Displaced::yes;
  };
  const Outcome done =
      commit({id}, change,
             [this, id, by, dry, forced,
              answer = answers_.promise("it is not safe to stop " + id.text(), answer)] {
               if (!dry) displace(id, "maintenance was forced");
               parts_.events.add("maintain", id, "in maintenance" + who(by, "") + forced);
               answer(id.text() + " is in maintenance" + forced);
             });
  if (!done) answer(Failure{done.error()});
}

void ControlPlane::activate(const NodeId& id, const std::string& by, const Answer& answer) {
  const NodeView& view = view_of(id);
  if (view.state == NodeState::active) return answer(id.text() + " is active already");
  if (removed_.contains(id)) return answer(Failure{id.text() + " is no longer in the config"});
  if (is_weightless(id)) {
    return answer(Failure{id.text() + " has weight 0 in the config, which means bleeding"});
  }
  const auto change = [&id](NodeRecords& records) { records.erase(id); };
  const Outcome done = commit(
      {id}, change,
      [this, id, by, answer = answers_.promise(id.text() + " may get no new users", answer)] {
        if (record(id) != nullptr) {
          return answer(Failure{id.text() + " was taken out of rotation again by another command"});
        }
        parts_.events.add("activate", id, "active" + who(by, ""));
        answer(id.text() + " is active");
      });
  if (!done) answer(Failure{done.error()});
}

/// By the config; in the topology one may have its weight still, see TopologyBuilder.
bool ControlPlane::is_weightless(const NodeId& id) const {
  return std::ranges::any_of(config_.pools, [&id](const conf::Pool& pool) {
    return pool.name == id.pool && std::ranges::any_of(pool.nodes, [&id](const conf::Node& node) {
             return node.weight == 0 && node.name == id.name;
           });
  });
}

/// Takes the sessions off a node whose door all workers already hold shut.
void ControlPlane::displace(const NodeId& id, const std::string& why) {
  const NodeRecord* const kept = record(id);
  if (kept == nullptr || kept->displaced == Displaced::no) return;  // activated again meanwhile
  const LiveNode* const live = nodes_.find(id);
  if (live == nullptr) return;  // a reload took it away meanwhile
  const std::uint64_t count = parts_.ledger.displace(live->slot);
  if (count > 0) {
    parts_.events.add("displace", id,
                      why + ": " + counted(static_cast<std::int64_t>(count), "session") +
                          " will be moved at the next request");
  }
}

void ControlPlane::reload(const std::string& by, const Answer& answer) {
  Result<conf::Config> next = parts_.load_config();
  if (!next) return answer(Failure{"the config was not reloaded: " + next.error()});
  if (const auto why = needs_restart(config_, *next)) return answer(Failure{*why});
  if (const auto why = renames_cookie(config_, *next)) return answer(Failure{*why});
  ConfigPlan plan = plan_for(*next);
  Outcome done = nodes_.claim(*next, plan.removed, rule_);
  if (!done) return answer(Failure{done.error() + "; nothing was changed"});
  std::swap(config_, *next);
  std::swap(removed_, plan.removed);
  const auto change = [&plan](NodeRecords& all) { all = plan.records; };
  // A worker with the rules of before may take somebody in by them: none of these is dry until all
  // have the new ones.
  Nodes concerned;
  for (const auto& [id, kept] : plan.records) concerned.push_back(id);
  done = commit(
      concerned, change,
      [this, by, bled = plan.bled,
       answer = answers_.promise(
           "nodes that came get no new users, and none that left is called dry", answer)] {
        for (const NodeId& id : bled) tell_bled(id);
        const std::string left = counted(static_cast<std::int64_t>(removed_.size()), "node") +
                                 " no longer in the config will bleed until dry";
        const std::string text =
            "reloaded" + who(by, "") + (removed_.empty() ? std::string() : "; " + left);
        parts_.events.add("reload", "", text);
        answer(text);
      });
  if (done) return nodes_.adopt(config_, removed_, rule_);
  std::swap(config_, *next);
  std::swap(removed_, plan.removed);
  answer(Failure{done.error()});
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
  report_evictions();
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

void ControlPlane::report_evictions() {
  const session::Ledger::Totals totals = parts_.ledger.totals();
  if (totals.evicted == reported_.evicted || parts_.clock.now() < report_evictions_at_) return;
  const auto count = static_cast<std::int64_t>(totals.evicted - reported_.evicted);
  const std::string why = totals.refused == reported_.refused
                              ? "the ledger is full (" + std::to_string(totals.capacity) + ")"
                              : "the disk has no room for the ledger";
  reported_ = totals;
  report_evictions_at_ = parts_.clock.now() + kReportEvictions;
  parts_.events.add("evict", "",
                    why + ": " + counted(count, "session") + " evicted, pending ones first");
}

void ControlPlane::tell_bled(const NodeId& id) {
  const NodeRecord* const kept = record(id);
  parts_.events.add("bleed", id, "bleeding" + (kept ? who(kept->by, kept->reason) : ""));
}

void ControlPlane::follow_dates() {
  if (follow_calendar(records_, parts_.clock) == Calendar::as_before) return;
  const Outcome saved = parts_.store.save(records_);  // else with what is written down next
  if (!saved) parts_.events.add("error", "", saved.error());
}

void ControlPlane::pass_deadlines() {
  for (const NodeId& id : past_deadline(records_, parts_.clock.now())) {
    if (!nodes_.contains(id)) continue;
    const Outcome done = commit(
        {id}, [&id](NodeRecords& records) { records[id].displaced = Displaced::yes; },
        [this, id] {
          parts_.events.add("deadline", id, "the deadline has passed");
          displace(id, "deadline");
        });
    if (!done) {
      retry_save_at_ = parts_.clock.now() + kRetrySave;
      parts_.events.add("error", id, "the deadline cannot be kept: " + done.error());
      return;
    }
  }
}

/// An exchange from before the door was shut may begin its session only now. Nobody can come back
/// to it here, so it is moved like the others and keeps nobody waiting.
void ControlPlane::displace_stragglers() {
  for (const auto& [id, kept] : records_) {
    if (kept.displaced == Displaced::no || kept.dry == Dry::yes || !doors_.taken_over(id)) continue;
    const LiveNode* const live = nodes_.find(id);
    if (live == nullptr || live->node->sessions().read().all() == 0) continue;
    displace(id, "the door is shut");
  }
}

/// What the first look saw may be overtaken by a worker that is just letting somebody in, so the
/// doors are shut before the look that counts.
void ControlPlane::look_for_dryness() {
  const Doors::FirstLook look = doors_.look(
      *topology_, records_,
      [this](const PoolView& pool, const NodeView& view) { return is_empty(pool, view); });
  if (!look.dry.empty()) latch_dryness(look.dry);
  if (look.to_shut.empty()) return;
  doors_.hold_shut(look.to_shut);
  publish([this, nodes = look.to_shut] { look_again(nodes); });
}

/// All workers hold the doors shut: who is not counted now is not there and cannot come.
void ControlPlane::look_again(const Nodes& nodes) {
  if (has_handed_over()) return;  // the successor looks for itself, and says what it shuts
  const Doors::SecondLook look = doors_.look_again(
      nodes, *topology_,
      [this](const PoolView& pool, const NodeView& view) { return is_empty(pool, view); });
  if (!look.dry.empty()) latch_dryness(look.dry);
  if (!look.inhabited.empty()) reopen(look.inhabited);
}

void ControlPlane::latch_dryness(const Nodes& dry) {
  const auto change = [&dry](NodeRecords& records) {
    for (const NodeId& id : dry) records[id].dry = Dry::yes;
  };
  const Outcome done = commit(dry, change, [this, dry] {
    for (const NodeId& id : dry) {
      parts_.events.add("dry", id, "bone dry: nobody is on it and nobody will come back");
    }
    answer_waits();
  });
  if (done) return;
  retry_save_at_ = parts_.clock.now() + kRetrySave;
  parts_.events.add("error", joined(dry), "dryness cannot be written down: " + done.error());
  reopen(dry);
}

void ControlPlane::reopen(const Nodes& nodes) {
  doors_.let_go(nodes);
  publish([] {});
}

std::optional<WaitEnd> ControlPlane::wait_end(const NodeId& id) const {
  if (topology_->find_node(id) == nullptr) return WaitEnd::gone;
  const NodeRecord* const kept = record(id);
  if (kept == nullptr) return WaitEnd::activated;
  if (kept->dry == Dry::yes && doors_.taken_over(id)) return WaitEnd::dry;
  return std::nullopt;
}

void ControlPlane::answer_waits() {
  waits_.answer([this](const NodeId& id) { return wait_end(id); });
}

std::string ControlPlane::who_has_not_followed() const {
  return parts_.who_has_not_followed ? parts_.who_has_not_followed() : std::string();
}

}  // namespace bonedry::admin
