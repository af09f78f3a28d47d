// Passes: testers reach a node through the front door whatever its state, and nobody else does.
#include "tests/scenario/story.h"
#include "tests/support/story_tls.h"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kPassCurl = "/usr/bin/curl";
const std::string kPassCookie = "bonedry-pass-shop";

class PassStory : public ShopStory {
 protected:
  [[nodiscard]] std::string token_for(const std::string& node,
                                      const std::string& options = "") const {
    return bonedry_->admin_json("pass " + node + options + " json").at("token");
  }
  [[nodiscard]] nlohmann::json passes_of(const std::string& name) const {
    const auto status = bonedry_->status();
    for (const auto& one : status.at("pools").at(0).at("nodes")) {
      if (one.at("name") == name) return one.at("passes");
    }
    return nullptr;
  }
  /// A request with the field; `more` are further fields.
  [[nodiscard]] Response test_with(const std::string& token, Headers more = {}) const {
    more.add("Bonedry-Pass", token);
    return HttpClient{bonedry_->address()}.get("/", more);
  }
  /// The node that a request with this pass reaches.
  [[nodiscard]] std::string reached(const std::string& token) const {
    return test_with(token).headers.get("X-Node");
  }
  /// curl as its users call it: with a jar of cookies, and following redirects.
  [[nodiscard]] RunResult curl(std::vector<std::string> options, const std::string& target) const {
    std::vector<std::string> all{kPassCurl,    "-sS", "--noproxy",  "*",  "-b",
                                 dir_ / "jar", "-c",  dir_ / "jar", "-w", " %{http_code}"};
    all.insert(all.end(), options.begin(), options.end());
    all.push_back("http://" + bonedry_->address() + target);
    return run_program(all, {}, kDeadline * 3);
  }
  [[nodiscard]] bool eventually_logged(std::string_view text) const {
    return eventually([&] { return bonedry_->out().find(text) != std::string::npos; });
  }
  void dry_out_alice() const {
    order("bleed alice");
    EXPECT_TRUE(eventually_dry(alice_));
  }

  TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Workers, PassStory, worker_counts(), name_of_workers);

TEST_P(PassStory, ATesterReachesTheNodeInEveryStateAndNobodyElseDoes) {
  launch(config());
  const std::string token = token_for("alice");
  const auto nobody_else_does = [this] {
    for (int i = 0; i < 10; ++i) {
      User stranger{bonedry_->address()};
      stranger.click();
      ASSERT_EQ(stranger.node(), "bob");
    }
  };
  EXPECT_EQ(reached(token), "alice") << "active";
  User ann = live_user_on(alice_);
  order("bleed alice");
  EXPECT_EQ(reached(token), "alice") << "bleeding";
  ann.click();
  EXPECT_EQ(ann.node(), "alice");
  nobody_else_does();
  order("maintain alice --force");
  EXPECT_EQ(reached(token), "alice") << "in maintenance, by force";
  ann.click();
  EXPECT_EQ(ann.node(), "bob");
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(reached(token), "alice") << "dry, and in maintenance";
  nobody_else_does();
  order("activate alice");
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(reached(token), "alice") << "dry";
  EXPECT_TRUE(node(alice_).dry) << "the door stays shut";
  nobody_else_does();
  EXPECT_EQ(passes_of("alice").at("used_lately"), 5);
  EXPECT_EQ(passes_of("bob").at("used_lately"), 0);
}

TEST_P(PassStory, ANodeThatIsDownIsSaidToBeDown) {
  launch(config());
  const std::string token = token_for("alice");
  dry_out_alice();
  alice_.stop();
  const Response response = test_with(token);
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("the node of the pass is down"));
  EXPECT_EQ(bob_.requests(), 0U);
  alice_.start();
  EXPECT_EQ(reached(token), "alice") << "at once, although connects have failed";
}

TEST_P(PassStory, CurlFollowsTheUrlAndKeepsThePassInItsCookie) {
  launch(config());
  dry_out_alice();
  const std::string token = token_for("alice", " --ttl 10m");
  const std::string url = "/basket?a=1&bonedry-pass=" + token + "&b=%202";
  const RunResult first = curl({"-L"}, url);
  EXPECT_THAT(first.out, HasSubstr(R"("node":"alice")")) << first.err;
  EXPECT_THAT(first.out, HasSubstr(R"("target":"/basket?a=1&b=%202")"));
  EXPECT_THAT(curl({}, "/more").out, HasSubstr(R"("node":"alice")"));
  EXPECT_THAT(curl({"-d", "x=1"}, "/order").out, HasSubstr(R"("node":"alice")"));
  for (const NodeRequest& request : alice_.seen()) {
    EXPECT_THAT(request.raw_head, Not(HasSubstr(token)));
    EXPECT_THAT(request.raw_head, Not(HasSubstr("bonedry-pass")));
  }
  EXPECT_TRUE(eventually_logged("/basket?a=1&b=%202"));
  EXPECT_THAT(bonedry_->out(), Not(HasSubstr(token))) << "more people read logs";
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("verdict":"pass")"));
  // Without -L: with it, curl 7.88 writes a cookie that the redirect has removed to its jar again.
  EXPECT_THAT(curl({}, "/?bonedry-pass=off").out, HasSubstr(" 302"));
  EXPECT_THAT(curl({}, "/").out, HasSubstr(R"("node":"bob")"));
}

