// Three proxies whose users choose one anew for every click. What they tell each other is late,
// comes twice, and overtakes what others say; in the end all agree on who is where.

#include "tests/unit/session/cluster_board.h"
#include "tests/unit/session/cluster_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::session {
namespace {

using test::Board;
using test::key_of;
using test::seconds;

constexpr int kClusterSteps = 20'000;
constexpr std::size_t kClusterMembers = 3;
constexpr std::size_t kClusterNodes = 3;
constexpr std::size_t kClusterUsers = 40;
constexpr SessionTimes kClusterTimes{seconds{120}, seconds{60}, std::chrono::hours{24}};
constexpr Millis kRounding{6'000 + 200};  // a twentieth of the idle time-out, and the ticks
constexpr int kMaxRounds = 20;            // until nobody has anything to say any more

/// A member, and what it has still to send and to read.
struct Proxy {
  /// Nodes are claimed in another order by each member, so that their slots differ.
  Proxy(const Clock& clock, std::size_t capacity, std::size_t number)
      : ledger(capacity, clock.now()), cluster(ledger, clock), slots(kClusterNodes) {
    for (std::size_t i = 0; i < kClusterNodes; ++i) {
      const std::size_t node = (number + i) % kClusterNodes;
      slots[node] = ledger.slot_of("shop/" + std::to_string(node));
      ledger.set_times(slots[node], kClusterTimes);
    }
  }
  [[nodiscard]] NodeSlot node_of(NodeSlot slot) const {
    return static_cast<NodeSlot>(std::ranges::find(slots, slot) - slots.begin());
  }

  MappedLedger ledger;
  ClusterLedger cluster;
  std::vector<NodeSlot> slots;  // by node
  std::deque<std::vector<SessionChange>> unsent;
  std::deque<std::vector<SessionChange>> sent;  // the last ones, which may be sent again
  std::size_t read = 0;                         // of the board's news
};

struct User {
  std::uint64_t value;
};

class ClusterWorld {
 public:
  ClusterWorld(std::size_t capacity, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kClusterMembers; ++i) {
      proxies_.push_back(std::make_unique<Proxy>(clock_, capacity, i));
    }
    while (users_.size() < kClusterUsers) users_.push_back({++last_value_});
  }

  void step() {
    pass(Millis{pick(1, 400)});
    const std::int64_t dice = pick(0, 999);
    Proxy& proxy = any(proxies_);
    if (dice < 450) return visit(proxy, any(users_));
    if (dice < 550) return close_one();
    if (dice < 700) return collect(proxy);
    if (dice < 830) return send(proxy);
    if (dice < 960) return read(proxy, static_cast<std::size_t>(pick(1, 10)));
    if (dice < 975) return send_again(proxy);
    if (dice < 990) return read_again(proxy);
    if (dice < 995) return tell_all(proxy);
    (void)proxy.ledger.displace(any(proxy.slots));
  }

  /// Until nobody has anything to say; returns what is wrong.
  std::string settle() {
    for (int round = 0; round < kMaxRounds; ++round) {
      said_ = 0;
      for (const auto& proxy : proxies_) {
        collect(*proxy);
        while (!proxy->unsent.empty()) send(*proxy);
      }
      for (const auto& proxy : proxies_) read(*proxy, SIZE_MAX);
      if (said_ == 0) return differences();
    }
    return "they never come to an end";
  }

  /// Everybody leaves.
  std::string finish() {
    while (!held_.empty()) close_one();
    for (int minute = 0; minute < 10; ++minute) {
      pass(seconds{60});
      if (const std::string wrong = settle(); !wrong.empty()) return wrong;
    }
    if (!board_.sessions().empty()) return "somebody is still on the board";
    for (const auto& proxy : proxies_) {
      for (const NodeSlot slot : proxy->slots) {
        if (proxy->ledger.counts(slot).read().all() != 0) return "somebody is still counted";
      }
      if (proxy->ledger.totals().sessions != 0) return "somebody is still in a ledger";
    }
    return "";
  }

 private:
  struct Held {
    Proxy* proxy;
    SessionRef ref;
  };

  std::int64_t pick(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }
  template <class T>
  T& any(std::vector<T>& all) {
    return all[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(all.size()) - 1))];
  }
  Proxy& any(std::vector<std::unique_ptr<Proxy>>& all) { return *any<std::unique_ptr<Proxy>>(all); }
  bool chance(int percent) { return pick(0, 99) < percent; }
  [[nodiscard]] Instant now() const { return clock_.now(); }

  void pass(Millis by) {
    clock_.advance(by);
    for (const auto& proxy : proxies_) {
      while (proxy->ledger.sweep(now())) continue;
    }
  }

  void visit(Proxy& proxy, User& user) {
    const OpenedSession session = open(proxy, user.value);
    if (session.displaced || chance(5)) {
      (void)proxy.ledger.move(session.ref, session.node, any(proxy.slots));
    }
    if (chance(4)) {
      log_out(proxy, user, session);
    }
    held_.push_back({&proxy, session.ref});
    if (chance(80)) close(held_.size() - 1);
  }

  void log_out(Proxy& proxy, User& user, const OpenedSession& session) {
    proxy.ledger.end(session.ref);
    if (chance(80)) user.value = ++last_value_;
  }

  /// As a worker does with a cookie: one that is not known here is asked for.
  OpenedSession open(Proxy& proxy, std::uint64_t value) {
    const SessionKey key = key_of(value);
    if (const auto opened = proxy.ledger.open_verified(key, now())) return *opened;
    if (const Board::Entry* const entry = board_.find(key)) {
      const SessionKey session = board_.resolve(key);
      proxy.cluster.adopt({session, 0, proxy.slots[entry->node], entry->state, entry->created,
                           entry->placed, entry->ends},
                          now());
      if (session != key) proxy.cluster.alias_remote(key, session, now());
      if (const auto opened = proxy.ledger.open_verified(key, now())) return *opened;
    }
    const SessionState state = chance(50) ? SessionState::live : SessionState::pending;
    return proxy.ledger.begin(key, 0, any(proxy.slots), state, now(), now());
  }

  void close_one() {
    if (!held_.empty()) close(static_cast<std::size_t>(pick(0, std::ssize(held_) - 1)));
  }
  void close(std::size_t index) {
    const Held held = held_[index];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
    held.proxy->ledger.close(held.ref, now());
  }

  void collect(Proxy& proxy) {
    std::vector<SessionChange> changes;
    while (proxy.cluster.collect(changes, 16, now())) continue;
    put(proxy, std::move(changes));
  }
  void tell_all(Proxy& proxy) {
    std::vector<SessionChange> changes;
    for (std::size_t part = 0; part < proxy.cluster.parts(); ++part) {
      proxy.cluster.collect_all(part, changes, now());
    }
    put(proxy, std::move(changes));
  }
  void put(Proxy& proxy, std::vector<SessionChange> changes) {
    said_ += changes.size();
    for (SessionChange& change : changes) change.node = proxy.node_of(change.node);
    if (!changes.empty()) proxy.unsent.push_back(std::move(changes));
  }

  void send(Proxy& proxy) {
    if (proxy.unsent.empty()) return;
    const std::vector<SessionChange> batch = std::move(proxy.unsent.front());
    proxy.unsent.pop_front();
    send(proxy, batch);
    proxy.sent.push_back(batch);
    if (proxy.sent.size() > 4) proxy.sent.pop_front();
  }
  void send(Proxy& proxy, const std::vector<SessionChange>& batch) {
    for (const SessionChange& change : batch) {
      for (const Board::News& news : board_.apply(change, now())) hear(proxy, news);
    }
  }
  /// Its answer was lost.
  void send_again(Proxy& proxy) {
    if (!proxy.sent.empty()) send(proxy, proxy.sent.front());
  }

  void read(Proxy& proxy, std::size_t max) {
    const std::size_t end = proxy.read + std::min(max, board_.news().size() - proxy.read);
    said_ += end - proxy.read;
    while (proxy.read < end) hear(proxy, board_.news()[proxy.read++]);
  }
  static void read_again(Proxy& proxy) { proxy.read -= std::min<std::size_t>(proxy.read, 20); }

  void hear(Proxy& proxy, const Board::News& news) {
    using Kind = Board::News::Kind;
    switch (news.kind) {
      case Kind::moved:
        return proxy.cluster.place(news.key, proxy.slots[news.node], news.at, now());
      case Kind::left:
        return proxy.cluster.end_remote(news.key, news.at, now());
      case Kind::renewed:
        if (began_after(proxy, news)) return;
        return proxy.cluster.renew_remote(news.key, news.other, now());
      case Kind::aliased:
        return proxy.cluster.alias_remote(news.key, news.other, now());
    }
  }

  /// The value that was renewed is one of another session by now.
  [[nodiscard]] bool began_after(Proxy& proxy, const Board::News& news) const {
    const auto known = proxy.cluster.look(news.key, now());
    return known && known->created > news.at;
  }

  std::string differences() {
    std::ostringstream wrong;
    for (std::size_t number = 0; number < proxies_.size(); ++number) {
      Proxy& proxy = *proxies_[number];
      for (std::size_t part = 0; part < proxy.ledger.parts(); ++part) {
        proxy.ledger.for_each(part, [&](NodeSlot slot, const SessionInfo& is) {
          wrong << difference(proxy.node_of(slot), is);
        });
      }
      for (const auto& [key, ended] : board_.ended()) {
        const auto known = proxy.cluster.look(key, now());
        if (known && known->created <= ended) wrong << key.low << " has left; ";
      }
      if (!wrong.str().empty()) return "member " + std::to_string(number) + ": " + wrong.str();
    }
    return "";
  }
  /// Between a session in a ledger and what the board says of it.
  std::string difference(NodeSlot node, const SessionInfo& is) const {
    const std::string who = std::to_string(is.key.low);
    const Board::Entry* const entry = board_.find(is.key);
    if (entry == nullptr) return who + " is not on the board; ";
    if (entry->node != node) {
      return who + " is on " + std::to_string(node) + ", for the others on " +
             std::to_string(entry->node) + "; ";
    }
    const Instant ends = is.ends == kNeverEnds ? now() : is.ends;
    if (entry->ends < ends) return who + " ends later than the others know; ";
    return "";
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  Board board_{kRounding};
  std::vector<std::unique_ptr<Proxy>> proxies_;
  std::vector<User> users_;
  std::vector<Held> held_;
  std::uint64_t last_value_ = 0;
  std::size_t said_ = 0;
};

/// Random for each run; BONEDRY_SEED=N repeats a run.
std::uint64_t cluster_seed() {
  const char* const wanted = std::getenv("BONEDRY_SEED");
  if (wanted != nullptr) return std::strtoull(wanted, nullptr, 10);
  return std::random_device{}();
}

/// The capacity determines the number of shards.
class ClusterModelTest : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(Capacities, ClusterModelTest, testing::Values(1'000U, 100'000U));

TEST_P(ClusterModelTest, WheneverTheyHaveHeardEverythingAllAgreeOnWhoIsWhere) {
  const std::uint64_t seed = cluster_seed();
  std::cout << "BONEDRY_SEED=" << seed << "\n";
  ClusterWorld world(GetParam(), seed);
  for (int i = 1; i <= kClusterSteps; ++i) {
    world.step();
    if (i % 100 != 0) continue;
    ASSERT_EQ(world.settle(), "") << "step " << i << ", BONEDRY_SEED=" << seed;
  }
  EXPECT_EQ(world.finish(), "") << "BONEDRY_SEED=" << seed;
}

}  // namespace
}  // namespace bonedry::session
