// A kernel that refuses to watch more descriptors (fs.epoll.max_user_watches, or out of memory):
// new clients are turned away, and no others notice. A separate program, because the seccomp filter
// applies for good to this process and to every process that it starts.
#include "tests/scenario/story.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

/// More descriptors than a process has open before it serves.
constexpr unsigned kWatched = 100;

/// From now on descriptors from `kWatched` up cannot be added to an epoll set.
bool refuse_watches() {
  std::array<sock_filter, 8> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EPOLL_CTL_ADD, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kWatched, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class UnwatchedStory : public ShopStory {
 protected:
  void SetUp() override {
    if (!refuse_watches()) GTEST_SKIP() << "no seccomp filters here";
    launch(config());
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, UnwatchedStory, worker_counts(), name_of_workers);

/// The status of the response; 0: the connection was closed without one.
int ask(HttpClient& client) {
  try {
    return client.get("/").status;
  } catch (const std::exception&) {
    return 0;
  }
}

int click(User& user) {
  try {
    return user.click().status;
  } catch (const std::exception&) {
    return 0;
  }
}

TEST_P(UnwatchedStory, AClientIsTurnedAwayAndTheOthersDoNotNotice) {
  std::vector<std::unique_ptr<User>> served;
  int turned_away = 0;
  for (int i = 0; i < 200 && turned_away < 20; ++i) {
    auto user = std::make_unique<User>(bonedry_->address());
    const int status = click(*user);
    if (status == 200) {
      served.push_back(std::move(user));
      continue;
    }
    EXPECT_TRUE(status == 503 || status == 0) << status;
    ++turned_away;
  }
  ASSERT_EQ(turned_away, 20);
  ASSERT_GT(served.size(), 5U);
  EXPECT_TRUE(bonedry_->running());
  EXPECT_TRUE(bonedry_->says("fs.epoll.max_user_watches"));
  EXPECT_EQ(alice_.requests_for("/") + bob_.requests_for("/"), served.size())
      << "what is refused was not done";
  // Each worker still has a connection to its own node, but could not open one to the other.
  for (const auto& user : served) EXPECT_EQ(click(*user), 200) << "old work goes on";
  EXPECT_TRUE(bonedry_->admin("status").starts_with("error: bonedry is out of resources"));
  served.clear();
  EXPECT_TRUE(eventually([this] {
    HttpClient client{bonedry_->address()};
    return ask(client) == 200;
  })) << "there is room again";
  EXPECT_TRUE(eventually_idle());
  EXPECT_NE(node(alice_).health, "down");
}

TEST_P(UnwatchedStory, WhoNeedsAConnectionToANodeIsToldAndMayAskAgain) {
  const Gate gate;
  const auto slow = [&gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "slow");
  };
  alice_.on("/slow", slow);
  bob_.on("/slow", slow);
  std::vector<std::unique_ptr<HttpClient>> clients;
  while (bonedry_->open_descriptors() < kWatched - 10) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    ASSERT_EQ(ask(*clients.back()), 200);
  }
  for (const auto& client : clients) client->send(Request{.target = "/slow"}.to_wire());
  const auto refused = [&] {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients, [](const auto& client) { return client->socket().wait_readable(Millis{0}); }));
  };
  EXPECT_TRUE(eventually([&] {
    return refused() + alice_.requests_for("/slow") + bob_.requests_for("/slow") >= clients.size();
  }));
  const std::size_t without = refused();
  EXPECT_GT(without, 0U);
  EXPECT_LT(without, clients.size());
  gate.open();
  std::size_t count_503 = 0;
  for (const auto& client : clients) {
    const int status = client->read_response().status;
    EXPECT_TRUE(status == 200 || status == 503) << status;
    count_503 += status == 503 ? 1 : 0;
  }
  EXPECT_EQ(count_503, without);
  EXPECT_TRUE(eventually(
      [this] { return bonedry_->out().find(R"("end":"no_resources")") != std::string::npos; }));
  // Where a worker has no connection to a node, it needs room for one: some clients leave.
  clients.resize(clients.size() / 2);
  for (const auto& client : clients) {
    EXPECT_TRUE(eventually([&] { return ask(*client) == 200; }));
  }
  clients.clear();
  ASSERT_TRUE(eventually([&] { return bonedry_->open_descriptors() < kWatched - 20; }));
  EXPECT_TRUE(eventually_idle());
}

}  // namespace
}  // namespace bonedry::test