TEST_P(PassStory, TheRedirectIsNotCachedAndStaysOnTheHost) {
  launch(config());
  const std::string token = token_for("alice", " --ttl 10m");
  HttpClient client{bonedry_->address()};
  const Response response = client.get("/a?bonedry-pass=" + token);
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.headers.get("Location"), "/a");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.get("Set-Cookie"),
            kPassCookie + "=" + token + "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
  EXPECT_EQ(client.get("//evil.example/?bonedry-pass=" + token).headers.get("Location"),
            "/.//evil.example/");
  EXPECT_EQ(client.exchange({.method = "HEAD", .target = "/a?bonedry-pass=" + token}).status, 302);
  EXPECT_TRUE(client.is_idle_and_open());
  EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
}

TEST_P(PassStory, CurlTakesTheFieldFromBonedryctl) {
  launch(config());
  dry_out_alice();
  const RunResult field = ctl().run({"pass", "--header", "shop/alice"});
  EXPECT_THAT(field.out, StartsWith("Bonedry-Pass: "));
  std::string line = field.out;
  line.pop_back();
  EXPECT_THAT(curl({"-H", line}, "/").out, HasSubstr(R"("node":"alice")"));
  EXPECT_THAT(curl({"-H", line, "-d", "x"}, "/").out, HasSubstr(R"("node":"alice")"));
  EXPECT_EQ(read_file(dir_ / "jar").find("bonedry\t"), std::string::npos) << "no session";
}

TEST_P(PassStory, ATestSuiteNeedsNoMoreThanTheJson) {
  launch(config());
  dry_out_alice();
  const RunResult made = ctl().run({"--json", "pass", "alice", "--ttl", "2m"});
  const auto pass = nlohmann::json::parse(made.out);
  EXPECT_EQ(pass.at("pool"), "shop");
  EXPECT_EQ(pass.at("node"), "alice");
  EXPECT_EQ(pass.at("expires_s"), 120);
  User browser{bonedry_->address()};
  EXPECT_EQ(browser.click("/?" + pass.at("query").get<std::string>()).status, 302);
  browser.click();
  EXPECT_EQ(browser.node(), "alice");
  EXPECT_FALSE(browser.has_cookie("bonedry"));
  browser.send({.method = "POST", .body = "x"});
  EXPECT_EQ(browser.node(), "alice");
}

TEST_P(PassStory, TheSessionOfTheBrowserIsAsBeforeWhenThePassEnds) {
  launch(config({"logout = [ { method = \"POST\", path = \"/logout\" } ]"}));
  dry_out_alice();
  User ann = live_user_on(bob_);
  const std::string cookie = ann.cookie();
  const auto before = node(bob_);
  ann.click("/?bonedry-pass=" + token_for("alice"));
  ann.click();
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_EQ(ann.send({.method = "POST", .target = "/logout"}).status, 200);
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_EQ(ann.cookie(), cookie);
  const auto meanwhile = node(bob_);
  EXPECT_EQ(meanwhile.live, before.live);
  EXPECT_EQ(meanwhile.logged_out + meanwhile.moved + meanwhile.late, 0);
  EXPECT_EQ(node(alice_).begun, 0);
  ann.click("/?bonedry-pass=off");
  ann.click();
  EXPECT_EQ(ann.node(), "bob");
  EXPECT_EQ(ann.cookie(), cookie) << "the very session of before";
  EXPECT_EQ(node(bob_).begun, before.begun);
}

TEST_P(PassStory, APassForTheNodeOfTheUserKeepsNobodyThere) {
  launch(config());
  User ann = live_user_on(alice_);
  const std::string token = token_for("alice");
  ann.click("/", {{"Bonedry-Pass", token}});
  order("bleed alice --deadline 1ms");
  EXPECT_TRUE(eventually_dry(alice_));
  ann.click("/", {{"Bonedry-Pass", token}});
  EXPECT_EQ(ann.node(), "alice");
  EXPECT_EQ(node(alice_).moved, 0);
  ann.click();
  EXPECT_EQ(ann.node(), "bob");
  EXPECT_EQ(node(alice_).moved, 1);
}

