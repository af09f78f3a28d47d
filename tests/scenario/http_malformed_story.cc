// Malformed messages: each is refused with the right status, reaches no node and closes its
// connection, so that no request can be smuggled after it.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using namespace std::string_literals;
using testing::AnyOf;
using testing::Eq;

struct Malformed {
  const char* what;
  std::string raw;
  std::vector<int> statuses;
};

std::string get_with(const std::string& fields) {
  return "GET /bad HTTP/1.1\r\n" + fields + "\r\n";
}
std::string post_with(const std::string& fields, const std::string& body) {
  return "POST /bad HTTP/1.1\r\nHost: shop.example\r\n" + fields + "\r\n" + body;
}

std::string many_fields(int count) {
  std::string fields = "Host: shop.example\r\n";
  for (int i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  return fields;
}

const std::string kChunked = "Transfer-Encoding: chunked\r\n";

std::vector<Malformed> malformed_requests() {
  return {
      {"no host", get_with(""), {400}},
      {"two hosts", get_with("Host: a\r\nHost: a\r\n"), {400}},
      {"a host with userinfo", get_with("Host: user@shop.example\r\n"), {400}},
      {"a host with a bad port", get_with("Host: shop.example:80x\r\n"), {400}},
      {"a host with a port too large", get_with("Host: shop.example:99999\r\n"), {400}},
      {"a host with bad brackets", get_with("Host: [::1\r\n"), {400}},
      {"a host with a blank", get_with("Host: shop example\r\n"), {400}},
      {"a target that is not the host's",
       "GET http://other.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
       {400}},
      {"a star target for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", {400}},
      {"a relative target", "GET page HTTP/1.1\r\nHost: a\r\n\r\n", {400}},
      {"length and chunks", post_with("Content-Length: 5\r\n" + kChunked, "0\r\n\r\n"), {400}},
      {"chunks and length", post_with(kChunked + "Content-Length: 5\r\n", "0\r\n\r\n"), {400}},
      {"two lengths", post_with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), {400}},
      {"a list of lengths", post_with("Content-Length: 5, 6\r\n", "hello"), {400}},
      {"a negative length", post_with("Content-Length: -1\r\n", ""), {400}},
      {"a length with a plus", post_with("Content-Length: +5\r\n", "hello"), {400}},
      {"a hexadecimal length", post_with("Content-Length: 0x5\r\n", "hello"), {400}},
      {"an empty length", post_with("Content-Length:\r\n", ""), {400}},
      {"a length beyond 2^63", post_with("Content-Length: 9223372036854775808\r\n", ""), {400}},
      {"a length beyond 2^64",
       post_with("Content-Length: 18446744073709551621\r\n", "hello"),
       {400}},
      {"an unknown coding", post_with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), {400, 501}},
      {"chunked is not last",
       post_with("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
       {400, 501}},
      {"chunked twice",
       post_with("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
       {400, 501}},
      {"chunks in HTTP/1.0",
       "POST /bad HTTP/1.0\r\nHost: a\r\n" + kChunked + "\r\n0\r\n\r\n",
       {400}},
      {"a bad chunk size", post_with(kChunked, "zz\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a huge chunk size", post_with(kChunked, "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a negative chunk size", post_with(kChunked, "-5\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a chunk longer than it says", post_with(kChunked, "3\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a blank before the colon", get_with("Host: a\r\nX-A : b\r\n"), {400}},
      {"a field without a colon", get_with("Host: a\r\nnonsense\r\n"), {400}},
      {"a field without a name", get_with("Host: a\r\n: b\r\n"), {400}},
      {"a folded line", get_with("Host: a\r\nX-A: b\r\n c\r\n"), {400}},
      {"a NUL in a value", get_with("Host: a\r\nX-A: b\0c\r\n"s), {400}},
      {"a bare CR in a value", get_with("Host: a\r\nX-A: b\rc\r\n"), {400}},
      {"a bare LF as a line's end", get_with("Host: a\nX-A: b\r\n"), {400}},
      {"a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", {400}},
      {"a method with bad characters", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", {400}},
      {"an HTTP/0.9 request", "GET /\r\n\r\n", {400, 505}},
      {"TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, {400}},
      {"HTTP/2.0 in words", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", {505}},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", {505}},
      {"HTTP/0.8", "GET / HTTP/0.8\r\nHost: a\r\n\r\n", {505, 400}},
      {"CONNECT", "CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", {405}},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", {405}},
      {"a head of 64 KiB",
       get_with("Host: a\r\nX-Long: " + std::string(65536, 'x') + "\r\n"),
       {431}},
      {"101 fields", get_with(many_fields(100)), {431}},
  };
}

class MalformedStory : public Story {
 protected:
  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
};

INSTANTIATE_TEST_SUITE_P(Workers, MalformedStory, worker_counts(), name_of_workers);

TEST_P(MalformedStory, EveryMalformedRequestIsRefusedAndEndsItsConnection) {
  for (const Malformed& bad : malformed_requests()) {
    SCOPED_TRACE(bad.what);
    HttpClient client{bonedry_.address()};
    try {
      // A parser that is fooled would read these bytes as a second request.
      client.send(bad.raw + Request{.target = "/smuggled"}.to_wire());
      const Response response = client.read_response();
      EXPECT_THAT(bad.statuses, testing::Contains(Eq(response.status)));
      EXPECT_TRUE(response.complete());
      EXPECT_LT(response.body_size, 1000U) << "a short body";
      EXPECT_FALSE(response.headers.has("X-Node"));
      EXPECT_TRUE(client.closed_by_peer());
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_EQ(alice_.requests_for("/smuggled"), 0U);
  // A bad chunk is the only fault that is found after the head has been forwarded.
  for (const NodeRequest& seen : alice_.seen()) {
    EXPECT_TRUE(seen.headers.has_token("Transfer-Encoding", "chunked")) << seen.raw_head;
  }
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/good").status, 200) << "and it lives on";
}

TEST_P(MalformedStory, A405SaysWhatIsAllowed) {
  HttpClient client{bonedry_.address()};
  client.send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_response().headers.has("Allow"));
}

TEST_P(MalformedStory, HeadsUpToTheLimitsAreServed) {
  HttpClient client{bonedry_.address()};
  client.send(get_with("Host: a\r\nX-Long: " + std::string(30'000, 'x') + "\r\n"));
  EXPECT_EQ(client.read_response().status, 200);
  client.send(get_with(many_fields(99)));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_P(MalformedStory, EmptyLinesBeforeARequestAreForgiven) {
  HttpClient client{bonedry_.address()};
  client.send("\r\n\r\n" + Request{.target = "/one"}.to_wire());
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_P(MalformedStory, BlanksInTheRequestLineAreNotPassedOn) {
  HttpClient client{bonedry_.address()};
  client.send("GET   /blanks HTTP/1.1\r\nHost: a\r\n\r\n");
  const Response response = client.read_response();
  if (response.status == 400) return;  // refusing is as safe as repairing
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(alice_.last("/blanks").raw_head, testing::StartsWith("GET /blanks HTTP/1.1\r\n"));
}

TEST_P(MalformedStory, EveryMalformedResponseBecomesA502) {
  const std::vector<std::pair<const char*, std::string>> responses = {
      {"nonsense", "what?\r\n\r\n"},
      {"a bad status", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
      {"a bad version", "HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {"length and chunks",
       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"},
      {"two codings",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n"},
      {"an unasked 101",
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
      {"a blank before a colon", "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n"},
      {"a folded line", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
      {"a NUL in a value", "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n"s},
      {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"},
      {"a head of 1 MiB",
       "HTTP/1.1 200 OK\r\nX-A: " + std::string(1 << 20, 'x') + "\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const auto& [what, raw] : responses) {
    SCOPED_TRACE(what);
    alice_.on("/bad", answering_and_closing(raw));
    HttpClient client{bonedry_.address()};
    try {
      const Response response = client.get("/bad");
      EXPECT_EQ(response.status, 502);
      EXPECT_LT(response.body_size, 1000U);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/good").status, 200);
}

TEST_P(MalformedStory, BytesThatANodeSendsUnaskedReachNobody) {
  alice_.on("/more", answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                               "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
  for (int i = 0; i < 20; ++i) {
    HttpClient client{bonedry_.address()};
    EXPECT_EQ(client.get("/more").body, "ok");
    EXPECT_THAT(client.get("/next").body, testing::HasSubstr("/next"));
  }
}

TEST_P(MalformedStory, AChunkBrokenByTheNodeIsSeenAsAborted) {
  alice_.on("/bad", answering_and_closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          "5\r\nhello\r\nzz\r\n"));
  HttpClient client{bonedry_.address()};
  const Response response = client.get("/bad");
  EXPECT_THAT(response.status, AnyOf(200, 502));
  EXPECT_TRUE(response.status == 502 || response.end == BodyEnd::aborted);
  EXPECT_TRUE(client.closed_by_peer() || response.status == 502);
}

}  // namespace
}  // namespace bonedry::test
