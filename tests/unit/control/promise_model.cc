#include "tests/unit/control/promise_model.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bonedry::admin::plain {

namespace {

constexpr Millis kStandstill{1'000};  // after a longer gap the process stood still

}  // namespace

std::string pool_of(const std::string& node) {
  return node.substr(0, node.find('/'));
}

const Node* Plan::find(const std::string& node) const {
  const auto found = nodes.find(node);
  return found == nodes.end() ? nullptr : &found->second;
}

/// A ledger is incomplete until the longest session time-out has passed since the loss. Pending
/// sessions may last longer than idle ones.
bool Plan::incomplete(const std::string& node, Instant now) const {
  const conf::Session& rules = pools.at(pool_of(node));
  return lost_at.ms != 0 && now < lost_at + std::max(rules.idle_timeout, rules.pending_timeout);
}

// -- The operator ---------------------------------------------------------------------------------

void Model::configure(const conf::Config& config, std::uint64_t version) {
  std::map<std::string, conf::Pool> next;
  for (const conf::Pool& pool : config.pools) next[pool.name] = pool;
  for (auto& [key, node] : nodes) {
    const auto stays = next.find(pool_of(key));
    if (stays == next.end()) node.down = node.measured = false;  // nobody measures it any more
    if (stays == next.end() || node.gone) continue;
    const conf::Session& rules = stays->second.session;
    node.times = {rules.idle_timeout, rules.pending_timeout, rules.max_lifetime};
    const std::string name = key.substr(key.find('/') + 1);
    if (node.state != NodeState::active) node.changed = version;  // its rules may have changed
    node.configured = std::ranges::find(stays->second.nodes, name, &conf::Node::name) !=
                      stays->second.nodes.end();
    if (node.configured) continue;
    node.weight = 0;
    if (node.state != NodeState::active) continue;
    node.state = NodeState::bleeding;  // a removed node stays until it has no sessions
    node.changed = version;
  }
  for (const conf::Pool& pool : config.pools) {
    for (const conf::Node& one : pool.nodes) {
      Node& node = nodes[pool.name + "/" + one.name];
      node.gone = false;
      node.configured = true;
      node.weight = one.weight;
      node.times = {pool.session.idle_timeout, pool.session.pending_timeout,
                    pool.session.max_lifetime};
      if (one.weight > 0 || node.state != NodeState::active) continue;
      node.state = NodeState::bleeding;  // weight 0 means bleeding from the start
      node.changed = version;
    }
  }
  pools = std::move(next);
}

unsigned Model::others(const std::string& node) const {
  const auto fit = [this, &node](const auto& one) {
    return pool_of(one.first) == pool_of(node) && !one.second.gone &&
           one.second.state == NodeState::active && !one.second.down;
  };
  const bool strict = std::ranges::any_of(
      nodes, [&fit](const auto& one) { return fit(one) && one.second.measured; });
  unsigned count = 0;
  for (const auto& one : nodes) {
    if (one.first != node && fit(one) && (one.second.measured || !strict)) ++count;
  }
  return count;
}

bool Model::check_guard(const std::string& node) const {
  return others(node) >= pools.at(pool_of(node)).min_active;
}

Did Model::bleed(const std::string& key, std::optional<Instant> deadline, bool force,
                 std::uint64_t version) {
  Node& node = nodes.at(key);
  if (node.state == NodeState::maintenance) return Did::nothing;
  if (node.state == NodeState::active && !force && !check_guard(key)) return Did::refused;
  node.state = NodeState::bleeding;
  if (deadline) node.deadline = deadline;
  node.changed = version;
  return Did::changed;
}

Did Model::bleed_from_maintenance(const std::string& key, std::uint64_t version) {
  Node& node = nodes.at(key);
  node.state = NodeState::bleeding;
  node.changed = version;
  return Did::changed;
}

Did Model::maintain(const std::string& key, bool force, std::uint64_t version) {
  Node& node = nodes.at(key);
  if (node.state == NodeState::maintenance) return Did::nothing;
  if (!force && !(node.dry && check_guard(key))) return Did::refused;
  node.state = NodeState::maintenance;
  if (!node.dry) node.displaced = true;
  node.changed = version;
  return Did::changed;
}

Did Model::activate(const std::string& key, std::uint64_t version) {
  Node& node = nodes.at(key);
  if (node.state == NodeState::active) return Did::nothing;
  if (!node.configured || node.weight == 0) return Did::refused;
  node.state = NodeState::active;
  node.deadline.reset();
  node.displaced = false;
  node.dry = false;
  node.changed = version;
  return Did::changed;
}

// -- Time -----------------------------------------------------------------------------------------

bool Model::over(const Session& session, Instant now) const {
  if (session.open > 0) return false;
  const SessionTimes& times = nodes.at(session.node).times;
  const Millis idle = session.state == SessionState::live ? times.idle : times.pending;
  return now >= session.last + idle || now >= session.created + times.lifetime;
}

void Model::begin_to_look(Instant now) {
  looked_ = ended_ = now;
  hears_until_ = {};
  // No requests came while there was no process; sessions in the ledger are checked there.
  std::erase_if(sessions, [this, now](const auto& one) {
    return !one.second.recorded && over(one.second, now);
  });
}

Instant Model::expiry_now(Instant now) const {
  return now - ended_ > kStandstill ? ended_ : now;
}

void Model::expire(Instant now) {
  if (now - std::exchange(looked_, now) > kStandstill) hears_until_ = now + kCatchUp;
  if (now < hears_until_) return;
  ended_ = now;
  for (const auto& [name, pool] : pools) {
    const Millis longest = std::max(pool.session.idle_timeout, pool.session.pending_timeout);
    if (now >= lost_at + longest) complete_again_.insert(name);
  }
  std::erase_if(sessions, [this, now](const auto& one) { return over(one.second, now); });
}

std::vector<std::string> Model::due(Instant now) const {
  std::vector<std::string> keys;
  for (const auto& [key, node] : nodes) {
    const bool waits = node.state == NodeState::bleeding && !node.dry && !node.displaced;
    if (waits && node.deadline && *node.deadline <= now) keys.push_back(key);
  }
  return keys;
}

void Model::shut_by_deadline(const std::string& key, std::uint64_t version) {
  nodes.at(key).displaced = true;
  nodes.at(key).changed = version;
}

void Model::drop(const std::string& key) {
  Node next;
  next.gone = true;
  next.configured = false;
  next.times = nodes.at(key).times;
  nodes.at(key) = next;
}

void Model::displace(const std::string& key) {
  if (!nodes.at(key).displaced) return;  // activated again meanwhile
  for (auto& [number, session] : sessions) {
    if (session.node == key) session.displaced = true;
  }
}

void Model::displace_late_sessions(std::uint64_t acknowledged) {
  for (const auto& [key, node] : nodes) {
    if (node.displaced && !node.dry && node.changed <= acknowledged) displace(key);
  }
}

// -- Users ----------------------------------------------------------------------------------------

/// Finds a session as the ledger does: it does not know those that it lost.
Session* Model::find(Key key, Instant now) {
  const auto found = sessions.find(key);
  if (found == sessions.end() || !found->second.recorded) return nullptr;
  if (!over(found->second, expiry_now(now))) return &found->second;
  sessions.erase(found);
  return nullptr;
}

void Model::put(Key key, const std::string& node, SessionState state, Instant created,
                Instant now) {
  sessions[key] = {node, state, created, now, 1, false, true, ++lives_, {}, false, {}};
}

/// Whether the user's session was lost but is not over.
bool Model::must_come_back(const Plan& plan, const Cookie& cookie, Instant now) const {
  const auto session = sessions.find(cookie.key);
  if (session == sessions.end() || session->second.node != cookie.node) return false;
  const conf::Session& rules = plan.pools.at(pool_of(cookie.node));
  return !over(session->second, expiry_now(now)) && !session->second.displaced &&
         expiry_now(now) < damaged_at + std::min(rules.idle_timeout, rules.pending_timeout);
}

SessionBinding Model::find_session(const Plan& plan, const std::string& pool,
                                   const std::optional<Cookie>& cookie, Found found, Instant now,
                                   WallTime wall) {
  SessionBinding binding;
  binding.pool = pool;
  if (!cookie) return binding;
  if (Session* const session = find(cookie->key, now)) {
    session->state = SessionState::live;
    session->last = now;
    if (plan.find(session->node) == nullptr) return binding;  // a session on an unknown node
    ++session->open;
    return {pool,
            SessionBinding::Claim::session,
            cookie->key,
            session->node,
            session->displaced,
            false,
            false,
            session->created};
  }
  const Node* const node = plan.find(cookie->node);
  if (node == nullptr) return binding;
  const Millis age = std::max(wall - cookie->issued, Millis{0});
  const Millis heard_late = now - expiry_now(now);
  const bool too_old = age - heard_late >= plan.pools.at(pool).max_lifetime;
  const bool good = !too_old && plan.incomplete(cookie->node, expiry_now(now));
  const bool closed = node->shut() || opening.contains(cookie->node);
  bool back = good && !(lost_are_over(cookie->node) && found == Found::no);
  if (in_doubt(now)) back = found == Found::yes;
  // A user who missed a newer cookie sends one that proves nothing any more.
  if (in_doubt(now) && !too_old && must_come_back(plan, *cookie, now)) back = true;
  if (!back || closed) {
    return {pool,     SessionBinding::Claim::ended, cookie->key, cookie->node, false, false, false,
            now - age};
  }
  // A sealed cookie unknown to the ledger is taken back in as live.
  const Instant created = now - age;
  put(cookie->key, cookie->node, SessionState::live, created, now);
  return {pool,   SessionBinding::Claim::session, cookie->key, cookie->node, false, false, false,
          created};
}

bool Model::leaves_open(const Plan& plan, const Cookie& cookie, Instant now) const {
  const auto known = sessions.find(cookie.key);
  if (known != sessions.end() && known->second.recorded) return false;
  if (in_doubt(now)) return true;
  return plan.find(cookie.node) != nullptr && plan.incomplete(cookie.node, expiry_now(now)) &&
         lost_are_over(cookie.node);
}

SessionBinding Model::settle_claims(std::vector<SessionBinding> claims, Key prefer, Instant now) {
  const auto worth = [prefer](const SessionBinding& binding) {
    const int kind = binding.claim == SessionBinding::Claim::none    ? 0
                     : binding.claim == SessionBinding::Claim::ended ? 1
                     : binding.displaced                             ? 2
                                                                     : 3;
    return std::tuple(kind, binding.created.ms, binding.key == prefer);
  };
  const auto best = std::ranges::max_element(claims, {}, worth);
  std::swap(*best, claims.front());
  for (std::size_t i = 1; i < claims.size(); ++i) release(claims[i], now);
  return claims.front();
}

void Model::follow(const Plan& plan, SessionBinding& binding, Instant now) {
  if (binding.claim == SessionBinding::Claim::none || plan.find(binding.node) != nullptr) return;
  release(binding, now);
  binding = {binding.pool, SessionBinding::Claim::none, 0, "", false, false, false, {}};
}

/// Whether the table in docs/routing.md allows the node for new users.
bool Model::may_be_chosen(const Plan& plan, const std::string& node, const Tried& tried) const {
  const Node* const one = plan.find(node);
  if (one == nullptr || nodes.at(node).down || tried.contains(node)) return false;
  if (shut_deferred.contains(node)) return true;
  return one->state == NodeState::active && one->weight > 0 && !opening.contains(node);
}

/// Row "no session" of the table, and the target of all users who must leave their node.
std::string Model::goes_anywhere(const Plan& plan, const std::string& pool, const Tried& tried,
                                 const Target& to) const {
  if (to) {
    const bool right = pool_of(*to) == pool && may_be_chosen(plan, *to, tried);
    return right ? "" : "it is sent to " + *to + ", which may not be chosen";
  }
  for (const auto& [key, node] : plan.nodes) {
    if (pool_of(key) == pool && may_be_chosen(plan, key, tried)) {
      return "503, although " + key + " may be chosen";
    }
  }
  return "";
}

std::string Model::route(const Plan& plan, SessionBinding& binding, const Tried& tried,
                         const Target& to, Instant now) {
  if (to && nodes.at(*to).dry) return "it is sent to " + *to + ", which is dry";
  binding.rescued = false;
  switch (binding.claim) {
    case SessionBinding::Claim::session:
      return route_session(plan, binding, tried, to);
    case SessionBinding::Claim::ended:
      return route_ended(plan, binding, tried, to, now);
    case SessionBinding::Claim::none:
      break;
  }
  return goes_anywhere(plan, binding.pool, tried, to);
}

std::string Model::route_session(const Plan& plan, SessionBinding& binding, const Tried& tried,
                                 const Target& to) {
  const Node& own = plan.nodes.at(binding.node);
  // A user who has logged out meanwhile does not keep a node from being dry.
  if (own.shut() || (binding.over && looked_at.contains(binding.node)) ||
      (binding.displaced && (own.state == NodeState::bleeding || opening.contains(binding.node)))) {
    return to ? move(plan, binding, *to) : goes_anywhere(plan, binding.pool, tried, to);
  }
  if (!nodes.at(binding.node).down && !tried.contains(binding.node)) {
    if (!to) return "503 for a user of " + binding.node;
    if (binding.displaced)
      return move(plan, binding, *to);  // it is active again, and takes the user back
    return *to == binding.node ? "" : "a user of " + binding.node + " is sent to " + *to;
  }
  if (plan.pools.at(binding.pool).on_lost == conf::OnLost::fail) {
    return to ? "a user of " + binding.node + ", which is down, is sent to " + *to : "";
  }
  binding.rescued = to.has_value();
  return goes_anywhere(plan, binding.pool, tried, to);
}

/// Puts the session on `to`, unless another request of the user has put it elsewhere meanwhile: one
/// user is never on two nodes.
std::string Model::move(const Plan& plan, SessionBinding& binding, const std::string& to) {
  const std::string from = std::exchange(binding.node, to);
  const bool taken_off = std::exchange(binding.displaced, false);
  const auto found = binding.over ? sessions.end() : sessions.find(binding.key);
  if (found != sessions.end()) {
    Session& session = found->second;
    const Node* const there = plan.find(session.node);
    const bool elsewhere = !session.displaced && session.node != from && there != nullptr;
    if (elsewhere && session.node == to) return there->shut() ? "it follows to " + to : "";
    if (elsewhere && !there->shut()) {
      return "a user of " + session.node + " is sent to " + to;
    }
    if (session.displaced || session.node == from || elsewhere) {
      session.node = to;
      session.displaced = false;
    }
  }
  if (taken_off && plan.nodes.at(from).state == NodeState::active && !opening.contains(from)) {
    return to == from ? "" : "a user of " + from + " is sent to " + to;
  }
  return goes_anywhere(plan, binding.pool, {}, to);
}

std::string Model::route_ended(const Plan& plan, SessionBinding& binding, const Tried& tried,
                               const Target& to, Instant now) {
  if (!to) return goes_anywhere(plan, binding.pool, tried, to);
  if (Session* const session = find(binding.key, now)) {  // another request of the user was faster
    session->state = SessionState::live;
    session->last = now;
    if (plan.find(session->node) == nullptr) return goes_anywhere(plan, binding.pool, tried, to);
    ++session->open;
    binding.claim = SessionBinding::Claim::session;
    binding.node = session->node;
    binding.created = session->created;
    const bool open = !session->displaced && !plan.nodes.at(session->node).shut();
    if (!open) return move(plan, binding, *to);
    return *to == binding.node ? "" : "a user of " + binding.node + " is sent to " + *to;
  }
  binding.claim = SessionBinding::Claim::session;
  binding.node = *to;
  binding.created = now;
  put(binding.key, *to, SessionState::live, now, now);
  return goes_anywhere(plan, binding.pool, tried, to);
}

std::string Model::rescue(const Plan& plan, SessionBinding& binding, const std::string& reached,
                          const std::string& to) {
  binding.rescued = false;
  const auto found = binding.over ? sessions.end() : sessions.find(binding.key);
  if (found == sessions.end()) {
    binding.node = to;
    return to == reached ? "" : "it leaves " + reached + " for " + to;
  }
  Session& session = found->second;
  const Node* const there = plan.find(session.node);
  const bool shut = there != nullptr && there->shut();
  const bool here = session.displaced || session.node == binding.node;
  if (here || (shut && to == reached)) {
    session.node = reached;
    session.displaced = false;
  }
  binding.displaced = false;
  binding.node = to;
  const std::string& should = plan.find(session.node) == nullptr ? reached : session.node;
  return to == should ? "" : "a user of " + should + " is sent to " + to;
}

void Model::begin(SessionBinding& binding, const std::string& node, Key key, Instant now) {
  binding = {binding.pool, SessionBinding::Claim::session, key, node, false, false, false, now};
  put(key, node, SessionState::pending, now, now);
}

void Model::note_application_cookie(const SessionBinding& binding, const CookieId& cookie,
                                    bool had_cookie) {
  if (binding.over) return;
  Session::Known& known = sessions.at(binding.key).known;
  const bool only_one = known.cookie ? *known.cookie == cookie : !had_cookie || cookie.usual();
  if (!only_one) known.several = true;
  known.cookie = cookie;
}

void Model::log_out(SessionBinding& binding) {
  if (std::exchange(binding.over, true)) return;
  if (!binding.value.empty()) logged_out_[binding.key] = sessions.at(binding.key);
  sessions.erase(binding.key);
}

void Model::release(SessionBinding& binding, Instant now) {
  if (binding.claim != SessionBinding::Claim::session || binding.over) return;
  Session& session = sessions.at(binding.key);
  session.last = std::max(session.last, now);
  --session.open;
  if (binding.value.empty()) return;
  const auto value = values_.find(binding.value);
  if (value != values_.end() && value->second.key == binding.key) value->second.used = now;
  if (value != values_.end()) return;
  // The value was forgotten during this request, and counts as used until now.
  values_[binding.value] = {binding.key, std::nullopt, now, now};
  session.values.insert(session.values.begin(), binding.value);
}

Cookie Model::cookie_of(const SessionBinding& binding, const std::string& node, Instant now,
                        WallTime wall) const {
  const WallTime issued = wall - (now - binding.created);
  return {binding.key, node, {issued.ms / 1000 * 1000}};
}

// -- Processes ------------------------------------------------------------------------------------

void Model::restart(Instant seen) {
  for (auto& [key, session] : sessions) {
    if (session.open > 0) session.last = std::max(session.last, seen);
    session.open = 0;
    session.created = std::min(session.created, session.last);
  }
  for (auto& [key, node] : nodes) {
    node.changed = 0;
    node.down = node.measured = false;
    const auto pool = pools.find(pool_of(key));
    if (node.configured || node.gone || pool == pools.end()) continue;
    const conf::Session& rules = pool->second.session;
    node.times = {rules.idle_timeout, rules.pending_timeout, rules.max_lifetime};
  }
}

void Model::lose_ledger(Instant now) {
  for (auto& [key, session] : sessions) session.recorded = false;
  lost_at = now;
  complete_again_.clear();
}

std::string Model::damage_ledger(const std::map<Key, Survivor>& survivors, Instant now) {
  damaged_at = now;
  std::string wrong;
  for (auto& [key, session] : sessions) {
    session.doubted = true;
    if (!session.recorded || session.displaced) continue;
    const auto found = survivors.find(key);
    session.recorded = found != survivors.end();
    if (!session.recorded) continue;
    if (found->second.node != session.node) wrong = "a session is on another node by damage";
    if (found->second.last < session.last) wrong = "a session is older by damage";
    session.last = std::max(session.last, found->second.last);
  }
  for (const auto& [key, survivor] : survivors) {
    if (!sessions.contains(key)) wrong = "a session on " + survivor.node + " out of nothing";
  }
  return wrong;
}

bool Model::in_doubt(Instant now) const {
  constexpr Millis kLongest{200'000};  // longer than any idle time in these tests
  return damaged_at.ms != 0 && expiry_now(now) < damaged_at + kLongest;
}

// -- The current state ----------------------------------------------------------------------------

bool Model::incomplete(const std::string& node, Instant now) const {
  return plan(0)->incomplete(node, expiry_now(now));
}

bool Model::lost_are_over(const std::string& node) const {
  return complete_again_.contains(pool_of(node));
}

bool Model::present(const std::string& node) const {
  return pools.contains(pool_of(node)) && !nodes.at(node).gone;
}

PlanPtr Model::plan(std::uint64_t version) const {
  auto plan = std::make_shared<Plan>();
  plan->version = version;
  for (const auto& [key, node] : nodes) {
    if (present(key)) plan->nodes.emplace(key, node);
  }
  for (const auto& [name, pool] : pools) plan->pools.emplace(name, pool.session);
  plan->lost_at = lost_at;
  return plan;
}

std::string Model::figures(const std::string& node) const {
  int live = 0;
  int pending = 0;
  for (const auto& [key, session] : sessions) {
    if (session.node != node || session.displaced || !session.recorded) continue;
    ++(session.state == SessionState::live ? live : pending);
  }
  return std::to_string(live) + " live, " + std::to_string(pending) + " pending";
}

std::string Model::somebody_on(const std::string& node) const {
  for (const auto& [key, session] : sessions) {
    if (session.node == node && !session.displaced) return "session " + std::to_string(key);
  }
  return "";
}

}  // namespace bonedry::admin::plain
