// The values of the HTTP door: what a request asks for, from whom, and how it is refused.
#include "admin/http_door/arguments.h"
#include "admin/http_door/command_request.h"
#include "admin/http_door/openapi.h"
#include "admin/http_door/readiness.h"
#include "admin/http_door/request.h"
#include "admin/http_door/response.h"
#include "admin/http_door/same_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace bonedry::admin::http_door {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Request get(std::string path, std::string query = "") {
  Request request;
  request.path = std::move(path);
  request.query = std::move(query);
  request.host = "127.0.0.1:9900";
  return request;
}

Request post(std::string path, std::string body) {
  Request request = get(std::move(path));
  request.method = Method::post;
  request.fields["content-type"] = "application/json";
  request.body = std::move(body);
  return request;
}

/// "400: …" for a request that is refused, and the command as words otherwise.
std::string command_of(const Request& request) {
  const auto command = to_command(request);
  if (!command) return std::to_string(command.error().status) + ": " + command.error().detail;
  std::string text(command->line.command->name);
  for (const std::string& word : command->line.positionals) text += " " + word;
  for (const auto& option : command->line.options) {
    text += " --" + std::string(option.option->name);
    if (!option.value.empty()) text += " " + option.value;
  }
  return text + (command->delivery == Delivery::stream ? " (stream)" : "");
}

TEST(HttpDoorArguments, AreTakenFromAQuery) {
  EXPECT_THAT(*arguments_of_query("node=shop%2Falice&limit=50&&reason=a+b%21&force"),
              ElementsAre(Pair("node", "shop/alice"), Pair("limit", "50"), Pair("reason", "a b!"),
                          Pair("force", "true")));
  EXPECT_TRUE(arguments_of_query("")->empty());
  for (const std::string wrong : {"a=%", "a=%4", "a=%zz", "%=1", "a=%-1"}) {
    EXPECT_THAT(arguments_of_query(wrong).error(), HasSubstr("two hex digits")) << wrong;
  }
  EXPECT_EQ(arguments_of_query("a=1&b=2&a=3").error(), "'a' is given more than once");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "n" + std::to_string(i) + "=1&";
  EXPECT_EQ(arguments_of_query(many).error(), "more than 32 arguments");
}

TEST(HttpDoorArguments, AreTakenFromAnObject) {
  EXPECT_THAT(*arguments_of_json(R"( {"node":"shop/alice","force":true,"n":5,"gone":null} )"),
              ElementsAre(Pair("node", "shop/alice"), Pair("force", "true"), Pair("n", "5")));
  EXPECT_TRUE(arguments_of_json("{}")->empty());
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "not valid JSON at byte 1"},
      {"{", "not valid JSON at byte 2"},
      {"[]", "expected a JSON object"},
      {"[[[[[[[[", "expected a JSON object"},
      {"7", "expected a JSON object"},
      {"\"node\"", "expected a JSON object"},
      {"null", "expected a JSON object"},
      {R"({"a":{"b":1}})", "'a' is an object; expected a value"},
      {R"({"a":[1]})", "'a' is an array; expected a value"},
      {R"({"a":1.5})", "'a' is a number with a fraction: 1.5"},
      {R"({"a":1,"a":2})", "'a' is given more than once"},
      {R"({"a":1} x)", "not valid JSON at byte 9"},
      {"{\"a\":\"\xff\"}", "not valid JSON at byte 7"}};
  for (const auto& [body, why] : wrong) {
    const auto read = arguments_of_json(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error(), why) << body;
  }
}

TEST(HttpDoorCommands, AreThoseOfTheTable) {
  EXPECT_EQ(command_of(get("/v1/status")), "status");
  EXPECT_EQ(command_of(get("/v1/status", "pool=shop")), "status shop");
  EXPECT_EQ(command_of(get("/v1/sessions", "limit=50&node=alice&sort=age")),
            "sessions alice --limit 50 --sort age");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"reason":"4.2","node":"shop/alice","force":true})")),
            "bleed shop/alice --reason 4.2 --force");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"node":"alice","force":false})")), "bleed alice");
  EXPECT_EQ(command_of(post("/v1/switch", R"({"pool":"shop","group":"green"})")),
            "switch shop green");
  EXPECT_EQ(command_of(post("/v1/reload", "{}")), "reload");
  EXPECT_EQ(command_of(get("/v1/roll", "pool=shop")), "roll shop");
  EXPECT_EQ(command_of(post("/v1/roll", R"({"pool":"shop","abandon":true})")),
            "roll shop --abandon");
}

