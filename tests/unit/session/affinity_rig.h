#pragma once

#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/affinity.h"
#include "session/mapped_ledger.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session::test {

using balancer::Claim;
using balancer::Door;
using balancer::NodeState;
using balancer::RouteDecision;

/// The outcome of one request.
struct Served {
  Claim claim = Claim::none;
  RouteDecision decision = RouteDecision::new_session;
  std::size_t node = 0;
  bool new_cookie = false;
};

/// Pool "shop" with alice, bob and carol, and the calls that a worker makes to its affinity.
class AffinityTest : public testing::Test {
 protected:
  static constexpr std::size_t kAlice = 0;
  static constexpr std::size_t kBob = 1;
  static constexpr std::size_t kCarol = 2;

  AffinityTest() {
    pool.config.name = "shop";
    pool.config.session.idle_timeout = std::chrono::minutes{20};
    pool.config.session.max_lifetime = std::chrono::hours{12};
    for (const char* name : {"alice", "bob", "carol"}) add_node(name);
    rebuild();
  }

  void add_node(const std::string& name) {
    balancer::NodeView& view = pool.nodes.emplace_back();
    view.slot = ledger.slot_of("shop/" + name);
    ledger.set_times(view.slot, {pool.config.session.idle_timeout, pool.config.session.idle_timeout,
                                 pool.config.session.max_lifetime});
    view.node = std::make_shared<balancer::Node>("shop", name, ledger.counts(view.slot));
  }

  /// Makes a new affinity, as a new topology does.
  void rebuild() { affinity = make_affinity(pool, secrets, ledger, clock); }

  void pass(Millis by) {
    clock.advance(by);
    while (ledger.sweep(clock.now())) continue;
  }

  void shut(std::size_t node, NodeState state = NodeState::bleeding) {
    pool.nodes[node].state = state;
    pool.nodes[node].door = Door::shut;
  }
  void bleed(std::size_t node) {
    pool.nodes[node].state = NodeState::bleeding;
    pool.nodes[node].door = Door::sessions_only;
  }
  void activate(std::size_t node) {
    pool.nodes[node].state = NodeState::active;
    pool.nodes[node].door = Door::open;
    pool.nodes[node].displaced = false;
  }
  /// Does what happens when the operator's deadline passes.
  void displace(std::size_t node) {
    shut(node);
    pool.nodes[node].displaced = true;
    ledger.displace(pool.nodes[node].slot);
  }
  void break_down(std::size_t node) { pool.nodes[node].node->set_health(balancer::Health::down); }

  SessionBinding arrive(std::string_view cookie) {
    const std::vector<std::string_view> values{cookie};
    return affinity->find_session(values, clock.now());
  }
  SessionBinding arrive(const std::vector<std::string_view>& cookies) {
    return affinity->find_session(cookies, clock.now());
  }

  /// A whole exchange. `cookie` is the browser's; `free_choice` is the node that the balancer would
  /// choose.
  Served serve(std::string& cookie, std::size_t free_choice) {
    SessionBinding binding =
        cookie.empty() ? affinity->find_session({}, clock.now()) : arrive(cookie);
    Served served;
    served.claim = binding.claim;
    served.node = free_choice;
    if (binding.claim != Claim::none) {
      const balancer::NodeView& claimed = pool.nodes[binding.node];
      const auto reachable =
          claimed.node->down(clock.now()) ? balancer::Reachable::no : balancer::Reachable::yes;
      served.decision =
          balancer::route(binding.claim, claimed, reachable, pool.config.session.on_lost);
      if (served.decision == RouteDecision::session_node) served.node = binding.node;
    }
    served.node = affinity->bind(binding, served.decision, served.node, clock.now());
    const std::string set_cookie = affinity->on_response(binding, served.node, {});
    if (!set_cookie.empty()) {
      cookie = value_of(set_cookie);
      served.new_cookie = true;
    }
    affinity->release(binding, clock.now());
    return served;
  }

  /// Handles the node's response to this request: a logout or not. Returns the Set-Cookie.
  std::string on_response(SessionBinding& binding, const ResponseCookies& answer) {
    return affinity->on_response(binding, binding.node, answer);
  }

  /// The value of a new cookie for the session of this binding, even if none is needed.
  std::string another_cookie(SessionBinding& binding) {
    binding.cookie = CookieUpdate::needed;
    return value_of(on_response(binding, {}));
  }

  /// The cookie of a user with a live session on this node.
  std::string user_on(std::size_t node) {
    std::string cookie;
    serve(cookie, node);
    EXPECT_EQ(serve(cookie, kCarol).node, node);
    return cookie;
  }

  static std::string value_of(const std::string& set_cookie) {
    const std::size_t from = set_cookie.find('=') + 1;
    return set_cookie.substr(from, set_cookie.find(';') - from);
  }

  /// The sessions on a node: "2 live, 1 pending".
  [[nodiscard]] std::string on(std::size_t node) const {
    const auto counts = pool.nodes[node].node->sessions().read();
    return std::to_string(counts.live) + " live, " + std::to_string(counts.pending) + " pending";
  }

  /// The counters of a node: "new 1, moved 0, rescued 0, late 0".
  [[nodiscard]] std::string counters(std::size_t node) const {
    const balancer::NodeCounters& all = pool.nodes[node].node->counters;
    return "new " + std::to_string(all.begun) + ", moved " + std::to_string(all.moved) +
           ", rescued " + std::to_string(all.rescued) + ", late " + std::to_string(all.late);
  }

  /// The cookie context of an exchange about this path, with a node whose clock is right.
  [[nodiscard]] CookieContext at(std::string_view path) const {
    return {"shop.test", path, clock.wall(), clock.wall()};
  }

  /// Checks that no exchange holds a session any more: idle sessions expire.
  void expect_nothing_held() {
    pass(std::chrono::hours{1});
    EXPECT_EQ(ledger.totals().sessions, 0U);
  }

  ManualClock clock;
  MappedLedger ledger{1000, clock.now()};
  balancer::PoolView pool;
  std::vector<std::string> secrets{"the secret of all these tests, 32+"};
  std::unique_ptr<Affinity> affinity;
};

}  // namespace bonedry::session::test
