// Few descriptors: clients must leave enough of them for connections to nodes and for operators.
#include "tests/scenario/story.h"

#include <sys/resource.h>

#include <csignal>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Clients = std::vector<std::unique_ptr<HttpClient>>;

class DescriptorStory : public ShopStory {
 protected:
  static constexpr unsigned kDescriptors = 256;

  DescriptorStory() {
    const auto slow = [this](NodeExchange& exchange) {
      (void)gate_.wait();
      exchange.respond(200, std::string(100'000, 'x'));  // long enough to be spliced through a pipe
    };
    alice_.on("/slow", slow);
    bob_.on("/slow", slow);
  }
  ~DescriptorStory() override { gate_.open(); }

  void launch_with_few(TestConfig config) {
    config.descriptors = kDescriptors;
    launch(std::move(config));
  }
  /// As many clients as bonedry admits; each has been served once.
  [[nodiscard]] Clients clients_until_full() const {
    Clients clients;
    for (unsigned i = 0; i < kDescriptors; ++i) {
      auto client = std::make_unique<HttpClient>(bonedry_->address());
      if (client->get("/").status != 200) return clients;
      clients.push_back(std::move(client));
    }
    ADD_FAILURE() << "it is never full";
    return clients;
  }
  [[nodiscard]] std::size_t at_nodes() const {
    return alice_.requests_for("/slow") + bob_.requests_for("/slow");
  }
  /// Sends a request from each at the same time, so that each needs its own connection to a node.
  void ask_slowly(const Clients& clients) const {
    const std::size_t before = at_nodes();
    for (const auto& client : clients) client->send(Request{.target = "/slow"}.to_wire());
    EXPECT_TRUE(eventually([&] { return at_nodes() == before + clients.size(); }))
        << at_nodes() - before << " of " << clients.size();
  }
  void expect_answers(const Clients& clients) const {
    gate_.open();
    for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
  }

  const Gate gate_;
};

INSTANTIATE_TEST_SUITE_P(Workers, DescriptorStory, worker_counts(), name_of_workers);

TEST_P(DescriptorStory, FullOfClientsItServesThemAndItsOperators) {
  launch_with_few(config());
  Clients clients = clients_until_full();
  EXPECT_GT(clients.size(), 40U);
  ask_slowly(clients);
  for (const std::string line :
       {"status", "bleed alice", "activate alice", "reload", "sessions alice", "events"}) {
    EXPECT_THAT(bonedry_->admin(line), Not(HasSubstr("error: "))) << line;
  }
  ASSERT_EQ(::kill(bonedry_->pid(), SIGUSR1), 0);
  bonedry_->upgrade();
  order("status");
  expect_answers(clients);
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
  EXPECT_THAT(bonedry_->out(), Not(HasSubstr("no_resources")));
}

TEST_P(DescriptorStory, WhoLeavesMakesRoomForOthers) {
  launch_with_few(config());
  Clients clients = clients_until_full();
  EXPECT_TRUE(bonedry_->says("too many connections for the descriptor limit"));
  const std::size_t full = clients.size();
  for (int turn = 0; turn < 3; ++turn) {
    clients.clear();
    ASSERT_TRUE(eventually([&] {
      clients = clients_until_full();
      return clients.size() == full;
    }));
  }
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
}

TEST_P(DescriptorStory, IdleConnectionsToOneNodeMakeRoomForAnother) {
  launch_with_few(config());
  order("bleed bob");
  Clients clients = clients_until_full();
  ask_slowly(clients);
  expect_answers(clients);
  EXPECT_EQ(alice_.requests_for("/slow"), clients.size());
  order("activate bob");
  order("bleed alice");
  const Gate second;
  bob_.on("/slow", [&second](NodeExchange& exchange) {
    (void)second.wait();
    exchange.respond(200, "slow");
  });
  ask_slowly(clients);  // no cookie: these are new users
  EXPECT_EQ(bob_.requests_for("/slow"), clients.size());
  order("status");
  second.open();
  for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
}

TEST_P(DescriptorStory, TooManyOperatorsAreToldSoAndTakeNothingFromClients) {
  launch_with_few(config());
  std::vector<Socket> operators;
  for (unsigned i = 0; i < kDescriptors / 2; ++i) {
    operators.push_back(Socket::connect_unix(bonedry_->socket_path()));
  }
  EXPECT_TRUE(eventually(
      [&] { return bonedry_->admin("status") == "error: too many admin connections\n"; }));
  const Clients clients = clients_until_full();
  EXPECT_GT(clients.size(), 40U);
  ask_slowly(clients);
  expect_answers(clients);
  operators.clear();
  EXPECT_TRUE(eventually([&] { return bonedry_->admin("version").starts_with("bonedry "); }));
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
}

TEST_P(DescriptorStory, ManyHealthChecksTakeTheirTurn) {
  TestConfig many = config();
  many.pools[0].health = {"interval = \"100ms\"", "timeout = \"200ms\"", "rise = 1"};
  std::list<SilentPort> silent;
  for (int i = 0; i < 60; ++i) {
    many.pools[0].nodes.emplace_back("n" + std::to_string(i), silent.emplace_back().address());
  }
  launch_with_few(many);
  const Clients clients = clients_until_full();
  order("status");
  EXPECT_TRUE(eventually([&] { return node(alice_).health == "up" && node(bob_).health == "up"; }));
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
}

TEST_P(DescriptorStory, TooFewToServeAreAnError) {
  TestConfig hopeless = config();
  hopeless.descriptors = 40;
  try {
    launch(hopeless);
    ADD_FAILURE() << "it starts";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a limit of 40 descriptors is too low"));
  }
}

TEST_P(DescriptorStory, AnotherLimitIsFollowedWhileItRuns) {
  launch(config());
  rlimit before{};
  ASSERT_EQ(::prlimit(bonedry_->pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit few{kDescriptors, before.rlim_max};
  ASSERT_EQ(::prlimit(bonedry_->pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  ASSERT_TRUE(bonedry_->says("the descriptor limit is now 256"));
  Clients clients = clients_until_full();
  EXPECT_GT(clients.size(), 40U);
  ask_slowly(clients);
  order("status");
  expect_answers(clients);
  ASSERT_EQ(::prlimit(bonedry_->pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_TRUE(eventually([&] {
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    return clients.back()->get("/").status == 200;
  }));
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("Too many open files")));
}

}  // namespace
}  // namespace bonedry::test
