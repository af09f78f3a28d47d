#include "tests/unit/control/promise_world.h"

#include "session/ledger_file.h"
#include "session/value_hash.h"
#include "tests/unit/control/node_literal.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace bonedry::admin::real {

namespace fs = std::filesystem;
using balancer::Claim;
using balancer::NodeView;
using balancer::PoolView;
using balancer::Purpose;
using balancer::Reachable;
using balancer::RouteDecision;

namespace {

constexpr std::size_t kCapacity = 2000;  // no session is ever evicted

/// Every change writes the node states to the disk, which takes milliseconds.
fs::path fast_folder() {
  const fs::path in_memory = "/dev/shm";
  return fs::is_directory(in_memory) ? in_memory : fs::temp_directory_path();
}

}  // namespace

// -- Fleet ----------------------------------------------------------------------------------------

void Fleet::publish(std::shared_ptr<const balancer::Topology> topology,
                    std::function<void()> acknowledged) {
  published = topology->version;
  undelivered_.push_back({workers.size(), std::move(acknowledged)});
  for (Worker& worker : workers) worker.inbox.push_back(topology);
}

bool Fleet::take(std::size_t worker) {
  Worker& one = workers[worker];
  if (one.inbox.empty()) return false;
  one.runtime = std::make_shared<Runtime>(Runtime{one.inbox.front(), {}});
  one.inbox.pop_front();
  --undelivered_[one.runtime->topology->version - delivered - 1].workers_left;
  return true;
}

bool Fleet::deliver() {
  if (undelivered_.empty() || undelivered_.front().workers_left > 0) return false;
  const auto acknowledged = std::move(undelivered_.front().acknowledged);
  undelivered_.pop_front();
  ++delivered;
  acknowledged();
  return true;
}

// -- The process ----------------------------------------------------------------------------------

Proxy::Proxy(std::size_t workers, conf::Config first)
    : directory(fast_folder()),
      config(std::move(first)),
      store(directory / "nodes.json"),
      workers_(workers) {
  start();
}

void Proxy::start() {
  auto opened = session::MappedLedger::open(directory / "ledger", kCapacity, secrets_, clock);
  if (!opened) throw std::runtime_error(opened.error());
  secrets_.age = session::SecretAge::existing;
  ledger = std::move(opened->ledger);
  set_aside_ = !opened->set_aside.empty();
  Result<NodeRecords> records = store.load();
  if (!records) throw std::runtime_error(records.error());
  fleet = std::make_unique<Fleet>(workers_);
  events = std::make_unique<EventLog>(clock);
  const auto load = [this]() -> Result<conf::Config> {
    if (!load_error.empty()) return Failure{load_error};
    return config;
  };
  control = std::make_unique<ControlPlane>(
      ControlPlane::Parts{clock, *ledger, *fleet, store, passes, *events, load}, config,
      std::move(*records), ledger->incomplete_since());
  for (Worker& worker : fleet->workers) {
    worker.runtime = std::make_shared<Runtime>(Runtime{control->topology(), {}});
  }
  ledger->start_sweeping(clock.now());
}

void Proxy::stop() {
  control.reset();
  fleet.reset();
  ledger.reset();
}

/// A ledger closes cleanly unless another process has joined its file: then it leaves everything as
/// a kill does. Here another process joins the file and does nothing.
void Proxy::crash() {
  control.reset();
  auto found = session::LedgerFile::find(directory / "ledger");
  if (!found || !*found || !(*found)->file->join()) throw std::runtime_error("no ledger to join");
  fleet.reset();
  ledger.reset();
}

void Proxy::lose_ledger() const {
  fs::remove(directory / "ledger");
}

/// A directory in place of the new file that would replace nodes.json makes every write fail.
void Proxy::break_disk() {
  fs::create_directory(directory / "nodes.json.new");
}

void Proxy::mend_disk() {
  fs::remove(directory / "nodes.json.new");
}

bool Proxy::disk_is_broken() const {
  return fs::is_directory(directory / "nodes.json.new");
}

// -- A request ------------------------------------------------------------------------------------

const PoolView& Proxy::view(const Exchange& exchange) const {
  return *exchange.runtime->topology->find_pool(exchange.pool);
}

session::Affinity& Proxy::affinity(Exchange& exchange) {
  auto& its = exchange.runtime->affinities[exchange.pool];
  if (!its) its = session::make_affinity(view(exchange), secrets_.all, *ledger, clock);
  return *its;
}

balancer::Picker& Proxy::picker(const Exchange& exchange) {
  const conf::Pool& pool = view(exchange).config;
  const auto made = fleet->workers[exchange.worker].pickers.try_emplace(
      exchange.pool, pool.balance, pool.session.sticky, exchange.worker);
  return made.first->second;
}

Exchange Proxy::find_session(std::size_t worker, const std::string& pool,
                             std::span<const std::string_view> cookies) {
  Exchange exchange;
  exchange.worker = worker;
  exchange.pool = pool;
  exchange.runtime = fleet->workers[worker].runtime;
  exchange.binding = affinity(exchange).find_session(cookies, clock.now());
  return exchange;
}

bool Proxy::follows(const Exchange& exchange) const {
  return exchange.runtime == fleet->workers[exchange.worker].runtime;
}

