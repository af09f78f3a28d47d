// What a line of the access log says, and that writing it holds up nobody.
#include "tests/scenario/story.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class AccessLogStory : public ShopStory {
 protected:
  /// `log`: lines of [log]; `server`: of [server].
  [[nodiscard]] TestConfig logging(const std::vector<std::string>& log,
                                   std::vector<std::string> server = {}) const {
    TestConfig settings = config();
    settings.server = std::move(server);
    settings.server.emplace_back("[log]");
    settings.server.insert(settings.server.end(), log.begin(), log.end());
    return settings;
  }
  /// The first line for this target in a file, or on standard output; it must be there in time.
  [[nodiscard]] json line_of(const std::string& target, const std::string& file = "") const {
    json found;
    EXPECT_TRUE(eventually([&] {
      std::istringstream lines(file.empty() ? bonedry_->out() : read_file(file));
      for (std::string line; std::getline(lines, line);) {
        json one = json::parse(line, nullptr, false);
        if (one.is_object() && one.value("target", "") == target) {
          found = std::move(one);
          return true;
        }
      }
      return false;
    })) << "no line for "
        << target;
    return found;
  }
  Response get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient{bonedry_->address()}.get(target, headers);
  }
  /// The fields of that name which the node got.
  [[nodiscard]] std::vector<std::string> node_got(const std::string& target,
                                                  const std::string& field) const {
    const FakeNode& node = alice_.requests_for(target) > 0 ? alice_ : bob_;
    return node.last(target).headers.all(field);
  }
  [[nodiscard]] int times_said(const std::string& text) const {
    const std::string all = bonedry_->err();
    int count = 0;
    for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) {
      ++count;
    }
    return count;
  }

  const TempDir directory_;
};

INSTANTIATE_TEST_SUITE_P(Workers, AccessLogStory, worker_counts(), name_of_workers);

// -- What a line says -----------------------------------------------------------------------------

TEST_P(AccessLogStory, WhoAskedForWhatThroughWhichListener) {
  launch(config());
  get("/all", {{"User-Agent", "curl/8.0"}, {"Referer", "http://shop.example/"}});
  const json line = line_of("/all");
  EXPECT_EQ(line.at("host"), "shop.example");
  EXPECT_EQ(line.at("user_agent"), "curl/8.0");
  EXPECT_EQ(line.at("referer"), "http://shop.example/");
  EXPECT_EQ(line.at("listener"), "127.0.0.1:0") << "as the config has it";
  EXPECT_FALSE(line.contains("pass"));
  EXPECT_FALSE(line.contains("trace_id"));
}

TEST_P(AccessLogStory, PhasesThatDidNotHappenAreAbsent) {
  launch(shop(workers(), {alice_}));
  HttpClient client{bonedry_->address()};
  (void)client.get("/first");
  (void)client.get("/second");
  const json first = line_of("/first");
  EXPECT_TRUE(first.contains("connect_ms"));
  EXPECT_FALSE(first.contains("queue_ms"));
  EXPECT_LE(first.at("first_byte_ms"), first.at("duration_ms"));
  const json second = line_of("/second");
  EXPECT_FALSE(second.contains("connect_ms")) << "the connection of the first one was used";
  EXPECT_TRUE(second.contains("first_byte_ms"));
  (void)client.exchange({.method = "OPTIONS", .target = "*", .headers = {{"Max-Forwards", "0"}}});
  EXPECT_FALSE(line_of("*").contains("first_byte_ms")) << "no node was asked";
}

TEST_P(AccessLogStory, ARequestThatWaitedForItsTurnSaysSo) {
  launch(shop(workers(), {TestNode{alice_, {"max_connections = 1"}}}));
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "done");
  });
  HttpClient first{bonedry_->address()};
  first.send(Request{.target = "/long"}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/long", 1));
  HttpClient second{bonedry_->address()};
  second.send(Request{.target = "/queued"}.to_wire());
  ASSERT_TRUE(eventually(
      [this] { return bonedry_->status()["pools"][0]["nodes"][0]["exchanges_waiting"] == 1; }));
  gate.open();
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(second.read_response().status, 200);
  EXPECT_TRUE(line_of("/queued").contains("queue_ms"));
  EXPECT_FALSE(line_of("/long").contains("queue_ms"));
}

