// Another program takes over in full operation: no request is refused, no session is miscounted,
// and what the new process decides also holds for clients that the old one still serves.
#include "tests/scenario/story.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

const int kUpgrades = kSanitized ? 5 : 20;
constexpr int kThreads = 8;
constexpr int kUsersEach = 25;

class UpgradeStory : public ShopStory {
 protected:
  /// Idle connections are closed soon, so that an old process does not stay for a minute.
  [[nodiscard]] TestConfig quick() const {
    TestConfig shop = config();
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"1s\""};
    return shop;
  }
  [[nodiscard]] std::int64_t live() const {
    const auto status = bonedry_->status();
    return node_view(status, "alice").live + node_view(status, "bob").live;
  }
  [[nodiscard]] bool eventually_event(const std::string& text) const {
    return eventually([&] { return bonedry_->admin("events").find(text) != std::string::npos; });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, UpgradeStory, worker_counts(), name_of_workers);

/// Repeats an action in a thread of its own, until it is destroyed.
class Busy {
 public:
  /// `once` gets the number of runs so far, and returns whether it succeeded.
  explicit Busy(std::function<bool(std::size_t turn)> once)
      : thread_([this, once = std::move(once)] {
          for (std::size_t turn = 0; !home_; ++turn) {
            if (!went_well(once, turn)) ++failures_;
            ++count_;
          }
        }) {}
  ~Busy() {
    home_ = true;
    thread_.join();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  static bool went_well(const std::function<bool(std::size_t)>& once, std::size_t turn) {
    try {
      return once(turn);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
      return false;
    }
  }

  std::atomic<bool> home_{false};
  std::atomic<int> count_{0};
  std::atomic<int> failures_{0};
  std::thread thread_;
};

/// A click that is served by the user's node.
bool click_where_they_are(User& user) {
  const std::string before = user.node();
  return user.click().status == 200 && user.node() == before;
}

TEST_P(UpgradeStory, TwoHundredBusyUsersNoticeNothing) {
  launch(config());
  std::vector<User> users;
  for (int i = 0; i < kThreads * kUsersEach; ++i) {
    users.emplace_back(bonedry_->address()).click();
    users.back().click();
  }
  std::vector<std::unique_ptr<Busy>> crowds;
  for (std::size_t i = 0; i < kThreads; ++i) {
    crowds.push_back(std::make_unique<Busy>([&users, first = i * kUsersEach](std::size_t turn) {
      return click_where_they_are(users[first + turn % kUsersEach]);
    }));
  }
  std::atomic<bool> over{false};
  std::thread counting([&] {
    while (!over) EXPECT_EQ(live(), kThreads * kUsersEach);
  });
  for (int round = 0; round < kUpgrades; ++round) {
    const int before = crowds.front()->count();
    EXPECT_TRUE(eventually([&] { return crowds.front()->count() > before + kUsersEach; }));
    bonedry_->upgrade();
    EXPECT_TRUE(bonedry_->predecessor_ends()) << "the process of before stays";
  }
  over = true;
  counting.join();
  for (const auto& crowd : crowds) EXPECT_EQ(crowd->failures(), 0) << "of " << crowd->count();
  crowds.clear();
  EXPECT_EQ(live(), kThreads * kUsersEach);
  EXPECT_TRUE(eventually_event("the previous process has exited"));
}

TEST_P(UpgradeStory, ABleedGoesOnAndIsObeyedByBothProcesses) {
  launch(config());
  User ann = live_user_on(alice_);
  HttpClient stranger(bonedry_->address());  // without a cookie: a new user each time
  for (int i = 0; i < 4; ++i) EXPECT_EQ(stranger.get("/").status, 200);
  bonedry_->upgrade();
  EXPECT_FALSE(bonedry_->predecessor_ends(Millis{0})) << "two clients are connected to it";
  order("bleed alice");
  const Response late = stranger.get("/");
  EXPECT_EQ(late.headers.get("X-Node"), "bob") << "the process of before lets nobody onto alice";
  EXPECT_TRUE(late.headers.has_token("Connection", "close"));
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(UpgradeStory, ANodeIsNotDryWhileTheProcessOfBeforeHasAnExchangeOnIt) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  });
  launch(config({"idle_timeout = \"300ms\"", "pending_timeout = \"300ms\""}));
  order("bleed bob");
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 1; }));
  order("activate bob");
  bonedry_->upgrade();
  EXPECT_EQ(node(alice_).exchanges_open, 1) << "both processes are counted";
  order("bleed alice");
  EXPECT_TRUE(eventually([this] {
    return node(alice_).dry_blocked_by == std::vector<std::string>{"1 open exchange"};
  })) << "nothing else keeps her from being dry";
  std::this_thread::sleep_for(Millis{500});  // several checks for dryness
  EXPECT_FALSE(node(alice_).dry);
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(eventually_idle());
  EXPECT_TRUE(eventually_dry(alice_));
}

