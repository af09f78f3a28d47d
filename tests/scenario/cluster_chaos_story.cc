// Random sequences of everything that can happen to members and to the store during a bleed. How
// many, and the seed of the first: BONEDRY_SEQUENCES and BONEDRY_SEED.
#include "tests/scenario/cluster_story.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

constexpr Millis kChaosIdle{3000};

/// Where members can be asked; one that is killed or stopped answers nobody.
class Doors {
 public:
  void open(std::size_t member, std::string address) {
    const std::lock_guard lock{mutex_};
    addresses_[member] = std::move(address);
  }
  void shut(std::size_t member) { open(member, ""); }
  /// Empty: nowhere.
  [[nodiscard]] std::string address(std::size_t member) const {
    const std::lock_guard lock{mutex_};
    return addresses_[member];
  }

 private:
  mutable std::mutex mutex_;
  std::array<std::string, 3> addresses_;
};

/// What the users of one sequence have seen.
class Witnesses {
 public:
  void note_click(std::size_t user, const std::string& node, TestTime sent) {
    const std::lock_guard lock{mutex_};
    Seen& seen = seen_[user];
    // A busy machine may let a session end between two clicks.
    const bool over = sent > seen.last_sent + kChaosIdle - Millis{500};
    if (seen.home.empty() || over) seen.home = node;
    if (seen.home != node)
      complaints_ += "user " + std::to_string(user) + " was moved to " + node + "; ";
    seen.last_sent = std::max(seen.last_sent, sent);
  }
  void complain(const std::string& what) {
    const std::lock_guard lock{mutex_};
    complaints_ += what + "; ";
  }
  /// A member has said at this time that the node is dry.
  void note_dry(const std::string& node, TestTime asked, const std::string& who) {
    const std::lock_guard lock{mutex_};
    for (const auto& [user, seen] : seen_) {
      if (seen.home != node || seen.last_sent + kChaosIdle <= asked) continue;
      complaints_ +=
          who + " called " + node + " dry, but user " + std::to_string(user) + " was there; ";
    }
  }
  [[nodiscard]] std::string complaints() const {
    const std::lock_guard lock{mutex_};
    return complaints_;
  }

 private:
  struct Seen {
    std::string home;
    TestTime last_sent;
  };
  mutable std::mutex mutex_;
  std::map<std::size_t, Seen> seen_;
  std::string complaints_;
};

class ClusterChaosStory : public ClusterStory {
 protected:
  using Random = std::mt19937_64;

