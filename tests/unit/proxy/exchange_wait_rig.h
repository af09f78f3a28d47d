#pragma once

#include "session/sealed_cookie.h"
#include "tests/unit/proxy/exchange_rig.h"
#include "tests/unit/proxy/scripted_members.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::proxy::test {

using balancer::Door;
using balancer::NodeState;
using session::Answer;
using session::SessionKey;

/// An exchange of a proxy that is a member of a cluster.
class ExchangeWaitTest : public ExchangeTest {
 protected:
  static constexpr const char* kPage = "GET /x HTTP/1.1\r\n";
  static constexpr const char* kPost = "POST /x HTTP/1.1\r\nContent-Length: 5\r\n";
  static constexpr SessionKey kUser{11, 22};
  static constexpr std::size_t kCarol = 2;

  ExchangeWaitTest() { inquiries_ = &inquiries; }

  /// A third node.
  void add_carol() {
    balancer::NodeView& view = pool_.nodes.emplace_back();
    view.slot = ledger().slot_of("shop/carol");
    ledger().set_times(view.slot, {Millis{60'000}, Millis{60'000}, Millis{600'000}});
    view.node = std::make_shared<balancer::Node>("shop", "carol", ledger().counts(view.slot));
    nodes_.emplace_back("carol", log);
    republish();
  }
  void set_door(std::size_t index, NodeState state, Door door) {
    pool_.nodes[index].state = state;
    pool_.nodes[index].door = door;
    republish();
  }
  void hold(std::size_t index) { set_door(index, NodeState::bleeding, Door::held); }

  /// The cookie that another member has given to a user whom it has put on this node.
  [[nodiscard]] std::string cookie_on(std::size_t index, const SessionKey& key = kUser) {
    session::CookieSealer sealer(secrets, "shop");
    const auto value = sealer.seal({key, sealer.node_key(0, node(index).name()), wall()});
    return pool_.config.session.cookie + "=" + std::string(value.data(), value.size());
  }
  /// A new request on the same connection.
  void ask_with(const std::string& cookies, const std::string& head = kPage) {
    exchange.reset();
    client.pause(PauseReason::no_node);
    log.clear();
    ask(head + "Cookie: " + cookies + "\r\n");
  }
  /// What the members' statements do: the ledger has a session of another member now.
  void adopt(std::size_t index, const SessionKey& key = kUser) {
    const auto opened =
        ledger().begin(key, 0, pool_.nodes[index].slot, session::SessionState::live, now(), now());
    ledger().close(opened.ref, now());
  }

  [[nodiscard]] std::int64_t live_on(std::size_t index) {
    return node(index).sessions().read().live;
  }
  [[nodiscard]] std::int64_t sessions_on(std::size_t index) {
    return node(index).sessions().read().all();
  }
  /// Checks that no exchange holds a session any more: idle sessions expire.
  void expect_nothing_held() {
    EXPECT_EQ(node(kAlice).exchanges_open() + node(kBob).exchanges_open(), 0);
    pass(2min);
    while (ledger().sweep(now())) continue;
    EXPECT_EQ(ledger().totals().sessions, 0U);
  }

  const std::vector<std::string> secrets{"a secret of at least thirty-two characters"};
  ScriptedMembers members;
  Inquiries inquiries{members};
};

}  // namespace bonedry::proxy::test
