#pragma once

#include "tests/support/bonedry_process.h"
#include "tests/support/checksum.h"
#include "tests/support/fake_node.h"
#include "tests/support/http_client.h"
#include "tests/support/user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {

/// Each story runs with one worker and with four: what holds for one thread must hold for several.
class Story : public testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] static unsigned workers() { return GetParam(); }
};

/// Two nodes, Alice and Bob, and a proxy in front of them once `launch` has started it.
class ShopStory : public Story {
 protected:
  [[nodiscard]] TestConfig config(std::vector<std::string> session = {},
                                  std::vector<std::string> pool = {}) const {
    return shop(workers(), {alice_, bob_}, std::move(session), std::move(pool));
  }

  void launch(TestConfig config) { bonedry_ = std::make_unique<BonedryProcess>(std::move(config)); }

  /// A user whose first click has reached this node: a pending session. Other pending sessions may
  /// have begun on other nodes before.
  [[nodiscard]] User new_user_on(const FakeNode& node) const {
    for (int i = 0; i < 100; ++i) {
      User user{bonedry_->address()};
      user.click();
      if (user.node() == node.name()) return user;
    }
    throw std::runtime_error("no new user lands on " + node.name());
  }

  /// A user who has sent the cookie back: a live session.
  [[nodiscard]] User live_user_on(const FakeNode& node) const {
    User user = new_user_on(node);
    user.click();
    return user;
  }

  /// Users with live sessions on alice, and none on bob.
  [[nodiscard]] std::vector<User> live_users_on_alice(int count) const {
    order("bleed bob");
    std::vector<User> users;
    for (int i = 0; i < count; ++i) {
      users.emplace_back(bonedry_->address()).click();
      users.back().click();
      EXPECT_EQ(users.back().node(), "alice");
    }
    order("activate bob");
    return users;
  }

  [[nodiscard]] NodeView node(const FakeNode& node) const { return bonedry_->node(node.name()); }
  [[nodiscard]] Ctl ctl() const { return Ctl{*bonedry_}; }
  /// Sends a command, which must succeed.
  void order(const std::string& line) const {
    const std::string answer = bonedry_->admin(line);
    EXPECT_FALSE(answer.starts_with("error: ")) << line << " got " << answer;
  }
  [[nodiscard]] std::int64_t open_exchanges() const {
    return node(alice_).exchanges_open + node(bob_).exchanges_open;
  }
  /// An exchange may still be counted for a moment after its client has the whole response.
  [[nodiscard]] bool eventually_idle() const {
    return eventually([this] { return open_exchanges() == 0; });
  }
  [[nodiscard]] bool eventually_dry(const FakeNode& which, Millis deadline = kDeadline) const {
    return eventually([&] { return node(which).dry; }, deadline);
  }

  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

/// One, and four where the theme is about what workers share: see bonedry_story in CMakeLists.txt.
inline auto worker_counts() {
#ifdef BONEDRY_ONE_WORKER
  return testing::Values(1U);
#else
  return testing::Values(1U, 4U);
#endif
}

inline std::string name_of_workers(const testing::TestParamInfo<unsigned>& info) {
  return info.param == 1 ? "OneWorker" : "FourWorkers";
}

}  // namespace bonedry::test