/// Whether bytes have arrived that were not read yet.
bool hears_something(HttpClient& client) {
  char byte = 0;
  return ::recv(client.socket().fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

TEST_P(UpgradeStory, WhoIsBeingAnsweredMayAskOnceMore) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", "2"}}));
    (void)gate.wait();
    exchange.send("ok");
  });
  launch(config());
  order("bleed bob");
  const std::string second = Request{.method = "POST", .body = "hi"}.to_wire();
  HttpClient patient(bonedry_->address());
  HttpClient hasty(bonedry_->address());
  for (HttpClient* const client : {&patient, &hasty}) {
    client->send(Request{.target = "/long"}.to_wire());
    EXPECT_TRUE(eventually([client] { return hears_something(*client); }));
  }
  hasty.send(second);
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_drains());
  gate.open();
  for (HttpClient* const client : {&patient, &hasty}) {
    const Response first = client->read_response();
    EXPECT_EQ(first.body, "ok");
    EXPECT_FALSE(first.headers.has_token("Connection", "close"));
  }
  patient.send(second);
  for (HttpClient* const client : {&patient, &hasty}) {
    const Response answer = client->read_response("POST");
    EXPECT_EQ(answer.status, 200) << "the connection was promised another answer";
    EXPECT_TRUE(answer.headers.has_token("Connection", "close"));
  }
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(UpgradeStory, WhatIsDecidedLaterReachesTheProcessOfBefore) {
  launch(config());
  User ann = live_user_on(alice_);
  bonedry_->upgrade();
  order("bleed alice");
  order("maintain alice --force");
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "bob") << "moved by the process of before, to which she is connected";
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(node(bob_).live, 1);
}

TEST_P(UpgradeStory, ANodeThatIsAddedIsKnownToTheProcessOfBefore) {
  FakeNode carol("carol");
  TestConfig shop = config();
  launch(shop);
  HttpClient old_connection(bonedry_->address());
  EXPECT_EQ(old_connection.get("/").status, 200);
  bonedry_->upgrade();
  shop.pools[0].nodes.emplace_back(carol);
  bonedry_->configure(shop);
  order("reload");
  order("bleed alice");
  order("bleed bob --force");
  User carl(bonedry_->address());
  carl.click();
  ASSERT_EQ(carl.node(), "carol");
  // The old process, which has this connection, started without this node.
  const Response answer = old_connection.get("/", {{"Cookie", "bonedry=" + carl.cookie()}});
  EXPECT_EQ(answer.headers.get("X-Node"), "carol");
  EXPECT_EQ(node(carol).live, 1);
}

TEST_P(UpgradeStory, AWaitThatWasBegunBeforeEndsWhenTheNodeIsDry) {
  launch(config({"idle_timeout = \"1s\"", "pending_timeout = \"1s\""}));
  User ann = live_user_on(alice_);
  order("bleed alice");
  RunResult result;
  std::thread waiting([&] { result = ctl().run({"wait", "alice", "--timeout", "20s"}); });
  EXPECT_EQ(ann.click().status, 200);
  bonedry_->upgrade();
  EXPECT_EQ(ann.click().status, 200);
  waiting.join();
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_TRUE(node(alice_).dry);
}

