// The HTTP door: commands, streams and pages for browsers and scripts, and who may use them.
#include "tests/scenario/story.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls.h"

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kCi = "the-token-of-ci-0";
constexpr const char* kOps = "the-token-of-ops";

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

/// A stream of server-sent events that has been asked for.
class EventStream {
 public:
  EventStream(const std::string& address, const std::string& target, Headers headers = {})
      : client_(address) {
    headers.add("Accept", "text/event-stream");
    headers.add("Host", address);
    client_.send(Request{"GET", target, std::move(headers)}.to_wire());
    EXPECT_THAT(until("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream\r\n"));
  }

  /// The next event, without its last empty line: "event: status\ndata: {…}".
  std::string next() { return until("\n\n"); }
  /// The next one whose text contains this.
  std::string next_with(const std::string& text) {
    std::string event = next();
    while (!event.empty() && event.find(text) == std::string::npos) event = next();
    return event;
  }
  static json data_of(const std::string& event) {
    return json::parse(event.substr(event.find("data: ") + 6));
  }
  bool ends() {
    std::array<char, 4096> rest{};
    while (client_.socket().receive(rest.data(), rest.size()) > 0) {
    }
    return true;
  }

 private:
  /// Empty when the stream ends before.
  std::string until(const std::string& end) {
    std::size_t at = 0;
    while ((at = read_.find(end)) == std::string::npos) {
      std::array<char, 4096> bytes{};
      const std::size_t size = client_.socket().receive(bytes.data(), bytes.size());
      if (size == 0) return "";
      read_.append(bytes.data(), size);
    }
    std::string text = read_.substr(0, at + (end.starts_with('\r') ? end.size() : 0));
    read_.erase(0, at + end.size());
    return text;
  }

  HttpClient client_;
  std::string read_;
};

class HttpDoorStory : public ShopStory {
 protected:
  [[nodiscard]] TestConfig with_door(const std::string& http = "127.0.0.1:0") const {
    TestConfig made = config({"idle_timeout = \"2s\""});
    made.admin = {"http = \"" + http + "\""};
    return made;
  }
  /// Where the door is now: after a restart or an upgrade the last one. The log, which says so, may
  /// be written a moment after the start.
  [[nodiscard]] std::string door() const {
    static const std::string kLine = "dashboard and HTTP API on ";
    const auto is_told = [this] {
      const std::string log = bonedry_->err();
      return count(log, "start: bonedry") > count(log, "info exited");
    };
    if (!eventually(is_told)) return "";
    const std::string log = bonedry_->err();
    const std::size_t at = log.rfind(kLine) + kLine.size();
    return log.substr(at, log.find('\n', at) - at);
  }
  [[nodiscard]] Response get(const std::string& target, Headers headers = {}) const {
    if (!headers.has("Host")) headers.add("Host", door());
    return HttpClient{door()}.get(target, headers);
  }
  [[nodiscard]] Response post(const std::string& target, const std::string& body,
                              Headers headers = {}) const {
    if (!headers.has("Content-Type")) headers.add("Content-Type", "application/json");
    headers.add("Host", door());
    return HttpClient{door()}.exchange({"POST", target, headers, body});
  }

  TempDir files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, HttpDoorStory, testing::Values(1U), name_of_workers);

