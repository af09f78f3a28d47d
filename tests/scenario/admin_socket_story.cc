// The admin socket: one line is one command, the reply follows, and no client delays another.
#include "tests/scenario/story.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kCommands = {"status",   "sessions", "bleed",  "wait",
                                            "maintain", "activate", "reload", "upgrade",
                                            "events",   "version",  "help"};

class AdminStory : public ShopStory {
 protected:
  AdminStory() { launch(config()); }

  /// Expects one line that begins with "error: ", and nothing else.
  static void expect_error(const std::string& answer, const std::string& line) {
    EXPECT_THAT(answer, StartsWith("error: ")) << line;
    EXPECT_EQ(std::count(answer.begin(), answer.end(), '\n'), 1) << line;
    EXPECT_TRUE(answer.ends_with('\n')) << line;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, AdminStory, worker_counts(), name_of_workers);

TEST_P(AdminStory, SocatIsAllThatAScriptNeeds) {
  const RunResult result = run_program(
      {"/bin/sh", "-c", "echo 'status json' | socat - UNIX-CONNECT:" + bonedry_->socket_path()});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto status = nlohmann::json::parse(result.out);
  EXPECT_EQ(status.at("pools").at(0).at("name"), "shop");
}

TEST_P(AdminStory, StatusJsonHasTheFieldsOfTheContract) {
  User user = live_user_on(alice_);
  order("bleed alice --reason update --deadline 30m");
  ASSERT_TRUE(eventually_idle());
  const auto status = bonedry_->status();
  const auto& pool = status.at("pools").at(0);
  EXPECT_EQ(pool.at("name"), "shop");
  ASSERT_EQ(pool.at("nodes").size(), 2U);
  const auto& node = pool.at("nodes").at(0);
  EXPECT_EQ(node.at("name"), "alice");
  EXPECT_EQ(node.at("address"), alice_.address());
  EXPECT_EQ(node.at("state"), "bleeding");
  EXPECT_EQ(node.at("health"), "unknown");
  EXPECT_EQ(node.at("dry"), false);
  EXPECT_TRUE(node.at("dry_blocked_by").is_array());
  EXPECT_EQ(node.at("sessions").at("live"), 1);
  EXPECT_TRUE(node.at("sessions").at("pending").is_number());
  EXPECT_EQ(node.at("exchanges_open"), 0);
  EXPECT_EQ(node.at("websockets_open"), 0);
  for (const char* counter : {"new", "moved", "rescued", "late"}) {
    EXPECT_TRUE(node.at("counters").at(counter).is_number()) << counter;
  }
  EXPECT_GE(node.at("last_exchange_age_s"), 0.0);
  EXPECT_EQ(node.at("bleeding").at("reason"), "update");
  for (const char* field : {"since", "deadline", "forecast_s"}) {
    EXPECT_TRUE(node.at("bleeding").contains(field)) << field;
  }
  const auto& ledger = status.at("ledger");
  EXPECT_GE(ledger.at("sessions"), 1);
  EXPECT_EQ(ledger.at("capacity"), 1'000'000);
  EXPECT_EQ(ledger.at("complete"), true);
  EXPECT_EQ(status.at("listeners").at(0).at("address"), bonedry_->address());
}

TEST_P(AdminStory, StatusJsonCountsHowExchangesEndedOverAllWorkers) {
  alice_.on("/cut", answering_and_closing("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"));
  bob_.on("/cut", answering_and_closing("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"));
  std::size_t answered = 0;
  for (int i = 0; i < 5; ++i) {
    HttpClient client{bonedry_->address()};
    client.send(Request{.method = "POST", .target = "/", .body = "12345678"}.to_wire());
    answered += client.read_response().body.size();
  }
  EXPECT_EQ(HttpClient{bonedry_->address()}.get("/cut").end, BodyEnd::aborted);
  HttpClient malformed{bonedry_->address()};
  malformed.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(malformed.read_response().status, 400) << "no Host";
  const auto counted = [this](const std::string& reason) {
    return bonedry_->status().at("exchanges").at("ended").at(reason);
  };
  EXPECT_TRUE(eventually([&] { return counted("completed") == 5 && counted("response_cut") == 1; }))
      << bonedry_->status().at("exchanges");
  const auto exchanges = bonedry_->status().at("exchanges");
  EXPECT_EQ(exchanges.at("request_body_bytes"), 40);
  EXPECT_EQ(exchanges.at("response_body_bytes"), answered + 4);
  EXPECT_EQ(exchanges.at("ended").at("bad_request"), 1);
  EXPECT_EQ(exchanges.at("retries"), 0);
}

TEST_P(AdminStory, StatusTextIsATableForPeople) {
  const std::string text = bonedry_->admin("status");
  for (const char* word : {"shop/alice", "shop/bob", "active", "unknown"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
  std::istringstream lines{text};
  std::string heading;
  std::getline(lines, heading);
  std::string row;
  std::getline(lines, row);
  EXPECT_EQ(heading.find("STATE"), row.find("active")) << "columns are aligned\n" << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "no colour but on a terminal";
}

TEST_P(AdminStory, EveryErrorIsOneLine) {
  for (const char* line : {"frobnicate",
                           "",
                           "   ",
                           "bleed",
                           "bleed nobody",
                           "bleed shop/nobody",
                           "bleed alice --deadline soon",
                           "bleed alice --frobnicate",
                           "bleed a b c",
                           "status nowhere",
                           "wait",
                           "wait alice --timeout -3s",
                           "sessions",
                           "maintain",
                           "maintain alice",
                           "activate nobody",
                           "bleed \"alice",
                           "bleed alice --reason",
                           "help frobnicate",
                           "GET / HTTP/1.1",
                           "status json json json",
                           "\x01\x02\x03",
                           "caf\xc3\xa9 \xff"}) {
    expect_error(bonedry_->admin(line), line);
  }
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(AdminStory, ErrorsHelp) {
  EXPECT_THAT(bonedry_->admin("blead alice"), HasSubstr("bleed"));
  EXPECT_THAT(bonedry_->admin("bleed alize"), HasSubstr("shop/alice"));
  EXPECT_THAT(bonedry_->admin("status shopp"), HasSubstr("shop"));
}

TEST_P(AdminStory, HelpListsEveryCommand) {
  const std::string help = bonedry_->admin("help");
  for (const std::string& command : kCommands) {
    EXPECT_THAT(help, HasSubstr(command));
    const std::string page = bonedry_->admin("help " + command);
    EXPECT_THAT(page, testing::Not(StartsWith("error: "))) << command;
    EXPECT_THAT(page, HasSubstr(command));
  }
}

TEST_P(AdminStory, VersionIsTheProgramsOwn) {
  EXPECT_THAT(bonedry_->admin("version"), HasSubstr(BONEDRY_VERSION));
  EXPECT_TRUE(bonedry_->admin_json("version json").is_object());
}

TEST_P(AdminStory, ALineMayEndInCrLfOrWithTheInput) {
  EXPECT_THAT(bonedry_->admin("version\r"), HasSubstr(BONEDRY_VERSION));
  Socket socket = Socket::connect_unix(bonedry_->socket_path());
  socket.send_all("version");
  socket.finish_sending();
  EXPECT_THAT(socket.receive_all(), HasSubstr(BONEDRY_VERSION));
}

TEST_P(AdminStory, ALineMayComeInPieces) {
  Socket socket = Socket::connect_unix(bonedry_->socket_path());
  for (const char byte : std::string{"status json\n"}) socket.send_all({&byte, 1});
  EXPECT_TRUE(nlohmann::json::accept(socket.receive_all()));
}

TEST_P(AdminStory, OneLineIsOneCommand) {
  Socket socket = Socket::connect_unix(bonedry_->socket_path());
  socket.send_all("version\nbleed alice\n");
  EXPECT_THAT(socket.receive_all(), HasSubstr(BONEDRY_VERSION));
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(AdminStory, ALineThatIsTooLongIsRefused) {
  Socket socket = Socket::connect_unix(bonedry_->socket_path());
  try {
    socket.send_all("bleed alice --reason " + std::string(1 << 20, 'x'));
  } catch (const ConnectionReset&) {
    // The proxy need not read all of it.
  }
  std::string answer;
  try {
    char buffer[4096];
    while (const std::size_t got = socket.receive(buffer, sizeof buffer))
      answer.append(buffer, got);
  } catch (const ConnectionReset&) {
    answer += "";  // what arrived before is in there
  }
  expect_error(answer, "a line of a megabyte");
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(AdminStory, NodesAreFoundByTheirUniqueName) {
  FakeNode carol{"carol"};
  TestConfig two = config();
  two.pools.push_back({.name = "blog", .nodes = {carol, {"alice", carol.address()}}});
  launch(two);
  expect_error(bonedry_->admin("bleed alice"), "bleed alice");
  EXPECT_THAT(bonedry_->admin("bleed alice"),
              testing::AllOf(HasSubstr("shop/alice"), HasSubstr("blog/alice")));
  order("bleed blog/alice");
  order("bleed bob");
  EXPECT_EQ(bonedry_->node("alice", "blog").state, "bleeding");
  EXPECT_EQ(bonedry_->node("alice", "shop").state, "active");
  EXPECT_EQ(bonedry_->node("bob", "shop").state, "bleeding");
}

TEST_P(AdminStory, SilentAndSlowClientsHoldUpNobody) {
  std::vector<Socket> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(Socket::connect_unix(bonedry_->socket_path()));
    if (i % 2 == 0) silent.back().send_all("stat");  // and then sends no more
  }
  std::vector<Socket> busy;
  const TestTime start = TestClock::now();
  for (int i = 0; i < 200; ++i) {
    busy.push_back(Socket::connect_unix(bonedry_->socket_path()));
    busy.back().send_all("status json\n");
  }
  for (Socket& one : busy) EXPECT_TRUE(nlohmann::json::accept(one.receive_all()));
  EXPECT_LT(elapsed_since(start), scaled(Millis{3000}));
  const TestTime again = TestClock::now();
  EXPECT_EQ(new_user_on(alice_).click().status, 200);
  EXPECT_LT(elapsed_since(again), scaled(Millis{1000})) << "nor a user";
  silent.front().send_all("us json\n");
  EXPECT_TRUE(nlohmann::json::accept(silent.front().receive_all())) << "who thought it over";
}

TEST_P(AdminStory, AClientThatDoesNotReadItsAnswerHoldsUpNobody) {
  TestConfig many = config();
  for (int i = 0; i < 300; ++i) {
    many.pools[0].nodes.emplace_back("node" + std::to_string(i), bob_.address());
  }
  launch(many);
  std::vector<Socket> lazy;
  for (int i = 0; i < 20; ++i) {
    lazy.push_back(Socket::connect_unix(bonedry_->socket_path()));
    lazy.back().send_all("status json\n");
  }
  const TestTime start = TestClock::now();
  EXPECT_THAT(bonedry_->admin("version"), HasSubstr(BONEDRY_VERSION));
  // A client that does not read is waited for 30 s.
  EXPECT_LT(elapsed_since(start), scaled(Millis{10000}));
  EXPECT_TRUE(nlohmann::json::accept(lazy.front().receive_all())) << "all of it, when it does read";
}

TEST_P(AdminStory, ClientsThatGoAwayLeaveNothingBehind) {
  EXPECT_THAT(bonedry_->admin("version"), HasSubstr(BONEDRY_VERSION));
  const std::size_t before = bonedry_->open_descriptors();
  {
    std::vector<Socket> clients;
    User user = live_user_on(alice_);
    order("bleed alice");
    for (const char* line : {"wait alice\n", "events --follow\n", "stat", "status json\n", ""}) {
      for (int i = 0; i < 20; ++i) {
        clients.push_back(Socket::connect_unix(bonedry_->socket_path()));
        clients.back().send_all(line);
      }
    }
    EXPECT_TRUE(eventually([&] { return bonedry_->open_descriptors() > before + 50; }));
  }
  EXPECT_TRUE(eventually([&] { return bonedry_->open_descriptors() < before + 20; }))
      << bonedry_->open_descriptors() - before << " more descriptors than before";
}

TEST_P(AdminStory, EventsTellWhatHappened) {
  order("bleed alice --reason \"update 4.2\"");
  ASSERT_TRUE(eventually_dry(alice_));
  order("maintain alice");
  order("activate alice");
  const auto events = bonedry_->admin_json("events json").at("events");
  std::vector<std::string> kinds;
  for (const auto& event : events) {
    EXPECT_FALSE(event.at("at").get<std::string>().empty());
    if (event.at("node") == "shop/alice") kinds.push_back(event.at("kind"));
  }
  EXPECT_THAT(kinds, testing::ElementsAre("bleed", "dry", "maintain", "activate"));
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("update 4.2"));
}

TEST_P(AdminStory, FollowedEventsArriveAsTheyHappen) {
  Socket follower = Socket::connect_unix(bonedry_->socket_path());
  follower.send_all("events --follow\n");
  std::string seen;
  const auto sees = [&](const std::string& word) {
    char buffer[4096];
    while (seen.find(word) == std::string::npos) {
      const std::size_t got = follower.receive(buffer, sizeof buffer);
      if (got == 0) return false;
      seen.append(buffer, got);
    }
    seen.erase(0, seen.find(word) + word.size());
    return true;
  };
  order("bleed alice --reason update");
  EXPECT_TRUE(sees("bleed shop/alice"));
  EXPECT_TRUE(sees("dry shop/alice"));
  order("activate alice");
  EXPECT_TRUE(sees("activate shop/alice"));
}

TEST_P(AdminStory, OnlyOwnerAndGroupMaySpeakToIt) {
  struct stat info {};
  ASSERT_EQ(::stat(bonedry_->socket_path().c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777U, 0660U);
}

TEST_P(AdminStory, TheSocketIsGoneAfterAnOrderlyStop) {
  bonedry_->stop();
  struct stat info {};
  EXPECT_NE(::stat(bonedry_->socket_path().c_str(), &info), 0);
}

TEST_P(AdminStory, AWaitIsToldWhenTheProxyStops) {
  User user = live_user_on(alice_);
  order("bleed alice");
  Socket waiting = Socket::connect_unix(bonedry_->socket_path());
  waiting.send_all("wait alice\n");
  EXPECT_FALSE(waiting.wait_readable(Millis{100}));
  bonedry_->stop();
  const std::string answer = waiting.receive_all();
  EXPECT_THAT(answer, testing::AnyOf("", StartsWith("error: "))) << "an end is not a dryness";
}

}  // namespace
}  // namespace bonedry::test
