#include "admin/admin_server.h"

#include "admin/command_line.h"
#include "tests/unit/admin/admin_rig.h"
#include "tests/unit/admin/client.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <string>

namespace bonedry::admin {
namespace {

using namespace std::chrono_literals;
using test::AdminRig;
using test::Client;

const std::string kVersion = "bonedry " BONEDRY_VERSION "\n";

TEST(AdminServer, TakesEveryLineEnd) {
  AdminRig rig;
  for (const std::string bytes : {"version\n", "version\r\n", " version \nstatus\n"}) {
    Client client(rig.path());
    client.send(bytes);
    ASSERT_TRUE(rig.finish(client));
    EXPECT_EQ(client.answer(), kVersion);
    EXPECT_TRUE(client.ended_well());
  }
  Client unended(rig.path());
  unended.send("version");
  unended.end_input();
  ASSERT_TRUE(rig.finish(unended));
  EXPECT_EQ(unended.answer(), kVersion);
}

TEST(AdminServer, TakesALineInPieces) {
  AdminRig rig;
  Client client(rig.path());
  for (const char c : std::string("version\r\n")) {
    client.send(std::string(1, c));
    rig.run_a_little();
  }
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), kVersion);
}

TEST(AdminServer, AClientThatSaysNothingAndLeavesGetsNothing) {
  AdminRig rig;
  Client client(rig.path());
  client.end_input();
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), "");
  Client empty(rig.path());
  empty.send("\n");
  ASSERT_TRUE(rig.finish(empty));
  EXPECT_EQ(empty.answer(), "error: no command; 'help' lists the commands\n");
}