TEST_P(PassStory, DrynessComesWhileATesterIsStillThere) {
  launch(config());
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "tested");
  });
  HttpClient tester{bonedry_->address()};
  const std::string token = token_for("alice");
  tester.send(Request{.target = "/slow", .headers = {{"Bonedry-Pass", token}}}.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  order("bleed alice");
  EXPECT_EQ(ctl().run({"wait", "alice"}).code, 0);
  EXPECT_EQ(node(alice_).exchanges_open, 0);
  EXPECT_EQ(passes_of("alice").at("open"), 1);
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr("with a pass in the last 15m"));
  order("maintain alice");
  gate.open();
  EXPECT_EQ(tester.read_response().body, "tested");
  EXPECT_TRUE(eventually([this] { return passes_of("alice").at("open") == 0; }));
  EXPECT_TRUE(node(alice_).dry);
}

/// A tunnel over a pass. Says "a" and hears it again.
class TesterTunnel {
 public:
  TesterTunnel(const std::string& address, const std::string& token)
      : socket_(connect_story_client(address)) {
    const Request request{
        .target = "/ws",
        .headers = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Bonedry-Pass", token}}};
    socket_.send_all(request.to_wire());
    while (!head_.ends_with("\r\n\r\n")) {
      const std::string byte = hear();
      if (byte.empty()) break;
      head_ += byte;
    }
  }
  [[nodiscard]] const std::string& head() const { return head_; }
  /// "" when the tunnel has ended.
  std::string echo() {
    socket_.send_all("a");
    return hear();
  }
  std::string hear() {
    char byte = 0;
    return std::string(&byte, socket_.receive(&byte, 1));
  }

 private:
  Socket socket_;
  std::string head_;
};

void echo_tester(NodeExchange& exchange) {
  exchange.close_after();
  exchange.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  std::array<char, 64> buffer{};
  while (const std::size_t size = exchange.socket().receive(buffer.data(), buffer.size())) {
    exchange.send({buffer.data(), size});
  }
}

TEST_P(PassStory, AWebSocketLastsThroughMaintenanceUntilItsPassIsRevoked) {
  launch(config());
  alice_.on("/ws", echo_tester);
  TesterTunnel tunnel(bonedry_->address(), token_for("alice"));
  ASSERT_THAT(tunnel.head(), StartsWith("HTTP/1.1 101"));
  EXPECT_EQ(tunnel.echo(), "a");
  order("maintain alice --force");
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(tunnel.echo(), "a");
  order("pass alice --revoke");
  EXPECT_EQ(tunnel.hear(), "");
  EXPECT_TRUE(eventually_logged(R"("end":"bad_pass")"));
  EXPECT_TRUE(eventually([this] { return passes_of("alice").at("open") == 0; }));
}

TEST_P(PassStory, BadPassesReachNoNodeAndGetAClearAnswer) {
  TestConfig two = config();
  two.pools.push_back({.name = "blog", .nodes = {{"carol", bob_.address()}}});
  launch(two);
  const std::string good = token_for("shop/alice");
  std::string forged = good;
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  const std::string foreign = token_for("blog/carol");
  const std::string expired = token_for("shop/alice", " --ttl 1s");
  ASSERT_TRUE(eventually([&] { return test_with(expired).status == 403; }));
  const auto before = alice_.requests() + bob_.requests();
  for (const auto& [token, text] : std::vector<std::pair<std::string, std::string>>{
           {forged, "not valid here"},
           {foreign, "not valid here"},
           {expired, "has expired"},
           {"", "not valid here"},
           {std::string(4000, 'A'), "not valid here"}}) {
    for (const Request& request :
         {Request{.headers = {{"Bonedry-Pass", token}}},
          Request{.target = "/?bonedry-pass=" + token},
          Request{.headers = {{"Cookie", kPassCookie + "=" + token}}},
          Request{.method = "POST", .headers = {{"Bonedry-Pass", token}}, .body = "x"}}) {
      const Response response = HttpClient{bonedry_->address()}.exchange(request);
      EXPECT_EQ(response.status, 403);
      EXPECT_THAT(response.body, HasSubstr(text));
      EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
    }
  }
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(
      client.exchange({.method = "POST", .target = "/?bonedry-pass=" + good, .body = "x"}).status,
      400);
  EXPECT_EQ(alice_.requests() + bob_.requests(), before);
  EXPECT_TRUE(eventually(
      [this] { return bonedry_->status().at("exchanges").at("ended").at("bad_pass") >= 20; }));
}

TEST_P(PassStory, ABrowserWhoseCookieIsNoLongerValidIsThatOfAUserAgain) {
  launch(config());
  User browser{bonedry_->address()};
  browser.click("/?bonedry-pass=" + token_for("alice"));
  EXPECT_TRUE(browser.has_cookie(kPassCookie));
  order("pass alice --revoke");
  const Response response = browser.click();
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("the pass was revoked"));
  EXPECT_FALSE(browser.has_cookie(kPassCookie));
  EXPECT_EQ(browser.click().status, 200);
}