TEST_P(UpgradeStory, OneThatCannotStartChangesNothing) {
  launch(config());
  User ann = live_user_on(alice_);
  const FakeNode other("other");  // keeps its port free of other listeners
  TestConfig wrong = config();
  wrong.pools[0].listener = {"[[listener]]", "address = \"" + other.address() + "\"",
                             "pool = \"shop\""};
  bonedry_->configure(wrong);
  EXPECT_THAT(bonedry_->admin("upgrade"),
              AllOf(HasSubstr("error: the upgrade failed: cannot listen on"),
                    HasSubstr("this process keeps running")));
  order("bleed alice");
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_EQ(User(bonedry_->address()).click().headers.get("X-Node"), "bob");
  write_file(bonedry_->config_path(), "nonsense");
  EXPECT_THAT(bonedry_->admin("upgrade"),
              HasSubstr("error: the upgrade failed: " + bonedry_->config_path() + ":1:"));
  bonedry_->configure(config());
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_drains());
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(UpgradeStory, OnlyTwoProcessesAreThereAtATime) {
  launch(config());
  const User ann = live_user_on(alice_);
  bonedry_->upgrade();
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("the previous upgrade is not finished"));
}

TEST_P(UpgradeStory, OneThatDiesLaterLosesNobody) {
  launch(quick());
  User ann = live_user_on(alice_);
  bonedry_->upgrade();
  order("bleed alice");
  bonedry_->kill9();
  EXPECT_TRUE(bonedry_->predecessor_ends()) << "it serves whom it has, and ends";
  bonedry_->start();
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).live, 1);
  ann.go_to(bonedry_->address());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
}

/// The socket on which a service manager receives notifications (sd_notify).
class Supervisor {
 public:
  Supervisor() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + path());
    }
  }
  ~Supervisor() { ::close(fd_); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  [[nodiscard]] std::string path() const { return directory_ / "notify"; }
  /// The next notification.
  [[nodiscard]] std::string hear() const {
    pollfd one{fd_, POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(kDeadline.count())) != 1) return "nothing";
    std::string text(200, ' ');
    const ssize_t size = ::recv(fd_, text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }

 private:
  TempDir directory_;
  int fd_;
};

TEST_P(UpgradeStory, TheServiceManagerIsToldWhoServes) {
  const Supervisor supervisor;
  TestConfig shop = quick();
  shop.environment = {"NOTIFY_SOCKET=" + supervisor.path()};
  launch(shop);
  const auto is_ready = [this] { return "READY=1\nMAINPID=" + std::to_string(bonedry_->pid()); };
  EXPECT_EQ(supervisor.hear(), is_ready());
  bonedry_->upgrade();
  EXPECT_EQ(supervisor.hear(), is_ready());
  EXPECT_TRUE(bonedry_->predecessor_ends()) << "without a word: another is the main process now";
  bonedry_->stop();
  EXPECT_EQ(supervisor.hear(), "STOPPING=1");
}

TEST_P(UpgradeStory, MoreWorkersComeAndGoWithoutABreak) {
  TestConfig shop = quick();
  launch(shop);
  const FakeNode other("other");  // keeps its port free of other listeners
  {
    const Busy newcomers([address = bonedry_->address()](std::size_t /*turn*/) {
      return HttpClient(address).get("/").status == 200;
    });
    for (const unsigned workers : {5U, 1U, 3U}) {
      shop.workers = workers;
      shop.pools[0].listener = {"[[listener]]", "address = \"" + other.address() + "\"",
                                "pool = \"shop\""};
      bonedry_->configure(shop);
      EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("error: the upgrade failed"));
      shop.pools[0].listener = {};
      bonedry_->configure(shop);
      const int before = newcomers.count();
      bonedry_->upgrade();
      EXPECT_TRUE(bonedry_->predecessor_ends());
      EXPECT_TRUE(eventually([&] { return newcomers.count() > before + 20; }));
    }
    EXPECT_EQ(newcomers.failures(), 0) << "of " << newcomers.count();
  }
}