TEST(AdminServer, TheLongestLineIsTakenAndALongerOneRefusedInOrder) {
  AdminRig rig;
  Client longest(rig.path());
  longest.send("version" + std::string(kMaxLineBytes - 7, ' ') + "\r\n");
  ASSERT_TRUE(rig.finish(longest));
  EXPECT_EQ(longest.answer(), kVersion);

  Client longer(rig.path());
  longer.send(std::string(100'000, 'x'));
  ASSERT_TRUE(rig.finish(longer));
  EXPECT_EQ(longer.answer(), "error: a command has at most 4096 bytes\n");
  EXPECT_TRUE(longer.ended_well());
}

TEST(AdminServer, BinaryRubbishIsRefusedInOneLine) {
  AdminRig rig;
  for (int high = 0; high < 256; high += 5) {
    std::string bytes;
    for (int i = 0; i < 64; ++i) bytes += static_cast<char>((high + i * 37) % 256);
    std::erase(bytes, '\n');
    const std::string answer = rig.ask(bytes);
    EXPECT_TRUE(answer.starts_with("error: ")) << answer;
    EXPECT_EQ(answer.find_first_of("\x1b\r\n"), answer.size() - 1);
  }
}

TEST(AdminServer, HalfClosingIsNotLeaving) {
  AdminRig rig;
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Client waiting(rig.path());
  waiting.send("wait alice\n");
  waiting.end_input();
  rig.run_a_little();
  EXPECT_FALSE(waiting.ended());
  rig.everybody_leaves();
  ASSERT_TRUE(rig.finish(waiting));
  EXPECT_EQ(waiting.answer(), "dry: no users left on shop/alice\n");
}

TEST(AdminServer, AWaitIsGivenUpWhenItsClientLeaves) {
  AdminRig rig;
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Client open(rig.path());
  Client half_closed(rig.path());
  open.send("wait alice\n");
  half_closed.send("wait alice\n");
  half_closed.end_input();
  rig.run_a_little();
  EXPECT_EQ(rig.server->connections(), 2U);
  open.vanish();
  half_closed.vanish();
  EXPECT_TRUE(rig.run_until([&rig] { return rig.server->connections() == 0; }));
  rig.everybody_leaves();
  rig.run_a_little();
}

TEST(AdminServer, AChangeHappensAlthoughItsClientLeaves) {
  AdminRig rig;
  Client client(rig.path());
  client.send("bleed alice\n");
  client.vanish();
  EXPECT_TRUE(rig.run_until([&rig] { return rig.control->topology()->version > 1; }));
  rig.run_a_little();
  EXPECT_NE(rig.ask("status").find("bleeding"), std::string::npos);
}

TEST(AdminServer, ASilentClientIsSentAway) {
  AdminLimits limits;
  limits.io_timeout = 300ms;
  AdminRig rig(limits);
  Client silent(rig.path());
  Client slow(rig.path());
  slow.send("vers");
  ASSERT_TRUE(rig.finish(silent) && rig.finish(slow));
  EXPECT_EQ(silent.answer(), "error: no command received within 300ms\n");
  EXPECT_EQ(slow.answer(), silent.answer());
}

TEST(AdminServer, AWaitMayLastLongerThanSilence) {
  AdminLimits limits;
  limits.io_timeout = 300ms;
  AdminRig rig(limits);
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Client waiting(rig.path());
  waiting.send("wait alice\n");
  const auto until = std::chrono::steady_clock::now() + 1s;
  rig.run_until([until] { return std::chrono::steady_clock::now() > until; });
  EXPECT_FALSE(waiting.ended());
}

TEST(AdminServer, AClientThatDoesNotReadTheEndIsForgotten) {
  AdminLimits limits;
  limits.linger = 300ms;
  AdminRig rig(limits);
  Client client(rig.path());
  client.send("version\n");
  ASSERT_TRUE(rig.finish(client));
  EXPECT_EQ(client.answer(), kVersion);
  EXPECT_EQ(rig.server->connections(), 1U);
  EXPECT_TRUE(rig.run_until([&rig] { return rig.server->connections() == 0; }));
}

TEST(AdminServer, AFollowerThatDoesNotReadIsDroppedAndTheOthersAreNot) {
  AdminLimits limits;
  limits.max_unsent_bytes = 64 * 1024;
  AdminRig rig(limits);
  Client deaf(rig.path());
  Client good(rig.path());
  deaf.send("events --follow\n");
  good.send("events --follow\n");
  rig.run_a_little();
  ASSERT_EQ(rig.server->connections(), 2U);
  for (int i = 0; rig.server->connections() == 2 && i < 10'000; ++i) {
    rig.events.add("test", "shop/alice", std::string(10'000, 'x'));
    (void)good.ended();
    rig.run_until([] { return true; });
    if (i % 10 == 0) rig.run_a_little();
  }
  EXPECT_EQ(rig.server->connections(), 1U);
  EXPECT_FALSE(good.ended());
  rig.events.add("last", "", "one");
  rig.run_a_little();
  EXPECT_FALSE(good.ended());
  EXPECT_TRUE(good.answer().ends_with("last: one\n"));
}

TEST(AdminServer, FollowersMayComeAndGoWhileEventsHappen) {
  AdminRig rig;
  std::deque<Client> followers;
  for (int i = 0; i < 100; ++i) {
    followers.emplace_back(rig.path()).send("events --follow\n");
    if (i % 3 == 0) followers[static_cast<std::size_t>(i) / 2].vanish();
    rig.events.add("test", "", "event " + std::to_string(i));
    rig.run_until([] { return true; });
  }
  followers.clear();
  EXPECT_TRUE(rig.run_until([&rig] { return rig.server->connections() == 0; }));
}

TEST(AdminServer, HundredsAtOnceAmongTheSlowAndTheSilent) {
  AdminRig rig;
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  std::deque<Client> silent;
  std::deque<Client> waiting;
  std::deque<Client> asking;
  // Both ends are in this process, whose limit may be the usual 1024 descriptors.
  for (int i = 0; i < 150; ++i) {
    silent.emplace_back(rig.path()).send(i % 2 == 0 ? "" : "stat");
    waiting.emplace_back(rig.path()).send("wait alice\n");
    if (i % 2 == 0) waiting.back().end_input();
    asking.emplace_back(rig.path()).send(i % 2 == 0 ? "status json\n" : "status\n");
    if (i % 50 == 0) rig.run_a_little();  // the queue of new connections has its own limit
  }
  for (Client& client : asking) {
    ASSERT_TRUE(rig.finish(client));
    EXPECT_NE(client.answer().find("alice"), std::string::npos);
    EXPECT_TRUE(client.ended_well());
  }
  EXPECT_TRUE(std::ranges::none_of(waiting, [](Client& client) { return client.ended(); }));
  rig.everybody_leaves();
  for (Client& client : waiting) {
    ASSERT_TRUE(rig.finish(client));
    EXPECT_EQ(client.answer(), "dry: no users left on shop/alice\n");
  }
  EXPECT_TRUE(std::ranges::none_of(silent, [](Client& client) { return client.ended(); }));
}

TEST(AdminServer, TooManyAreToldSoAndLaterOnesAreServedAgain) {
  AdminLimits limits;
  limits.connections = 10;
  AdminRig rig(limits);
  std::deque<Client> silent;
  for (int i = 0; i < 10; ++i) silent.emplace_back(rig.path());
  rig.run_a_little();
  std::deque<Client> refused;
  for (int i = 0; i < 100; ++i) refused.emplace_back(rig.path());
  for (Client& client : refused) {
    ASSERT_TRUE(rig.finish(client));
    EXPECT_EQ(client.answer(), "error: too many admin connections\n");
  }
  refused.clear();
  silent.clear();
  EXPECT_TRUE(rig.run_until([&rig] { return rig.server->connections() == 0; }));
  EXPECT_EQ(rig.ask("version"), kVersion);
}

TEST(AdminServer, WhoAsksWhileTurnedAwayReadsTheAnswerToItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const UniqueFd client(ends[0]);
  UniqueFd server(ends[1]);
  turn_away(server.get(), "too many");
  (void)::send(client.get(), "status\n", 7, MSG_NOSIGNAL);
  server.reset();
  std::array<char, 64> answer{};
  const ssize_t size = ::recv(client.get(), answer.data(), answer.size(), 0);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string_view(answer.data(), static_cast<std::size_t>(size)), "error: too many\n");
  EXPECT_EQ(::recv(client.get(), answer.data(), answer.size(), 0), 0) << "not reset";
}

TEST(AdminServer, ALargeAnswerWaitsForASlowReader) {
  AdminRig rig;
  for (std::uint64_t i = 1; i <= 9000; ++i) rig.add_user("shop/alice", i);
  Client slow(rig.path());
  slow.send("sessions alice --limit 10000 json\n");
  rig.run_a_little();
  EXPECT_EQ(rig.ask("version"), kVersion);
  ASSERT_TRUE(rig.finish(slow));
  EXPECT_GT(slow.answer().size(), 500'000U);
  EXPECT_TRUE(slow.answer().ends_with("]}\n"));
}

TEST(AdminServer, RunningOutOfDescriptorsIsSurvived) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan looks at types through a pipe, and reports nonsense when it gets none";
#endif
  AdminRig rig;
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_limit), 0);
  std::deque<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(rig.path()).send("version\n");
  const UniqueFd lowest(::dup(0));
  const rlimit none{static_cast<rlim_t>(lowest.get()), old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  rig.run_a_little();
  EXPECT_EQ(rig.server->connections(), 0U);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old_limit), 0);
  for (Client& client : clients) {
    ASSERT_TRUE(rig.finish(client));
    EXPECT_EQ(client.answer(), kVersion);
  }
}

