// The requests of users, and the random choices.

#include "tests/unit/control/promise_duel.h"

#include "tests/unit/control/node_literal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::admin::test {

namespace {

constexpr std::size_t kBrowsers = 48;
constexpr Millis kStep{100};
constexpr std::size_t kRemembered = 60;

conf::Pool pool(const std::string& name, std::initializer_list<const char*> nodes) {
  conf::Pool pool;
  pool.name = name;
  pool.health.active = true;  // otherwise a reload resets the health that the test has set
  // Time-outs end in 50 ms and steps are multiples of 100 ms: no session expires exactly at a step.
  pool.session.idle_timeout = Millis{60'050};
  pool.session.pending_timeout = Millis{40'050};
  pool.session.max_lifetime = Millis{600'050};
  for (const char* node : nodes) {
    const auto port = static_cast<std::uint16_t>(9000 + node[0]);
    pool.nodes.push_back({node, {"127.0.0.1", port}, 100, 0});
  }
  return pool;
}

conf::Config first_config() {
  conf::Config config;
  config.pools.push_back(pool("shop", {"alice", "bob", "carol", "dave"}));
  config.pools.push_back(pool("blog", {"gina", "hans"}));
  config.pools.back().session.on_lost = conf::OnLost::fail;
  config.pools.push_back(pool("club", {"ivan", "judy", "karl"}));
  config.pools.back().session.sticky = conf::Sticky::learn;
  config.pools.back().session.cookie = "SID";
  config.pools.back().session.renewal_grace = Millis{20'050};
  config.pools.back().session.idle_timeout = Millis{150'050};
  config.pools.front().session.logout_cookie = "SID";
  config.pools.front().slow_start = Millis{10'000};
  return config;
}

}  // namespace

PromiseModelRun::PromiseModelRun(std::size_t workers, std::uint64_t seed)
    : random_(seed), tester_random_(seed), proxy_(workers, first_config()) {
  model_.configure(proxy_.config, 0);
  plans_[1] = model_.plan(1);
  seen_ = now();
  model_.begin_to_look(now());
  browsers_.resize(kBrowsers);
  for (std::size_t i = 0; i < kBrowsers; ++i) {
    browsers_[i].pool = i % 4 == 0 ? "blog" : i % 4 == 1 ? "club" : "shop";
  }
}

std::string PromiseModelRun::step() {
  pass(kStep * pick(1, 8));
  complain(compare());
  if (wrong_.empty()) act();
  return outcome();
}

void PromiseModelRun::act() {
  if (const auto delicate = being_looked_at(); !delicate.empty()) {
    const bool entered = std::ranges::any_of(requests_, [&delicate](const auto& request) {
      return request->stage == Stage::routed && request->node == delicate.front();
    });
    if (entered) count("entered between the looks");
    if (chance(entered ? 30 : 5)) return command(entered ? Writes::fail : Writes::as_they_are);
  }
  act_as_tester();
  const std::int64_t dice = pick(0, 999);
  if (dice < 700) return act_as_user();
  if (dice < 850) return take(any_worker());
  if (dice < 930) {
    deliver();
    return;
  }
  if (dice < 990) return act_as_operator();
  act_as_fate();
}

std::int64_t PromiseModelRun::pick(std::int64_t from, std::int64_t to) {
  return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
}

/// Prefers nodes between the two checks for dryness: errors are most likely there.
std::string PromiseModelRun::any_node() {
  if (const auto delicate = being_looked_at(); !delicate.empty() && chance(70)) {
    return any_of(delicate);
  }
  std::vector<std::string> keys;
  for (const auto& [key, node] : model_.nodes) {
    if (model_.present(key)) keys.push_back(key);
  }
  return any_of(keys);
}

std::vector<std::string> PromiseModelRun::being_looked_at() const {
  std::vector<std::string> keys;
  for (const auto& pool : proxy_.control->topology()->pools) {
    for (const auto& view : pool.nodes) {
      const bool shut = view.door == balancer::Door::shut;
      if (shut && !model_.nodes.at(view.node->key()).shut()) keys.push_back(view.node->key());
    }
  }
  return keys;
}

std::size_t PromiseModelRun::any_worker() {
  return static_cast<std::size_t>(
      pick(0, static_cast<std::int64_t>(proxy_.fleet->workers.size()) - 1));
}

PromiseModelRun::Request* PromiseModelRun::any_request(Stage stage) {
  std::vector<Request*> there;
  for (const auto& request : requests_) {
    const bool free = busy_with(request->real.worker) == nullptr;
    if (free && request->stage == stage) there.push_back(request.get());
  }
  return there.empty() ? nullptr : any_of(there);
}

void PromiseModelRun::complain(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

std::string PromiseModelRun::outcome() const {
  return wrong_.empty() ? compare() : wrong_;
}

void PromiseModelRun::note(std::string what) {
  lately_.push_back(std::to_string(now().ms) + " " + std::move(what));
  if (lately_.size() > kRemembered) lately_.pop_front();
}

std::string PromiseModelRun::lately() const {
  std::string text;
  for (const std::string& line : lately_) text += line + "\n";
  return text;
}

// -- Testers --------------------------------------------------------------------------------------

/// Opens an exchange with a pass, or ends one; now and then, so that up to twenty are open. With
/// dice of its own: it must not change what happens to anybody else.
void PromiseModelRun::act_as_tester() {
  const auto below = [this](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(tester_random_);
  };
  if (below(30) != 0) return;
  if (testers_.size() > below(20)) {
    std::swap(testers_[below(testers_.size())], testers_.back());
    testers_.back()->close_pass_exchange();
    testers_.pop_back();
    return count("tester gone");
  }
  const auto topology = proxy_.control->topology();
  const auto& nodes = topology->pools[below(topology->pools.size())].nodes;
  if (nodes.empty()) return;
  const balancer::NodeView& view = nodes[below(nodes.size())];
  view.node->open_pass_exchange();
  testers_.push_back(view.node);
  count(view.door == balancer::Door::shut ? "tester on a closed node" : "tester");
}

void PromiseModelRun::close_testers() {
  for (const auto& node : testers_) node->close_pass_exchange();
  testers_.clear();
}

// -- Users ----------------------------------------------------------------------------------------

/// The number of users rises and falls; otherwise no node would ever become dry.
void PromiseModelRun::act_as_user() {
  if (chance(1)) appetite_ = static_cast<int>(pick(0, 3)) * 20;
  if (chance(2)) held_up_ = chance(50) ? std::optional(any_worker()) : std::nullopt;
  if (pick(1, 500) == 1) {
    hurried_ = chance(40) ? std::optional(any_stale_browser()) : std::nullopt;
    held_up_.reset();
  }
  if (hurried_) appetite_ = 45;
  const std::int64_t dice = pick(0, 99);
  if (dice < appetite_) return begin_request();
  if (dice < (hurried_ ? 88 : 75)) return answer();
  if (dice < 97) return finish();
  fail_to_connect();
}

PromiseModelRun::Request* PromiseModelRun::busy_with(std::size_t worker) {
  for (const auto& request : requests_) {
    const bool midway = request->stage == Stage::arrived || request->stage == Stage::routed;
    if (midway && request->real.worker == worker) return request.get();
  }
  return nullptr;
}

void PromiseModelRun::let_busy_worker_go_on(std::size_t worker) {
  while (Request* const request = busy_with(worker)) go_on(*request);
}

void PromiseModelRun::begin_request() {
  const std::size_t worker = any_worker();
  if (Request* const request = busy_with(worker)) {
    if (worker != held_up_ && chance(50)) go_on(*request);
    return;
  }
  // Browsers send several requests in parallel.
  const bool again = !requests_.empty() && chance(30);
  std::size_t number =
      again ? any_of(requests_)->browser : static_cast<std::size_t>(pick(0, kBrowsers - 1));
  constexpr std::int64_t kClub = kBrowsers / 4;  // their values change all the time
  if (chance(25)) number = static_cast<std::size_t>(pick(0, kClub - 1) * 4 + 1);
  if (hurried_ && chance(90)) number = *hurried_;
  if (browsers_[number].pool == "club") {
    begin_learned(worker, number);
  } else {
    arrive(worker, number, what_browser_sends(number));
  }
  if (worker == held_up_ && chance(50)) return;
  while (wrong_.empty() && busy_with(worker) != nullptr && chance(80)) go_on(*busy_with(worker));
}

std::size_t PromiseModelRun::any_stale_browser() {
  return static_cast<std::size_t>(pick(0, kBrowsers / kStaleEvery - 1)) * kStaleEvery + 1;
}

std::vector<PromiseModelRun::HadCookie> PromiseModelRun::what_browser_sends(std::size_t number) {
  const Browser& browser = browsers_[number];
  std::vector<HadCookie> cookies{browser.cookie};
  std::string& value = cookies.front().value;
  if (chance(3)) {
    cookies.front() = {};
  } else if (!value.empty() && chance(3)) {
    char& one = any_of(value);
    one = one == 'A' ? 'B' : 'A';
    cookies.front().genuine.reset();
    count("forged cookie");
  }
  const Browser* const moved = any_who_was_moved(browser.pool);
  if (chance(moved == nullptr ? 15 : 40)) add_other_cookies(browser, moved, cookies);
  return cookies;
}

/// Adds earlier cookies of other paths, and one planted from a sister domain, in random order.
void PromiseModelRun::add_other_cookies(const Browser& browser, const Browser* moved,
                                        std::vector<HadCookie>& cookies) {
  cookies.insert(cookies.end(), browser.before.begin(), browser.before.end());
  const Browser& other = moved == nullptr ? any_of(browsers_) : *moved;
  if (other.pool == browser.pool && chance(30)) cookies.push_back(other.cookie);
  std::erase_if(cookies, [](const HadCookie& one) { return one.value.empty(); });
  std::ranges::shuffle(cookies, random_);
  if (cookies.size() > 1) count("several cookies");
}

plain::Page PromiseModelRun::any_page() {
  const std::array<std::string, 3> paths{"/", "/cart", "/cart/items"};
  return {"www.shop.test", any_of(paths)};
}

/// A user whose session was displaced and who has sent no request since.
const PromiseModelRun::Browser* PromiseModelRun::any_who_was_moved(const std::string& pool) const {
  for (const Browser& browser : browsers_) {
    if (browser.pool != pool || !browser.cookie.genuine) continue;
    const auto session = model_.sessions.find(browser.cookie.genuine->key);
    if (session != model_.sessions.end() && session->second.displaced) return &browser;
  }
  return nullptr;
}

void PromiseModelRun::arrive(std::size_t worker, std::size_t number,
                             std::vector<HadCookie> cookies) {
  auto request = std::make_unique<Request>();
  request->browser = number;
  request->page = any_page();
  request->sent = browsers_[number].jar.send(request->page, now());
  const auto& runtime = proxy_.fleet->workers[worker].runtime;
  request->plan = plans_.at(runtime->topology->version);
  // Where the rules allow both outcomes, the program decides; then only one cookie is sent.
  const auto open = std::ranges::find_if(cookies, [&](const HadCookie& one) {
    return one.genuine && model_.leaves_open(*request->plan, *one.genuine, now());
  });
  if (open != cookies.end()) cookies = {HadCookie(*open)};
  std::vector<std::string_view> values;
  for (const HadCookie& one : cookies) {
    if (!one.value.empty()) values.emplace_back(one.value);
  }
  request->real = proxy_.find_session(worker, browsers_[number].pool, values);
  look_at_doors(worker);
  request->binding = claim(*request, cookies);
  note("a request of " + std::to_string(number) + " at worker " + std::to_string(worker) +
       ", version " + std::to_string(request->plan->version));
  if (values.empty() && chance(20)) {
    request->real.decision = balancer::RouteDecision::exempt;
    count("request of no user");
  } else if (values.empty()) {
    count("new user");
  }
  check_known(*request, cookies);
  requests_.push_back(std::move(request));
}

plain::SessionBinding PromiseModelRun::claim(const Request& request,
                                             const std::vector<HadCookie>& cookies) {
  const session::SessionBinding& real = request.real.binding;
  const bool found = real.held.has_value();
  const std::string& pool = browsers_[request.browser].pool;
  std::vector<plain::SessionBinding> claims;
  for (const HadCookie& one : cookies) {
    claims.push_back(model_.find_session(*request.plan, pool, one.genuine,
                                         found ? plain::Found::yes : plain::Found::no, now(),
                                         proxy_.clock.wall()));
    const plain::SessionBinding& binding = claims.back();
    if (one.genuine) {
      note("with cookie " + std::to_string(one.genuine->key) + " of " + one.genuine->node +
           (binding.node.empty() ? "" : ", is of " + binding.node) +
           (binding.displaced ? ", displaced" : ""));
    }
  }
  const auto known = names_.find(real.key);
  return settle(request, std::move(claims), known == names_.end() ? 0 : known->second);
}

/// `followed`: the session that the program chose.
plain::SessionBinding PromiseModelRun::settle(const Request& request,
                                              std::vector<plain::SessionBinding> claims,
                                              plain::Key followed) {
  using Claim = plain::SessionBinding::Claim;
  const bool found = request.real.binding.held.has_value();
  if (claims.empty()) claims.emplace_back().pool = browsers_[request.browser].pool;
  plain::SessionBinding binding = model_.settle_claims(std::move(claims), followed, now());
  const bool held = binding.claim == Claim::session;
  if (held != found) complain(held ? "the session is not found" : "a session is found");
  if (binding.claim != Claim::none && binding.key != followed) {
    complain("of several cookies it follows " + std::to_string(followed) + " instead of " +
             std::to_string(binding.key));
  }
  if (held) count("returning user");
  if (binding.claim == Claim::ended) count("user whose session is over");
  if (binding.displaced) count("displaced user");
  return binding;
}

void PromiseModelRun::check_known(const Request& request, const std::vector<HadCookie>& cookies) {
  if (request.binding.claim != plain::SessionBinding::Claim::none) return;
  for (const HadCookie& one : cookies) {
    if (!one.genuine) continue;
    count("user of a node unknown to the worker");
    const auto session = model_.sessions.find(one.genuine->key);
    const bool is_on_it = session != model_.sessions.end() && session->second.recorded &&
                          !session->second.displaced && model_.present(session->second.node);
    if (is_on_it) complain("the worker does not know the node of a user's session");
  }
}

/// The next step of a worker's callback; other threads may run between the steps.
void PromiseModelRun::go_on(Request& request) {
  if (request.stage == Stage::arrived) return route(request);
  proxy_.send(request.real);
  request.open_on = request.node;
  request.stage = Stage::sent;
}

void PromiseModelRun::route(Request& request) {
  if (!proxy_.follows(request.real)) {
    request.plan = plans_.at(proxy_.fleet->workers[request.real.worker].runtime->topology->version);
    request.tried.clear();
    model_.follow(*request.plan, request.binding, now());
  }
  const bool holds = request.binding.claim == plain::SessionBinding::Claim::session;
  look_at_doors(request.real.worker);
  const auto own = holds ? std::optional(request.binding.node) : std::nullopt;
  // Another request of the user may have begun a new session meanwhile: then this one follows.
  const auto there = model_.sessions.find(request.binding.key);
  const std::string follows = there == model_.sessions.end() ? "" : there->second.node;
  const std::optional<std::string> to = proxy_.route(request.real);
  note("the request of " + std::to_string(request.browser) + " goes to " + to.value_or("nobody"));
  complain(model_.route(*request.plan, request.binding, request.tried, to, now()));
  if (to && to != own && *to != follows) complain(who_would_move(request, *to));
  if (!to) {
    count("503");
    return end(request);
  }
  if (request.binding.rescued) count("rescue");
  if (own && *to != *own) count("user moved");
  request.node = *to;
  request.stage = Stage::routed;
}

void PromiseModelRun::look_at_doors(std::size_t worker) {
  model_.opening = opening_at(worker);
  model_.shut_deferred.clear();
  model_.looked_at.clear();
  const balancer::Topology& topology = *proxy_.fleet->workers[worker].runtime->topology;
  for (const auto& pool : topology.pools) {
    for (const auto& view : pool.nodes) {
      const std::string& key = view.node->key();
      if (view.door == balancer::Door::shut) model_.looked_at.insert(key);
      if (view.state != balancer::NodeState::bleeding || view.door != balancer::Door::open)
        continue;
      if (topology.version < proxy_.fleet->delivered) complain(key + " takes new users for long");
      model_.shut_deferred.insert(key);
    }
  }
}

std::set<std::string> PromiseModelRun::opening_at(std::size_t worker) const {
  std::set<std::string> keys;
  for (const auto& pool : proxy_.fleet->workers[worker].runtime->topology->pools) {
    for (const auto& view : pool.nodes) {
      if (view.door == balancer::Door::opening) keys.insert(view.node->key());
    }
  }
  return keys;
}

std::string PromiseModelRun::who_would_move(const Request& request, const std::string& node) const {
  for (const real::Worker& worker : proxy_.fleet->workers) {
    const auto& topology = *worker.runtime->topology;
    if (topology.version >= request.plan->version) continue;
    const auto* const view = topology.find_node(node_id(node));
    if (view == nullptr) return "a user is put on " + node + ", which a worker does not know";
    if (view->door == balancer::Door::shut) {
      return "a user is put on " + node + ", which a worker still holds shut";
    }
  }
  return "";
}

void PromiseModelRun::fail_to_connect() {
  Request* const request = any_request(Stage::sent);
  if (request == nullptr) return;
  note(request->node + " is not reached");
  proxy_.leave_node(request->real);
  request->open_on.clear();
  request->tried.insert(request->node);
  request->stage = Stage::arrived;
  count("failed connect");
  if (chance(70)) route(*request);
}

void PromiseModelRun::close_all_requests() {
  for (std::size_t worker = 0; worker < proxy_.fleet->workers.size(); ++worker) {
    let_busy_worker_go_on(worker);
  }
  while (!requests_.empty()) end(*requests_.back());
  // A look-up may end a session that the next sweep would end. The sweep does so after kCatchUp.
  for (Millis passed{0}; passed <= plain::kCatchUp; passed += kStep) pass(kStep);
}

/// Some requests are aborted before they get a response.
void PromiseModelRun::finish() {
  Request* request = any_request(chance(95) ? Stage::answered : Stage::sent);
  if (request == nullptr) return;
  note("the request of " + std::to_string(request->browser) + " ends");
  if (request->stage == Stage::sent) count("cut exchange");
  end(*request);
}

void PromiseModelRun::end(const Request& request) {
  const auto found = std::ranges::find_if(
      requests_, [&request](const auto& one) { return one.get() == &request; });
  proxy_.finish((*found)->real);
  model_.release((*found)->binding, now());
  if (request.binding.pool == "club" && on_their_way_.size() < kMaxOnTheirWay && chance(30)) {
    on_their_way_.push_back({request.browser, request.page, request.sent});  // sent once more
  }
  requests_.erase(found);
}

}  // namespace bonedry::admin::test