TEST_P(UpgradeStory, AListenerComesAndAnotherGoes) {
  TestConfig shop = quick();
  shop.pools[0].listener = {"[[listener]]", "address = \"127.0.0.1:0\"", "pool = \"shop\""};
  launch(shop);
  const auto addresses = [this] {
    std::vector<std::string> all;
    const auto status = bonedry_->status();
    for (const auto& one : status.at("listeners")) all.push_back(one.at("address"));
    return all;
  };
  const std::vector<std::string> before = addresses();
  ASSERT_EQ(before.size(), 2U);
  shop.pools[0].listener = {};
  bonedry_->configure(shop);
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_EQ(addresses(), std::vector{before[0]});
  EXPECT_EQ(User(before[0]).click().status, 200);
  EXPECT_THROW(User(before[1]).click(), SocketError) << "nobody holds it open";
}

TEST_P(UpgradeStory, OneThatFailsLateChangesNothingEither) {
  TestConfig shop = config({"idle_timeout = \"1h\""});
  launch(shop);
  User ann = live_user_on(alice_);
  TestConfig wrong = config({"idle_timeout = \"100ms\""});
  wrong.workers = workers() + 1;
  wrong.environment = {};
  bonedry_->configure(wrong);
  // The new process cannot create its admin socket anywhere.
  std::string text = read_file(bonedry_->config_path());
  const std::string socket = "socket = \"" + bonedry_->socket_path() + "\"";
  text.replace(text.find(socket), socket.size(), "socket = \"/proc/no/such/place\"");
  write_file(bonedry_->config_path(), text);
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("error: the upgrade failed: "));
  std::this_thread::sleep_for(Millis{300});
  EXPECT_EQ(node(alice_).live, 1) << "the times are those of before";
  bonedry_->configure(shop);
  order("reload");
  order("bleed alice");
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
}

TEST_P(UpgradeStory, ASignalDoesItToo) {
  launch(quick());
  User ann = live_user_on(alice_);
  ChildProcess::adopt_orphans();
  ASSERT_EQ(::kill(bonedry_->pid(), SIGUSR2), 0);
  EXPECT_TRUE(eventually([this] {
    const std::string log = bonedry_->err();
    return log.find("listening on") != log.rfind("listening on");
  })) << "no other process listens";
  bonedry_->follow_successor();
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(UpgradeStory, AnOldProcessThatIsKilledHoldsNobodyBack) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.close_after();
  });
  launch(config({"idle_timeout = \"500ms\"", "pending_timeout = \"500ms\""}));
  order("bleed bob");
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 1; }));
  order("activate bob");
  bonedry_->upgrade();
  order("bleed alice");
  EXPECT_EQ(node(alice_).exchanges_open, 1);
  bonedry_->kill_predecessor();
  EXPECT_TRUE(eventually([this] { return node(alice_).exchanges_open == 0; }));
  EXPECT_TRUE(eventually_dry(alice_));
  gate.open();
}