TEST(AdminServer, StoppingTellsThoseWhoWaitAndRemovesTheFile) {
  AdminRig rig;
  rig.add_user("shop/alice", 1);
  rig.ask("bleed alice");
  Client waiting(rig.path());
  Client silent(rig.path());
  waiting.send("wait alice\n");
  rig.run_a_little();
  rig.stop_server();
  EXPECT_TRUE(waiting.ended() && silent.ended());
  EXPECT_EQ(waiting.answer(), "error: bonedry is stopping\n");
  EXPECT_EQ(silent.answer(), "error: bonedry is stopping\n");
  EXPECT_FALSE(std::filesystem::exists(rig.path()));
  rig.start_server();
  EXPECT_EQ(rig.ask("version"), kVersion);
}

TEST(AdminServer, ASecondOneIsRefusedAndLeavesTheFirstAlone) {
  AdminRig rig;
  io::EventLoop loop;
  {
    AdminServer second(loop, rig.path(),
                       Commands::Parts{*rig.control, rig.events, rig.rolls, rig.clock});
    const Result<> listening = second.listen();
    ASSERT_FALSE(listening);
    EXPECT_TRUE(listening.error().starts_with("another bonedry is listening on "));
  }
  EXPECT_EQ(rig.ask("version"), kVersion);
}

}  // namespace
}  // namespace bonedry::admin