TEST(HttpDoorCommands, SayWhatIsWrongWithARequest) {
  EXPECT_EQ(command_of(get("/v1/bleed", "node=alice")), "405: bleed takes POST");
  EXPECT_EQ(command_of(post("/v1/status", "{}")), "405: status takes GET, HEAD");
  EXPECT_EQ(command_of(get("/v1/stats")), "404: unknown command 'stats'; did you mean 'status'?");
  EXPECT_EQ(command_of(get("/v1/")), "404: unknown command ''; 'help' lists the commands");
  EXPECT_THAT(command_of(get("/v1/roll-hold")), HasSubstr("404: "));
  EXPECT_EQ(command_of(get("/v1/sessions")),
            "400: sessions needs 'node': POOL/NODE, or just NODE if the name is unique");
  EXPECT_EQ(command_of(get("/v1/sessions", "node=a&limit=0")),
            "400: limit takes a number from 1 to 10000, not '0'");
  EXPECT_EQ(command_of(get("/v1/sessions", "node=a&limits=9")),
            "400: sessions has no argument 'limits'; did you mean 'limit'?");
  EXPECT_EQ(command_of(get("/v1/status", "width=80")),
            "400: status has no argument 'width'; it has pool");
  EXPECT_EQ(command_of(get("/v1/roll", "pool=shop&abandon=true")),
            "400: 'abandon' changes something: it takes a POST");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"node":"a","force":"yes"})")),
            "400: 'force' is true or false");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"node":""})")), "400: 'node' is empty");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"node":"a\nb"})")),
            "400: 'node' has a control character");
  EXPECT_EQ(command_of(post("/v1/bleed", R"({"node":"a","reason":"x\ny"})")),
            "400: reason takes a single line without control characters");
  Request form = post("/v1/bleed", "node=alice");
  form.fields["content-type"] = "application/x-www-form-urlencoded";
  EXPECT_EQ(command_of(form), "415: a change is sent with Content-Type: application/json");
  form.fields.clear();
  EXPECT_THAT(command_of(form), HasSubstr("415: "));
  form.fields["content-type"] = "text/plain; application/json";
  EXPECT_THAT(command_of(form), HasSubstr("415: "));
  Request both = post("/v1/bleed", R"({"node":"alice"})");
  both.fields["content-type"] = "Application/JSON; charset=utf-8";
  EXPECT_EQ(command_of(both), "bleed alice");
  both.query = "node=bob";
  EXPECT_THAT(command_of(both), HasSubstr("400: the arguments of a change are members"));
}

TEST(HttpDoorCommands, AreStreamsWhereTheyAreAskedFor) {
  Request events = get("/v1/events");
  events.fields["accept"] = "text/html, Text/Event-Stream;q=0.9";
  EXPECT_EQ(command_of(events), "events (stream)");
  events.fields["accept"] = "*/*";
  EXPECT_EQ(command_of(events), "events");
  Request version = get("/v1/version");
  version.fields["accept"] = "text/event-stream";
  EXPECT_EQ(command_of(version), "version");
  events.fields["accept"] = "text/event-stream;q=0";
  EXPECT_EQ(command_of(events), "events");
  events.fields["accept"] = "text/event-stream";
  events.method = Method::head;
  EXPECT_EQ(command_of(events), "events");
}

TEST(HttpDoorTokens, AreBearers) {
  Request request = get("/");
  EXPECT_FALSE(request.token());
  request.fields["authorization"] = "bearer  abc ";
  EXPECT_EQ(*request.token(), "abc");
  request.fields["authorization"] = "Basic YTpi";
  EXPECT_EQ(*request.token(), "Basic YTpi");
}