TEST_P(AccessLogStory, APassIsMarked) {
  launch(config());
  order("bleed alice");
  const std::string token = bonedry_->admin_json("pass alice json").at("token");
  EXPECT_EQ(get("/test", {{"Bonedry-Pass", token}}).headers.get("X-Node"), "alice");
  EXPECT_EQ(line_of("/test").at("pass"), true);
}

TEST_P(AccessLogStory, TheCombinedFormatStaysAsItIs) {
  launch(logging({"format = \"combined\""}));
  get("/page", {{"User-Agent", "curl/8.0"}});
  ASSERT_TRUE(eventually([this] { return bonedry_->out().find("/page") != std::string::npos; }));
  EXPECT_THAT(bonedry_->out(),
              MatchesRegex("127.0.0.1 - - \\[[^]]*\\] \"GET /page HTTP/1.1\" 200 [0-9]+ \"-\" "
                           "\"curl/8.0\"\n"));
}

// -- Ids ------------------------------------------------------------------------------------------

TEST_P(AccessLogStory, EveryRequestHasAnIdThatItsNodeGetsToo) {
  launch(config());
  const Response response = get("/one", {{"X-Request-Id", "forged"}});
  EXPECT_FALSE(response.headers.has("X-Request-Id")) << "that is an option";
  get("/two");
  const std::string one = line_of("/one").at("request_id");
  const std::string two = line_of("/two").at("request_id");
  EXPECT_THAT(one, MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(one.size(), 32U);
  EXPECT_NE(one, two);
  EXPECT_EQ(node_got("/one", "X-Request-Id"), std::vector<std::string>{one});
  EXPECT_EQ(node_got("/two", "X-Request-Id"), std::vector<std::string>{two});
}

TEST_P(AccessLogStory, ATrustedProxysIdIsTakenOverIfItIsValid) {
  launch(logging({}, {"trusted_proxies = [\"127.0.0.1\"]"}));
  get("/good", {{"X-Request-Id", "0b52f8a3-5a3c"}});
  EXPECT_EQ(line_of("/good").at("request_id"), "0b52f8a3-5a3c");
  EXPECT_EQ(node_got("/good", "X-Request-Id"), std::vector<std::string>{"0b52f8a3-5a3c"});
  get("/bad", {{"X-Request-Id", "a \"b\""}});
  const std::string made = line_of("/bad").at("request_id");
  EXPECT_EQ(made.size(), 32U);
  EXPECT_EQ(node_got("/bad", "X-Request-Id"), std::vector<std::string>{made});
}

TEST_P(AccessLogStory, AHeadThatIsRefusedHalfWayHasAnIdOfItsOwn) {
  launch(logging({}, {"trusted_proxies = [\"127.0.0.1\"]"}));
  const std::string begin =
      "GET /half HTTP/1.1\r\nHost: shop.example\r\nX-Request-Id: 0b52f8a3\r\n";
  for (const std::string& rest :
       {std::string("no field\r\n\r\n"), "X-Long: " + std::string(40'000, 'x') + "\r\n\r\n"}) {
    HttpClient client{bonedry_->address()};
    client.send(begin + rest);
    EXPECT_GE(client.read_response().status, 400);
  }
  EXPECT_EQ(get("/good").status, 200);
}

TEST_P(AccessLogStory, SessionsShowClientsAndPathsIfThatIsWanted) {
  TestConfig settings = config();
  settings.ledger = {"last_requests = true"};
  launch(settings);
  const auto sessions = [this](const User& user) {
    return bonedry_->admin_json("sessions " + user.node() + " json").at("sessions");
  };
  User ann{bonedry_->address()};
  ann.click("/cart?card=4711");
  EXPECT_TRUE(eventually([&] { return sessions(ann).at(0).at("last_path") == "/cart"; }));
  EXPECT_EQ(sessions(ann).at(0).at("client"), "127.0.0.1");
  ann.click("/");
  EXPECT_TRUE(eventually([&] { return sessions(ann).at(0).at("last_path") == "/"; }));
  EXPECT_THAT(bonedry_->admin("sessions " + ann.node()), HasSubstr("CLIENT     LAST PATH\n"));
  launch(config());
  User ben{bonedry_->address()};
  ben.click("/cart");
  EXPECT_TRUE(sessions(ben).at(0).at("client").is_null());
}

TEST_P(AccessLogStory, TheClientGetsTheIdIfThatIsWanted) {
  launch(logging({"request_id = \"respond\""}));
  alice_.on("/page",
            answering("HTTP/1.1 200 OK\r\nX-Request-ID: of-node\r\nContent-Length: 0\r\n\r\n"));
  bob_.on("/page",
          answering("HTTP/1.1 200 OK\r\nX-Request-ID: of-node\r\nContent-Length: 0\r\n\r\n"));
  const auto ids = [](const Response& response) { return response.headers.all("X-Request-Id"); };
  const Response page = get("/page");
  EXPECT_EQ(ids(page), std::vector<std::string>{line_of("/page").at("request_id")});
  HttpClient malformed{bonedry_->address()};
  malformed.send("GET /no-host HTTP/1.1\r\n\r\n");
  const Response refused = malformed.read_response();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(ids(refused), std::vector<std::string>{line_of("/no-host").at("request_id")});
  alice_.stop();
  bob_.stop();
  const Response lost = get("/lost");
  EXPECT_GE(lost.status, 502);
  EXPECT_EQ(ids(lost), std::vector<std::string>{line_of("/lost").at("request_id")});
}

TEST_P(AccessLogStory, WithoutIdsTheFieldIsOneLikeAnyOther) {
  launch(logging({"request_id = \"off\""}));
  get("/page", {{"X-Request-Id", "mine"}});
  EXPECT_FALSE(line_of("/page").contains("request_id"));
  EXPECT_EQ(node_got("/page", "X-Request-Id"), std::vector<std::string>{"mine"});
}

TEST_P(AccessLogStory, ATraceIsLoggedAndGoesOnUntouched) {
  launch(config());
  const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  get("/traced", {{"traceparent", parent}, {"tracestate", "rojo=00f067aa0ba902b7"}});
  EXPECT_EQ(line_of("/traced").at("trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(node_got("/traced", "traceparent"), std::vector<std::string>{parent});
  EXPECT_EQ(node_got("/traced", "tracestate"), std::vector<std::string>{"rojo=00f067aa0ba902b7"});
  get("/broken", {{"traceparent", "00-0-0-0"}});
  EXPECT_FALSE(line_of("/broken").contains("trace_id"));
  EXPECT_EQ(node_got("/broken", "traceparent"), std::vector<std::string>{"00-0-0-0"});
}

// -- Rotation -------------------------------------------------------------------------------------

TEST_P(AccessLogStory, ReopenAnswersWhenTheNewFileIsInUse) {
  const std::string path = directory_ / "access.log";
  launch(logging({"access = \"" + path + "\""}));
  get("/before");
  (void)line_of("/before", path);
  std::filesystem::rename(path, directory_ / "rotated");
  const RunResult done = ctl().run({"reopen"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "reopened the access log, " + path + "\n");
  EXPECT_TRUE(std::filesystem::exists(path)) << "already when it answers";
  EXPECT_EQ(bonedry_->open_descriptors(directory_ / "rotated"), 0U);
  get("/after");
  (void)line_of("/after", path);
}

TEST_P(AccessLogStory, ReopenSaysWhyItFailedAndTheOldFileStaysInUse) {
  const std::string logs = directory_ / "logs";
  std::filesystem::create_directory(logs);
  launch(logging({"access = \"" + logs + "/access.log\""}));
  std::filesystem::rename(logs, directory_ / "moved");
  const RunResult failed = ctl().run({"reopen"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("the access log was not reopened, and what was open stays in "
                                    "use: cannot open " +
                                    logs + "/access.log: No such file or directory"));
  EXPECT_TRUE(bonedry_->says("the access log was not reopened"));
  get("/still");
  (void)line_of("/still", directory_ / "moved/access.log");
}

TEST_P(AccessLogStory, TheOldProcessOfAnUpgradeReopensItAsWell) {
  const std::string path = directory_ / "access.log";
  TestConfig settings = logging({"access = \"" + path + "\""});
  settings.timeouts = {"idle = \"1s\""};
  launch(settings);
  const Gate gate;
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/long", [gate](NodeExchange& exchange) {
      (void)gate.wait();
      exchange.respond(200, "at last");
    });
  }
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/long"}.to_wire());
  ASSERT_TRUE(eventually([this] { return open_exchanges() == 1; }));
  bonedry_->upgrade();
  std::filesystem::rename(path, directory_ / "rotated");
  EXPECT_EQ(ctl().code({"reopen"}), 0);
  // Both have written to the log of the process that it was reopened.
  ASSERT_TRUE(eventually([this] { return times_said("access log: reopened") == 2; }));
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
  (void)line_of("/long", path);
  EXPECT_THAT(read_file(directory_ / "rotated"), Not(HasSubstr("/long")));
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

// -- What goes wrong ------------------------------------------------------------------------------

TEST_P(AccessLogStory, AFullDiskBlocksNobodyAndIsShown) {
  launch(logging({"access = \"/dev/full\""}));
  for (int i = 0; i < 50; ++i) ASSERT_EQ(get("/").status, 200);
  EXPECT_TRUE(
      eventually([this] { return bonedry_->status().at("access_log").at("lines_lost") == 50; }));
  const json log = bonedry_->status().at("access_log");
  EXPECT_EQ(log.at("last_error"), "No space left on device");
  EXPECT_GT(log.at("write_errors"), 0);
  EXPECT_THAT(bonedry_->admin("status"),
              MatchesRegex("access log: 50 lines lost, the last [0-9a-z.]+ ago: No space left on "
                           "device\n(.|\n)*"));
  EXPECT_TRUE(bonedry_->says("warning access log: "));
  EXPECT_TRUE(bonedry_->says("lines were lost: No space left on device"));
  EXPECT_EQ(times_said("lines were lost"), 1) << "the others wait";
}

TEST_P(AccessLogStory, ALogThatLosesNothingIsNotShown) {
  launch(config());
  get("/");
  EXPECT_THAT(bonedry_->admin("status"), Not(HasSubstr("access log")));
  EXPECT_EQ(bonedry_->status().at("access_log").at("lines_lost"), 0);
}

TEST_P(AccessLogStory, AFailureNamesNodeAddressAndCauseOnceInAWhile) {
  launch(shop(workers(), {alice_}));
  const std::string node = "node shop/alice (" + alice_.address() + "): ";
  alice_.on("/closed", [](NodeExchange& exchange) { exchange.close_after(); });
  alice_.on("/nonsense", answering_and_closing("nonsense\r\n\r\n"));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(get("/closed").status, 502);
    EXPECT_EQ(get("/nonsense").status, 502);
  }
  const std::string closed = "warning " + node + "no response: the connection ended";
  const std::string malformed = "warning " + node + "malformed response: ";
  EXPECT_TRUE(bonedry_->says(closed));
  EXPECT_TRUE(bonedry_->says(malformed));
  alice_.stop();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/").status, 502);
  const std::string refused = "warning " + node + "cannot connect: Connection refused";
  EXPECT_TRUE(bonedry_->says(refused));
  for (const std::string& line : {closed, malformed, refused}) {
    EXPECT_EQ(times_said(line), 1) << line;
  }
}

TEST_P(AccessLogStory, ANodeThatGoesDownIsAWarningAndItsReturnIsNot) {
  TestConfig checked = config();
  checked.pools[0].health = {"interval = \"50ms\"", "rise = 1", "fall = 1"};
  launch(checked);
  ASSERT_TRUE(eventually([this] { return node(alice_).health == "up"; }));
  alice_.stop();
  EXPECT_TRUE(bonedry_->says("warning health shop/alice: up -> down"));
  alice_.start();
  EXPECT_TRUE(bonedry_->says("info health shop/alice: down -> up"));
}

}  // namespace
}  // namespace bonedry::test