TEST_P(UpgradeStory, ANodeThatIsDownGetsNobodyFromTheNewProcess) {
  const Gate gate;
  const auto hangs = std::make_shared<std::atomic<bool>>(false);
  const Handler unwell = answering("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
  bob_.on("/healthz", [gate, hangs, unwell](NodeExchange& exchange) {
    if (*hangs) (void)gate.wait();  // then the new process has no result of its own
    unwell(exchange);
  });
  TestConfig shop = quick();
  shop.pools[0].health = {"path = \"/healthz\"", "interval = \"50ms\"", "timeout = \"20s\""};
  launch(shop);
  ASSERT_TRUE(eventually([this] { return node(bob_).health == "down"; }));
  ASSERT_TRUE(eventually([this] { return node(alice_).health == "up"; }));
  *hangs = true;
  bonedry_->upgrade();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(User(bonedry_->address()).click().headers.get("X-Node"), "alice");
  }
  EXPECT_EQ(node(bob_).health, "down");
  gate.open();
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(UpgradeStory, AnOldProcessThatHangsKeepsNoOperatorWaiting) {
  launch(config({"idle_timeout = \"2s\"", "pending_timeout = \"500ms\""}));
  User ann = live_user_on(alice_);
  const Request click{.headers = {{"Cookie", "bonedry=" + ann.cookie()}}};
  HttpClient browser{bonedry_->address()};  // keeps the old process alive
  browser.exchange(click);
  const pid_t old = bonedry_->pid();
  bonedry_->upgrade();
  EXPECT_EQ(ann.click().status, 200);  // however long the upgrade took, her session is in use
  ASSERT_EQ(::kill(old, SIGSTOP), 0);
  browser.send(click.to_wire());
  const std::string answer = bonedry_->admin("bleed alice", kDeadline * 3);  // it takes seconds
  EXPECT_THAT(answer, HasSubstr("error: the previous process (" + std::to_string(old) + ") "));
  EXPECT_THAT(answer, HasSubstr("shop/alice is not reported dry"));
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).live, 1) << "her request came in time, and waits in a socket";
  EXPECT_FALSE(node(alice_).dry);
  ASSERT_EQ(::kill(old, SIGCONT), 0);
  EXPECT_EQ(browser.read_response().headers.get("X-Node"), "alice");
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(UpgradeStory, WhoWaitsOnARawSocketIsToldThatAnotherProcessHasTakenOver) {
  launch(quick());
  const User ann = live_user_on(alice_);
  order("bleed alice");
  for (const char* line : {"wait alice\n", "events --follow\n", "events --follow json\n"}) {
    Socket asking = Socket::connect_unix(bonedry_->socket_path());
    asking.send_all(line);
    order("status");  // once it replies, the line before has been read
    bonedry_->upgrade();
    EXPECT_THAT(asking.receive_all(),
                testing::EndsWith("error: another process has taken over: ask again\n"));
    EXPECT_TRUE(bonedry_->predecessor_ends());
  }
}

TEST_P(UpgradeStory, WhenTheNewProcessStopsTheOldOneDoesNotKeepTheNextFromStarting) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.close_after();
  });
  TestConfig shop = quick();
  shop.timeouts = {"shutdown = \"300ms\""};
  launch(shop);
  User ann = live_user_on(alice_);
  std::vector<std::unique_ptr<HttpClient>> clients;  // keep the old process from ending
  while (node(alice_).exchanges_open == 0) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    clients.back()->send(Request{.target = "/long"}.to_wire());
    (void)eventually([this] { return node(alice_).exchanges_open > 0; }, Millis{50});
  }
  bonedry_->upgrade();
  order("bleed alice");
  bonedry_->stop();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  bonedry_->start();
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).live, 1);
  gate.open();
}

TEST_P(UpgradeStory, ANodeThatTheNewConfigLacksKeepsItsUsers) {
  TestConfig shop = config();
  launch(shop);
  User ann = live_user_on(alice_);
  std::erase_if(shop.pools[0].nodes, [](const TestNode& one) { return one.name == "alice"; });
  bonedry_->configure(shop);
  bonedry_->upgrade();
  for (int i = 0; i < 2; ++i) {  // by the old process, then by the new one
    EXPECT_EQ(ann.click().status, 200);
    EXPECT_EQ(ann.node(), "alice");
  }
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(User(bonedry_->address()).click().headers.get("X-Node"), "bob");
}

}  // namespace
}  // namespace bonedry::test