/// The status of the refusal; 0: none.
int refusal(Request request, Purpose purpose, Reach reach = Reach::loopback) {
  const auto problem = cross_origin_problem(request, reach, purpose);
  return problem ? problem->status : 0;
}

TEST(HttpDoorOrigins, TheHostIsThisMachine) {
  Request request = get("/v1/status");
  for (const std::string host : {"127.0.0.1:9900", "127.0.0.1", "127.200.0.1:1", "[::1]:9900",
                                 "localhost:8000", "LOCALHOST", "localhost.", "a.localhost:80"}) {
    request.host = host;
    EXPECT_EQ(refusal(request, Purpose::read), 0) << host;
    EXPECT_EQ(refusal(request, Purpose::page), 0) << host;
  }
  for (const std::string host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                                 "127.evil", "evillocalhost", "10.0.0.1", "[::2]", "192.168.1.1"}) {
    request.host = host;
    EXPECT_EQ(refusal(request, Purpose::read), 421) << host;
    EXPECT_EQ(refusal(request, Purpose::page), 421) << host;
    EXPECT_EQ(refusal(request, Purpose::change), 421) << host;
    EXPECT_EQ(refusal(request, Purpose::read, Reach::network), 0) << host;
    EXPECT_EQ(refusal(request, Purpose::read, Reach::local), 0) << host;
  }
}

TEST(HttpDoorOrigins, PagesOfOthersNeitherReadNorChange) {
  Request request = post("/v1/reload", "{}");
  EXPECT_EQ(refusal(request, Purpose::change), 0);  // no browser
  for (const std::string site : {"cross-site", "same-site", "none", "other"}) {
    request.fields["sec-fetch-site"] = site;
    EXPECT_EQ(refusal(request, Purpose::change), 403) << site;
    EXPECT_EQ(refusal(request, Purpose::read), site == "none" ? 0 : 403) << site;
    EXPECT_EQ(refusal(request, Purpose::page), 0) << site;
  }
  request.fields["sec-fetch-site"] = "same-origin";
  EXPECT_EQ(refusal(request, Purpose::change), 0);
  EXPECT_EQ(refusal(request, Purpose::read), 0);
  // A browser that knows no Fetch Metadata.
  request.fields.erase("sec-fetch-site");
  for (const std::string origin :
       {"http://evil.example", "null", "ftp://127.0.0.1:9900", "http://127.0.0.1:9901",
        "http://127.0.0.1", "http://127.0.0.1:9900, http://evil.example", "127.0.0.1:9900"}) {
    request.fields["origin"] = origin;
    EXPECT_EQ(refusal(request, Purpose::change), 403) << origin;
    EXPECT_EQ(refusal(request, Purpose::read), 403) << origin;
  }
  request.fields["origin"] = "http://127.0.0.1:9900";
  EXPECT_EQ(refusal(request, Purpose::change), 0);
  request.fields["origin"] = "https://127.0.0.1:9900";
  EXPECT_EQ(refusal(request, Purpose::change, Reach::network), 0);
}

TEST(HttpDoorProblems, HaveTheStatusOfTheirKind) {
  const auto status = [](ErrorCode code, Shown shown = Shown::token) {
    return to_problem({code, "why"}, shown).status;
  };
  EXPECT_EQ(status(ErrorCode::invalid), 400);
  EXPECT_EQ(status(ErrorCode::forbidden, Shown::no_token), 401);
  EXPECT_EQ(status(ErrorCode::forbidden), 403);
  EXPECT_EQ(status(ErrorCode::not_found), 404);
  EXPECT_EQ(status(ErrorCode::guard_refused), 409);
  EXPECT_EQ(status(ErrorCode::not_ready), 409);
  EXPECT_EQ(status(ErrorCode::unavailable), 503);
  EXPECT_EQ(status(ErrorCode::storage_failed), 507);
  const auto json = nlohmann::json::parse(
      render(to_problem({ErrorCode::guard_refused, "a \"guard\"\xff"}, Shown::token)));
  EXPECT_EQ(json["type"], "about:blank");
  EXPECT_EQ(json["title"], "Conflict");
  EXPECT_EQ(json["status"], 409);
  EXPECT_EQ(json["code"], "guard_refused");
  EXPECT_THAT(json["detail"].get<std::string>(), HasSubstr("a \"guard\""));
}