  static std::size_t below(Random& random, std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random);
  }
  static void pause(Random& random, int least, int most) {
    std::this_thread::sleep_for(Millis{std::uniform_int_distribution<int>{least, most}(random)});
  }

  /// A user who tries another member when one does not answer, as browsers and layer-4 balancers
  /// do.
  void shop(std::size_t number, std::uint64_t seed, TestTime until, Witnesses& witnesses) {
    Random random{seed};
    std::string cookie;
    while (TestClock::now() < until && !over_) {
      const std::size_t through = below(random, 3);
      const std::string address = doors_.address(through);
      if (address.empty()) continue;
      const TestTime sent = TestClock::now();
      try {
        User user{address};
        if (!cookie.empty()) user.set_cookie("bonedry", cookie);
        const Response response = user.send(Request{.target = "/"}, Millis{5000});
        cookie = user.cookie();
        // In doubt whether his node is dry, nobody moves him: he is asked to come again.
        const bool held = response.status == 503 && response.headers.has("Retry-After");
        if (response.status == 200) {
          witnesses.note_click(number, user.node(), sent);
        } else if (!held) {
          witnesses.complain("user " + std::to_string(number) + " got " +
                             std::to_string(response.status));
        }
      } catch (const SocketError&) {
        // A member that ends takes its connections along: the click is repeated at another one.
      }
      pause(random, 50, 600);
    }
  }

  void watch(Witnesses& witnesses) {
    while (!over_) {
      for (std::size_t i = 0; i < 3 && !over_; ++i) {
        if (doors_.address(i).empty()) continue;
        try {
          const TestTime asked = TestClock::now();
          const nlohmann::json status =
              nlohmann::json::parse(member(i).admin("status json", Millis{1000}));
          if (node_view(status, "alice").dry)
            witnesses.note_dry("alice", asked, "p" + std::to_string(i + 1));
        } catch (const std::exception&) {  // it was killed or stopped just now
        }
      }
      std::this_thread::sleep_for(Millis{50});
    }
  }

  // -- What happens to members and to the store

  void kill(std::size_t who, Random& random) {
    doors_.shut(who);
    member(who).kill9();
    pause(random, 100, 4000);
    come_back(who);
  }
  void leave(std::size_t who, Random& random) {
    doors_.shut(who);
    member(who).stop();
    pause(random, 0, 2000);
    come_back(who);
  }
  void come_back(std::size_t who) {
    member(who).start();
    doors_.open(who, member(who).address());
  }
  void freeze(std::size_t who, Random& random) {
    doors_.shut(who);
    member(who).pause();
    pause(random, 500, 6000);
    member(who).resume();
    doors_.open(who, member(who).address());
  }
  void cut_off(std::size_t who, Random& random) {
    ways_[who]->cut();
    pause(random, 100, 6000);
    ways_[who]->mend();
  }
  void slow_down(std::size_t who, Random& random) {
    ways_[who]->slow_down(Millis{static_cast<int>(below(random, 5000))});
    pause(random, 500, 6000);
    ways_[who]->slow_down(Millis{0});
  }
  void lose_messages(std::size_t who, Random& random) {
    ways_[who]->lose(10);
    pause(random, 500, 6000);
    ways_[who]->lose(0);
  }
  void kill_store(std::size_t, Random& random) {
    store_->kill();
    pause(random, 100, 5000);
    store_->start_empty();
  }
  void restart_store(std::size_t, Random&) {
    store_->kill();
    store_->start_empty();
  }
  void freeze_store(std::size_t, Random& random) {
    store_->freeze();
    pause(random, 500, 5000);
    store_->thaw();
  }

  struct Fault {
    const char* name;
    void (ClusterChaosStory::*happen)(std::size_t who, Random& random);
  };
  static constexpr std::array<Fault, 9> kFaults{{
      {"member killed", &ClusterChaosStory::kill},
      {"member left", &ClusterChaosStory::leave},
      {"member frozen", &ClusterChaosStory::freeze},
      {"member cut off", &ClusterChaosStory::cut_off},
      {"member slowed down", &ClusterChaosStory::slow_down},
      {"member lossy", &ClusterChaosStory::lose_messages},
      {"store killed", &ClusterChaosStory::kill_store},
      {"store restarted", &ClusterChaosStory::restart_store},
      {"store frozen", &ClusterChaosStory::freeze_store},
  }};

  void fault(Random& random, std::string& told) {
    const std::size_t who = below(random, 3);
    const Fault& fault = kFaults.at(below(random, kFaults.size()));
    told += std::string(fault.name) + " (" + std::to_string(who + 1) + "); ";
    (this->*fault.happen)(who, random);
  }

  /// Bleeds alice through whichever member takes the command.
  [[nodiscard]] bool order_anywhere(const std::string& line) const {
    return eventually(
        [&] {
          for (std::size_t i = 0; i < 3; ++i) {
            if (!member(i).admin(line, kDeadline * 2).starts_with("error: ")) return true;
          }
          return false;
        },
        kDeadline * 2);
  }

  void tell(std::uint64_t seed) {
    Random random{seed};
    Witnesses witnesses;
    std::string told;
    over_ = false;
    std::vector<std::thread> threads;
    const TestTime start = TestClock::now();
    for (std::size_t user = 0; user < 16; ++user) {
      const Millis stay{std::uniform_int_distribution<int>{3000, 14000}(random)};
      threads.emplace_back([this, user, seed, until = start + stay, &witnesses] {
        shop(user, seed * 100 + user, until, witnesses);
      });
    }
    std::this_thread::sleep_for(Millis{1000});
    EXPECT_TRUE(order_anywhere("bleed alice"));
    threads.emplace_back([this, &witnesses] { watch(witnesses); });
    while (TestClock::now() < start + Millis{12000}) {
      fault(random, told);
      pause(random, 0, 3000);
    }
    const bool dry = eventually(
        [this] {
          for (std::size_t i = 0; i < 3; ++i) {
            if (!node(i, alice_).dry) return false;
          }
          return true;
        },
        kDeadline * 4);
    std::string blocked;
    for (std::size_t i = 0; i < 3; ++i) blocked += member(i).admin("status") + "\n";
    over_ = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(witnesses.complaints(), "") << "seed " << seed << ": " << told;
    EXPECT_TRUE(dry) << "seed " << seed << ": " << told << "\n" << blocked;
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(node(i, alice_).state, "bleeding") << "p" << i + 1;
    EXPECT_TRUE(order_anywhere("activate alice"));
    EXPECT_TRUE(eventually([this] {
      for (std::size_t i = 0; i < 3; ++i) {
        if (node(i, alice_).state != "active") return false;
      }
      return true;
    }));
  }

  static std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  }

  Doors doors_;
  std::atomic<bool> over_{false};
};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterChaosStory, testing::Values(2U),
                         [](const auto&) { return "TwoWorkers"; });

TEST_P(ClusterChaosStory, NobodyIsMovedAndNoNodeIsDryTooEarly) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"3s\""}, {"silent_after = \"2s\""}));
  for (std::size_t i = 0; i < 3; ++i) doors_.open(i, member(i).address());
  const std::uint64_t first = number_in("BONEDRY_SEED", 1);
  const std::uint64_t count = number_in("BONEDRY_SEQUENCES", 1);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::cout << "BONEDRY_SEED=" << seed << std::endl;
    tell(seed);
  }
}

}  // namespace
}  // namespace bonedry::test