TEST_P(PassStory, ARevocationSurvivesRestartsAndNewPassesAreGood) {
  launch(config());
  const std::string before = token_for("alice");
  const std::string of_bob = token_for("bob");
  EXPECT_EQ(bonedry_->admin("pass alice --revoke"), "all passes for shop/alice are void\n");
  const std::string after = token_for("alice");
  EXPECT_EQ(test_with(before).status, 403);
  EXPECT_EQ(reached(after), "alice");
  bonedry_->restart();
  EXPECT_EQ(test_with(before).status, 403);
  EXPECT_EQ(reached(after), "alice");
  EXPECT_EQ(reached(of_bob), "bob");
  bonedry_->kill9();
  bonedry_->start();
  EXPECT_EQ(test_with(before).status, 403);
  EXPECT_EQ(reached(after), "alice");
}

TEST_P(PassStory, WithoutItsFileNoPassOfBeforeIsValid) {
  launch(config());
  const std::string before = token_for("alice");
  bonedry_->stop();
  write_file(bonedry_->state_dir() + "/passes.json", "{");
  bonedry_->start();
  EXPECT_TRUE(bonedry_->says("all passes made so far are void"));
  EXPECT_EQ(test_with(before).status, 403);
  EXPECT_EQ(reached(token_for("alice")), "alice");
}

TEST_P(PassStory, AnUpgradeKeepsPassesAndTheOldProcessLearnsOfRevocations) {
  TestConfig shop = config();
  shop.timeouts = {"shutdown = \"5s\"", "idle = \"1s\""};
  launch(shop);
  alice_.on("/ws", echo_tester);
  const std::string token = token_for("alice");
  TesterTunnel tunnel(bonedry_->address(), token);
  ASSERT_THAT(tunnel.head(), StartsWith("HTTP/1.1 101"));
  bonedry_->upgrade();
  EXPECT_EQ(reached(token), "alice");
  EXPECT_EQ(tunnel.echo(), "a");
  EXPECT_TRUE(eventually([this] { return passes_of("alice").at("open") == 1; }))
      << "of the old process";
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  order("pass alice --revoke");
  EXPECT_EQ(tunnel.hear(), "") << "the old process has ended it";
  EXPECT_EQ(test_with(token).status, 403);
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(PassStory, ProxiesWithOneSecretTakeEachOthersPasses) {
  TestConfig one = config();
  one.server = {"secrets = [ \"a secret of at least thirty-two characters\" ]"};
  launch(one);
  const BonedryProcess second(one);
  const std::string token = second.admin_json("pass alice json").at("token");
  EXPECT_EQ(reached(token), "alice");
  order("pass alice --revoke");
  EXPECT_EQ(test_with(token).status, 403) << "void here, whoever made it";
  EXPECT_EQ(HttpClient{second.address()}.get("/", {{"Bonedry-Pass", token}}).status, 200);
}

TEST_P(PassStory, PoolsThatLearnOrHaveNoSessionsAreTestedAsWell) {
  for (const std::string sticky : {"sticky = \"none\"", "sticky = \"learn\"\ncookie = \"SID\""}) {
    launch(config({sticky}));
    alice_.on("/", [](NodeExchange& exchange) {
      exchange.respond(200, exchange.request().headers.get("Cookie"),
                       {{"Set-Cookie", "SID=of-a-tester"}});
    });
    dry_out_alice();
    const std::string token = token_for("alice");
    EXPECT_EQ(reached(token), "alice");
    const Response response = HttpClient{bonedry_->address()}.get(
        "/", {{"Cookie", "a=b; " + kPassCookie + "=" + token + "; c=d"}});
    EXPECT_EQ(response.body, "a=b; c=d") << "as the node got it";
    EXPECT_TRUE(node(alice_).dry);
    EXPECT_EQ(node(alice_).begun, 0) << sticky;
    User stranger{bonedry_->address()};
    stranger.set_cookie("SID", "of-a-tester");
    stranger.click();
    EXPECT_EQ(stranger.node(), "bob") << "nobody is pinned by a tester's response";
  }
}

}  // namespace
}  // namespace bonedry::test