TEST(HttpDoorResponses, AnUnchangedPageIsNotDescribed) {
  Response unchanged{304};
  unchanged.fields = "ETag: \"1\"\r\n";
  const std::string head = render_head(unchanged, BodyEnd::length_then_next, {}, Millis{0});
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(head, HasSubstr("ETag: \"1\"\r\n"));
  EXPECT_THAT(head, testing::Not(HasSubstr("Content-Length")));
  EXPECT_THAT(head, testing::Not(HasSubstr("Content-Type:")));
}

TEST(HttpDoorResponses, HeadsAndEvents) {
  const Response response{200, kJson, "{}"};
  const std::string head =
      render_head(response, BodyEnd::length_then_next, WallTime{784111777000}, Millis{0});
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Security-Policy: default-src 'none';"));
  EXPECT_THAT(head, testing::Not(HasSubstr("Connection: close")));
  const std::string stream = render_head(response, BodyEnd::close, {}, std::chrono::hours{1});
  EXPECT_THAT(stream, testing::Not(HasSubstr("Content-Length")));
  EXPECT_THAT(stream, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(stream, HasSubstr("Strict-Transport-Security: max-age=3600\r\n"));
  const std::string pieces = render_head(response, BodyEnd::chunked_then_next, {}, Millis{0});
  EXPECT_THAT(pieces, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(pieces, testing::Not(HasSubstr("Content-Length")));
  EXPECT_THAT(pieces, testing::Not(HasSubstr("Connection")));
  EXPECT_EQ(stream_event("event", "{}\n", "7"), "id: 7\nevent: event\ndata: {}\n\n");
  EXPECT_EQ(stream_event("status", "{}"), "event: status\ndata: {}\n\n");
}

TEST(HttpDoorReadiness, EachPoolHasANodeForNewUsers) {
  Status status;
  status.pools.resize(1);
  PoolStatus& pool = status.pools[0];
  pool.name = "shop";
  EXPECT_THAT(not_ready(status), ElementsAre("pool shop has no node for new users"));
  pool.nodes.resize(2);
  pool.nodes[0].state = balancer::NodeState::bleeding;
  EXPECT_TRUE(not_ready(status).empty());
  pool.nodes[1].health = balancer::Health::down;
  EXPECT_TRUE(not_ready(status).empty());  // marked by failures alone: it is tried
  pool.checks = PoolChecks::active;
  EXPECT_EQ(not_ready(status).size(), 1U);
  pool.nodes[1].health = balancer::Health::up;
  EXPECT_TRUE(not_ready(status).empty());
  pool.nodes[1].removed = true;
  EXPECT_EQ(not_ready(status).size(), 1U);
}

TEST(HttpDoorOpenapi, DescribesEveryCommandOfTheTable) {
  const auto api = nlohmann::json::parse(openapi());
  EXPECT_EQ(api["openapi"], "3.1.0");
  for (const Command& command : command_table()) {
    const std::string path = "/v1/" + std::string(command.name);
    EXPECT_EQ(api["paths"].contains(path), command.audience == Audience::people) << path;
  }
  const auto& paths = api["paths"];
  EXPECT_FALSE(paths["/v1/bleed"].contains("get"));
  const auto& bleed =
      paths["/v1/bleed"]["post"]["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_EQ(bleed["required"], nlohmann::json({"node"}));
  EXPECT_EQ(bleed["properties"]["force"]["type"], "boolean");
  EXPECT_EQ(paths["/v1/sessions"]["get"]["parameters"][1]["schema"]["enum"],
            nlohmann::json({"idle", "age", "exchanges"}));
  EXPECT_TRUE(
      paths["/v1/events"]["get"]["responses"]["200"]["content"].contains("text/event-stream"));
}

}  // namespace
}  // namespace bonedry::admin::http_door