void Proxy::follow_topology(Exchange& exchange) {
  if (follows(exchange)) return;
  const balancer::Node* const claimed =
      exchange.binding.claim == Claim::none
          ? nullptr
          : view(exchange).nodes[exchange.binding.node].node.get();
  exchange.runtime = fleet->workers[exchange.worker].runtime;
  exchange.tried.clear();
  if (claimed == nullptr) return;
  const auto& nodes = view(exchange).nodes;
  const auto same = std::ranges::find_if(
      nodes, [claimed](const NodeView& one) { return one.node.get() == claimed; });
  if (same != nodes.end()) {
    exchange.binding.node = static_cast<std::size_t>(same - nodes.begin());
    return;
  }
  affinity(exchange).release(exchange.binding, clock.now());
  exchange.binding = {};
}

std::optional<std::string> Proxy::route(Exchange& exchange) {
  follow_topology(exchange);
  const auto index = choose(exchange);
  if (!index) return std::nullopt;
  exchange.index = *index;
  return view(exchange).nodes[*index].node->key();
}

std::optional<std::size_t> Proxy::choose(Exchange& exchange) {
  session::SessionBinding& binding = exchange.binding;
  if (binding.claim == Claim::none) {
    return choose_other(exchange,
                        exchange.is_exempt() ? RouteDecision::exempt : RouteDecision::new_session);
  }
  const NodeView& claimed = view(exchange).nodes[binding.node];
  const bool failed = std::ranges::find(exchange.tried, binding.node) != exchange.tried.end();
  const bool down = failed || claimed.node->down(clock.now());
  const RouteDecision decision =
      balancer::route(binding.claim, claimed, down ? Reachable::no : Reachable::yes,
                      view(exchange).config.session.on_lost);
  if (decision == RouteDecision::node_down) return std::nullopt;
  if (decision != RouteDecision::session_node) return choose_other(exchange, decision);
  exchange.decision = decision;
  if (binding.claim == Claim::ended) {
    if (!claimed.node->reserve_session(claimed.max_sessions)) {
      return choose_other(exchange, RouteDecision::late);
    }
    exchange.booked = claimed.node.get();
  }
  const std::size_t index = affinity(exchange).bind(binding, decision, binding.node, clock.now());
  cancel_reservation(exchange);
  return index;
}

std::optional<std::size_t> Proxy::choose_other(Exchange& exchange, RouteDecision decision) {
  exchange.decision = decision;
  const Purpose purpose = exchange.is_exempt() ? Purpose::exchange : Purpose::new_session;
  const auto picked = picker(exchange).pick(view(exchange), purpose, exchange.tried, clock.now());
  if (!picked || exchange.is_exempt()) return picked;
  exchange.booked = view(exchange).nodes[*picked].node.get();
  if (exchange.binding.claim == Claim::none || decision == RouteDecision::rescued) return picked;
  const std::size_t index =
      affinity(exchange).bind(exchange.binding, decision, *picked, clock.now());
  cancel_reservation(exchange);
  return index;
}

void Proxy::send(Exchange& exchange) {
  const auto& node = view(exchange).nodes[exchange.index].node;
  if (exchange.node == node) return;
  if (exchange.node) exchange.node->close_exchange(clock.now());
  exchange.node = node;
  exchange.node->open_exchange();
}

void Proxy::leave_node(Exchange& exchange) {
  exchange.tried.push_back(exchange.index);
  cancel_reservation(exchange);
  exchange.node->close_exchange(clock.now());
  exchange.node.reset();
}

bool Proxy::reach(Exchange& exchange) {
  if (exchange.decision != RouteDecision::rescued || exchange.binding.node == exchange.index)
    return true;
  const std::size_t index =
      affinity(exchange).bind(exchange.binding, exchange.decision, exchange.index, clock.now());
  cancel_reservation(exchange);
  return std::exchange(exchange.index, index) == index;
}

Proxy::Heard Proxy::hear(Exchange& exchange, std::vector<std::string> set_cookies,
                         const session::CookieContext& context) {
  Heard heard{std::move(set_cookies), {}, {}};
  for (const std::string& field : heard.fields) {
    const std::size_t before = heard.answer.effect_count;
    affinity(exchange).note_set_cookie(field, context, heard.answer);
    const auto effects = heard.answer.cookies();
    heard.changes.push_back(effects.size() == before ? session::CookieChange::none
                                                     : effects.back().change);
  }
  return heard;
}

std::string Proxy::answer(Exchange& exchange, const session::ResponseCookies& answer) {
  std::string cookie = affinity(exchange).on_response(exchange.binding, exchange.index, answer);
  cancel_reservation(exchange);
  return cookie;
}

void Proxy::finish(Exchange& exchange) {
  cancel_reservation(exchange);
  affinity(exchange).release(exchange.binding, clock.now());
  if (exchange.node) exchange.node->close_exchange(clock.now());
  exchange.node.reset();
}

session::SessionKey Proxy::key_of(const std::string& pool, const std::string& value) {
  return session::ValueHash(secrets_.all, pool).key(0, value);
}

std::string Proxy::node_of(const Exchange& exchange) const {
  return view(exchange).nodes[exchange.index].node->key();
}

void Proxy::set_health(const std::string& node, balancer::Health health) {
  control->topology()->find_node(node_id(node))->node->set_health(health);
}

bool Proxy::has(const std::string& node) const {
  return control->topology()->find_node(node_id(node)) != nullptr;
}

void Proxy::cancel_reservation(Exchange& exchange) {
  if (exchange.booked != nullptr) exchange.booked->cancel_reservation();
  exchange.booked = nullptr;
}

}  // namespace bonedry::admin::real