TEST_P(HttpDoorStory, AScriptBleedsANodeWaitsAndPutsItBack) {
  launch(with_door());
  const User user = live_user_on(alice_);
  const json before = json::parse(get("/v1/status?pool=shop").body);
  EXPECT_EQ(before["pools"][0]["nodes"][0]["name"], "alice");

  const Response bled = post("/v1/bleed", R"({"node":"alice","reason":"4.2","deadline":"30m"})");
  EXPECT_EQ(bled.status, 200);
  EXPECT_THAT(json::parse(bled.body)["message"], HasSubstr("shop/alice is bleeding"));
  EXPECT_EQ(node(alice_).bleeding["reason"], "4.2");
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr(" by http 127.0.0.1, reason: 4.2"));

  const json sessions = json::parse(get("/v1/sessions?node=shop/alice&limit=5").body);
  EXPECT_EQ(sessions["total"], 1);
  const Response refused = post("/v1/bleed", R"({"node":"bob"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(json::parse(refused.body)["code"], "guard_refused");
  EXPECT_EQ(post("/v1/maintain", R"({"node":"alice"})").status, 409);

  const json waited = json::parse(get("/v1/wait?node=alice").body);
  EXPECT_EQ(waited["result"], "dry");
  EXPECT_EQ(post("/v1/maintain", R"({"node":"alice"})").status, 200);
  EXPECT_EQ(post("/v1/activate", R"({"node":"alice"})").status, 200);
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(HttpDoorStory, AConnectionServesManyRequests) {
  launch(with_door());
  HttpClient client{door()};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client.get("/v1/version", {{"Host", "localhost"}}).status, 200);
  // Pipelined, in small pieces, and with a body in chunks.
  client.send(
      "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "HEAD /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "ok\n");
  EXPECT_EQ(client.read_response("HEAD").status, 200);
  client.send_byte_by_byte(
      "POST /v1/bleed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunk("{\"node\":") + chunk("\"alice\"}") + "0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  client.send(
      "POST /v1/activate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 16\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.read_head().raw_head, StartsWith("HTTP/1.1 100"));
  client.send(R"({"node":"alice"})");
  EXPECT_EQ(client.read_response().status, 200);
  client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_P(HttpDoorStory, MetricsComeInPieces) {
  launch(with_door());
  HttpClient client{door()};
  for (int i = 0; i < 2; ++i) {
    const Response text = client.get("/metrics", {{"Host", "localhost"}});
    EXPECT_EQ(text.end, BodyEnd::chunked);
    EXPECT_THAT(text.body, HasSubstr("bonedry_node_dry{pool=\"shop\",node=\"alice\"} 0\n"));
    EXPECT_TRUE(text.body.ends_with('\n'));
  }
  client.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_response("HEAD").status, 200);
  client.send("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const Response old = client.read_response();
  EXPECT_EQ(old.end, BodyEnd::close) << "HTTP/1.0 has no chunks";
  EXPECT_THAT(old.body, HasSubstr("bonedry_node_dry{pool=\"shop\",node=\"alice\"} 0\n"));
}

TEST_P(HttpDoorStory, WhatIsMalformedGetsAnAnswerAndHarmsNobody) {
  launch(with_door());
  const std::vector<std::pair<std::string, int>> requests{
      {"GET /v1/status HTTP/1.1\r\n\r\n", 400},
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
      {"POST /v1/bleed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
       "Content-Length: 65537\r\n\r\n",
       413},
      {"POST /v1/bleed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
       "Transfer-Encoding: chunked\r\n\r\n" +
           chunk(std::string(70'000, ' ')) + "0\r\n\r\n",
       413},
      {"POST /v1/bleed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
       "Transfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST /v1/bleed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
       "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       400},
      {"DELETE /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      {"OPTIONS /v1/bleed HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      {"PUT /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
      {"GET http://localhost/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
      {"GET /v1/status?pool=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400}};
  for (const auto& [request, status] : requests) {
    HttpClient client{door()};
    client.send(request);
    EXPECT_EQ(client.read_response().status, status) << request.substr(0, 60);
  }
  // One that stops in the middle, and one that only connects.
  HttpClient silent{door()};
  HttpClient stopped{door()};
  stopped.send("GET /v1/st");
  EXPECT_EQ(get("/livez").status, 200);
  const User user = live_user_on(alice_);
}

TEST_P(HttpDoorStory, APageOfAnotherOriginCanNeitherReadNorChange) {
  launch(with_door());
  EXPECT_EQ(get("/v1/status", {{"Host", "shop.example"}}).status, 421);
  EXPECT_EQ(get("/", {{"Host", "shop.example"}}).status, 421);
  EXPECT_EQ(get("/v1/status", {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(get("/v1/status", {{"Origin", "http://shop.example"}}).status, 403);
  const std::string bleed = R"({"node":"alice"})";
  EXPECT_EQ(post("/v1/bleed", bleed, {{"Origin", "http://shop.example"}}).status, 403);
  EXPECT_EQ(post("/v1/bleed", bleed, {{"Origin", "null"}}).status, 403);
  EXPECT_EQ(post("/v1/bleed", bleed, {{"Sec-Fetch-Site", "same-site"}}).status, 403);
  EXPECT_EQ(post("/v1/bleed", bleed, {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(node(alice_).state, "active");
  const Response own = post("/v1/bleed", bleed, {{"Sec-Fetch-Site", "same-origin"}});
  EXPECT_EQ(own.status, 200);
  EXPECT_FALSE(own.headers.has("Access-Control-Allow-Origin"));
  const Response page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.headers.get("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
  EXPECT_EQ(get("/", {{"If-None-Match", "\"x\", W/" + page.headers.get("ETag")}}).status, 304);
}

TEST_P(HttpDoorStory, EventsGoOnWhereAClientHasLostItsConnection) {
  launch(with_door());
  std::string id;
  {
    EventStream events{door(), "/v1/events"};
    EXPECT_THAT(events.next_with("\"start\""), HasSubstr("event: event\n"));
    order("bleed alice");
    const std::string bled = events.next_with("\"bleed\"");
    EXPECT_THAT(bled, StartsWith("id: "));
    id = bled.substr(4, bled.find('\n') - 4);
  }
  order("activate alice");
  bonedry_->restart();
  EventStream events{door(), "/v1/events", {{"Last-Event-ID", id}}};
  EXPECT_THAT(events.next(), HasSubstr("\"kind\":\"activate\""));
  EXPECT_THAT(events.next_with("\"start\""), StartsWith("id: "));
  EXPECT_THAT(json::parse(get("/v1/events?after=" + id).body)["events"][0]["id"].dump(),
              Not(testing::Eq(id)));
}

TEST_P(HttpDoorStory, StatusAndWaitAreStreams) {
  launch(with_door());
  const User user = live_user_on(alice_);
  EventStream status{door(), "/v1/status?pool=shop"};
  EXPECT_EQ(EventStream::data_of(status.next())["pools"][0]["nodes"][0]["state"], "active");
  order("bleed alice");
  EventStream wait{door(), "/v1/wait?node=alice"};
  EXPECT_EQ(EventStream::data_of(wait.next())["pools"][0]["nodes"][0]["sessions"]["live"], 1);
  EXPECT_EQ(EventStream::data_of(wait.next_with("event: result"))["result"], "dry");
  EXPECT_TRUE(wait.ends());
  EXPECT_THAT(status.next_with("\"dry\":true"), StartsWith("event: status\n"));
  const Response unknown = get("/v1/status?pool=none", {{"Accept", "text/event-stream"}});
  EXPECT_EQ(unknown.status, 404);
}

TEST_P(HttpDoorStory, AClientThatReadsNothingHoldsNobodyUp) {
  launch(with_door());
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(std::make_unique<HttpClient>(door()));
    idle.back()->socket().limit_receive_buffer(1024);
    idle.back()->send(
        Request{"GET", "/v1/status", {{"Accept", "text/event-stream"}, {"Host", "localhost"}}, ""}
            .to_wire());
  }
  EventStream reader{door(), "/v1/status"};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(reader.next(), StartsWith("event: status\n"));
  EXPECT_EQ(get("/v1/version").status, 200);
}

TEST_P(HttpDoorStory, ItIsReadyWhileEachPoolHasANodeForNewUsers) {
  launch(with_door());
  EXPECT_EQ(get("/readyz").status, 200);
  order("bleed alice --force");
  EXPECT_EQ(get("/readyz").status, 200);
  order("bleed bob --force");
  const Response none = get("/readyz");
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(none.body, "pool shop has no node for new users\n");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_P(HttpDoorStory, AReaderGetsEveryEventInOrder) {
  launch(with_door());
  EventStream events{door(), "/v1/events?node=alice"};
  for (int i = 0; i < 50; ++i) order(i % 2 == 0 ? "bleed alice" : "activate alice");
  for (int i = 0; i < 50; ++i) {
    const std::string kind = i % 2 == 0 ? "\"kind\":\"bleed\"" : "\"kind\":\"activate\"";
    EXPECT_THAT(events.next_with(kind), StartsWith("id: "));
  }
}

TEST_P(HttpDoorStory, WhatAnOldProcessStillHasOpenDoesNotShowOldFigures) {
  launch(with_door(ListeningPort{}.address()));
  HttpClient kept{door()};
  EXPECT_EQ(kept.get("/v1/version", {{"Host", "localhost"}}).status, 200);
  bonedry_->upgrade();
  EXPECT_TRUE(kept.closed_by_peer());
  EXPECT_EQ(json::parse(get("/v1/status").body)["process"]["pid"], bonedry_->pid());
}

TEST_P(HttpDoorStory, AnUpgradeTakesTheDoorAlong) {
  // One port for both processes, as in production.
  const std::string address = ListeningPort{}.address();
  launch(with_door(address));
  EventStream events{door(), "/v1/events"};
  bonedry_->upgrade();
  EXPECT_THAT(events.next_with("event: error"), HasSubstr("another process has taken over"));
  EXPECT_TRUE(events.ends());
  ASSERT_TRUE(bonedry_->predecessor_ends());
  const json version = json::parse(get("/v1/status").body);
  EXPECT_EQ(version["process"]["pid"], bonedry_->pid());
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_P(HttpDoorStory, AUnixSocketIsADoorToo) {
  launch(with_door(files_ / "http"));
  const RunResult asked = run_program({"/usr/bin/env", "curl", "-sS", "--unix-socket",
                                       files_ / "http", "http://bonedry/v1/status"});
  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_EQ(json::parse(asked.out)["pools"][0]["name"], "shop");
  const RunResult changed = run_program({"/usr/bin/env", "curl", "-sS", "--unix-socket",
                                         files_ / "http", "-H", "Content-Type: application/json",
                                         "-d", R"({"node":"alice"})", "http://bonedry/v1/bleed"});
  EXPECT_THAT(changed.out, HasSubstr("\"ok\":true"));
  bonedry_->stop();
  EXPECT_FALSE(std::filesystem::exists(files_ / "http"));
}

TEST_P(HttpDoorStory, APortThatIsTakenIsAnErrorAtTheStart) {
  ListeningPort taken;
  taken.open();
  bonedry_ =
      std::make_unique<BonedryProcess>(with_door(taken.address()), BonedryProcess::Start::later);
  try {
    bonedry_->start();
    FAIL() << "it started";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("[admin] http: cannot listen on " + taken.address() +
                                        ": Address already in use"));
  }
}

/// A door that other machines reach: 0.0.0.0, with TLS and tokens.
class RemoteDoorStory : public HttpDoorStory {
 protected:
  void install(const IssuedCertificate& issued) const {
    write_file(files_ / "key.new", issued.key);
    std::filesystem::rename(files_ / "key.new", files_ / "key.pem");
    write_file(files_ / "cert.new", issued.certificate);
    std::filesystem::rename(files_ / "cert.new", files_ / "cert.pem");
  }
  void launch_remote() {
    install(authority_.issue());
    TestConfig made = with_door("0.0.0.0:0");
    made.sections = {"[[admin.tls.certificates]]",
                     "certificate = \"" + (files_ / "cert.pem") + "\"",
                     "key = \"" + (files_ / "key.pem") + "\"",
                     "[[admin.token]]",
                     "name = \"ci\"",
                     std::string("token = \"") + kCi + "\"",
                     "scope = [\"read\"]",
                     "[[admin.token]]",
                     "name = \"ops\"",
                     std::string("token = \"") + kOps + "\"",
                     "scope = [\"operate\"]"};
    launch(std::move(made));
  }
  [[nodiscard]] Response ask(const std::string& method, const std::string& target,
                             const std::string& token, const std::string& body = "") const {
    Headers headers;
    if (!token.empty()) headers.add("Authorization", "Bearer " + token);
    if (method == "POST") headers.add("Content-Type", "application/json");
    HttpClient asked{"127.0.0.1" + door().substr(door().rfind(':')),
                     TlsClient{authority_.certificate()}};
    return asked.exchange({method, target, headers, body});
  }

  CertificateAuthority authority_;
};

INSTANTIATE_TEST_SUITE_P(Workers, RemoteDoorStory, testing::Values(1U), name_of_workers);

TEST_P(RemoteDoorStory, WithoutATokenThereIsNothingToSee) {
  launch_remote();
  const Response unknown = ask("GET", "/v1/status", "");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_THAT(unknown.headers.get("WWW-Authenticate"), StartsWith("Bearer"));
  EXPECT_THAT(unknown.body, Not(HasSubstr("alice")));
  EXPECT_EQ(ask("GET", "/v1/events", "a-wrong-token-here").status, 401);
  EXPECT_EQ(ask("GET", "/v1/version", "").status, 401);
  EXPECT_EQ(ask("GET", "/livez", "").status, 200);
  EXPECT_EQ(ask("GET", "/readyz", "").status, 200);
  EXPECT_EQ(ask("GET", "/", "").status, 200);
}

TEST_P(RemoteDoorStory, ATokenHasItsScope) {
  launch_remote();
  EXPECT_EQ(ask("GET", "/v1/status", kCi).status, 200);
  const Response refused = ask("POST", "/v1/bleed", kCi, R"({"node":"alice"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("its scope is read"));
  EXPECT_EQ(node(alice_).state, "active");
  EXPECT_EQ(ask("POST", "/v1/bleed", kOps, R"({"node":"alice"})").status, 200);
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr(" by token ops (http 127.0.0.1)"));
}

TEST_P(RemoteDoorStory, ATokenThatIsTakenAwayEndsItsStreams) {
  launch_remote();
  const std::string address = "127.0.0.1" + door().substr(door().rfind(':'));
  HttpClient asked{address, TlsClient{authority_.certificate()}};
  asked.send(
      Request{"GET",
              "/v1/status",
              {{"Accept", "text/event-stream"}, {"Authorization", std::string("Bearer ") + kCi}},
              ""}
          .to_wire());
  EXPECT_EQ(asked.read_head().status, 200);
  TestConfig without = with_door("0.0.0.0:0");
  without.sections = {"[[admin.tls.certificates]]",
                      "certificate = \"" + (files_ / "cert.pem") + "\"",
                      "key = \"" + (files_ / "key.pem") + "\"",
                      "[[admin.token]]",
                      "name = \"ops\"",
                      std::string("token = \"") + kOps + "\"",
                      "scope = [\"operate\"]"};
  bonedry_->configure(without);
  order("reload");
  EXPECT_THAT(asked.socket().receive_all(), HasSubstr("event: error"));
}

TEST_P(RemoteDoorStory, ANewCertificateIsUsedFromTheNextConnection) {
  launch_remote();
  const auto shown = [this] {
    HttpClient asked{"127.0.0.1" + door().substr(door().rfind(':')),
                     TlsClient{authority_.certificate()}};
    return asked.socket().peer_certificate();
  };
  const std::string first = shown();
  install(authority_.issue());
  EXPECT_TRUE(eventually([&] { return shown() != first; }));
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("[admin] http: in force: "));
  write_file(files_ / "cert.pem", "not a certificate");
  EXPECT_TRUE(eventually([this] {
    return bonedry_->admin("events").find("[admin] http: the new files are not used") !=
           std::string::npos;
  }));
  EXPECT_EQ(ask("GET", "/v1/status", kCi).status, 200);
}

TEST_P(RemoteDoorStory, WhoSpeaksNoTlsGetsNothing) {
  launch_remote();
  HttpClient plain{"127.0.0.1" + door().substr(door().rfind(':')), std::nullopt};
  plain.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::array<char, 64> bytes{};
  const std::size_t size = plain.socket().receive(bytes.data(), bytes.size());
  EXPECT_THAT(std::string(bytes.data(), size), Not(HasSubstr("HTTP/")));
}

}  // namespace
}  // namespace bonedry::test
