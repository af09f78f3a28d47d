// Messages cut off at every possible byte: the receiver must be able to see that they are
// truncated.
#include "tests/scenario/fault.h"

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {
namespace {

/// How one side of a connection closes.
enum class How : std::uint8_t { fin, rst };
constexpr How kBothWays[] = {How::fin, How::rst};

/// A message of which only the first `at` bytes are sent.
struct Cut {
  std::string message;
  std::size_t at = 0;
  How how = How::fin;

  [[nodiscard]] std::string_view sent() const { return std::string_view{message}.substr(0, at); }
  [[nodiscard]] std::size_t head_size() const { return message.find("\r\n\r\n") + 4; }
  [[nodiscard]] bool within_head() const { return at < head_size(); }
  [[nodiscard]] std::string told() const {
    return std::string{how == How::fin ? "FIN" : "RST"} + " after " + std::to_string(at) +
           " bytes of " + message;
  }
};

/// Every proper prefix of a message, each ended in both ways.
std::vector<Cut> all_cuts_of(const std::string& message) {
  std::vector<Cut> cuts;
  for (const How how : kBothWays) {
    for (std::size_t at = 0; at < message.size(); ++at) cuts.push_back({message, at, how});
  }
  return cuts;
}

void send_cut(NodeExchange& exchange, const Cut& cut) {
  exchange.send(cut.sent());
  exchange.close_after();
  if (cut.how == How::rst) exchange.reset();
}

std::size_t number_in(const NodeRequest& request) {
  return std::stoul(request.target.substr(request.target.find('?') + 1));
}

const std::string kLength =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 60\r\n\r\n"
    "012345678901234567890123456789012345678901234567890123456789";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    "a\r\n0123456789\r\n14;ext=1\r\n01234567890123456789\r\n0\r\nX-Sum: 30\r\n\r\n";
const std::string kUntilClose =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n0123456789012345678901234567890123456789";
const std::string kUntilClose10 =
    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n0123456789012345678901234567890123456789";

class CutStory : public FaultStory {
 protected:
  /// Reports what `judge` says about the response to each cut, and checks that the next client is
  /// served.
  template <class Judge>
  void tell(const std::vector<Cut>& cuts, const Request& like, const Judge& judge) {
    alice_.on("/cut", [cuts](NodeExchange& exchange) {
      (void)exchange.read_body();
      send_cut(exchange, cuts.at(number_in(exchange.request())));
    });
    in_parallel(cuts.size(), [&](std::size_t number) {
      SCOPED_TRACE(cuts[number].told());
      Request request = like;
      request.target = "/cut?" + std::to_string(number);
      try {
        judge(cuts[number], ask(request));
        EXPECT_EQ(ask("/after").status, 200);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }

  static void expect_error(const Cut& cut, const Response& response) {
    if (cut.within_head()) {
      EXPECT_EQ(response.status, 502);
      EXPECT_TRUE(response.complete());
      EXPECT_FALSE(response.headers.has("Set-Cookie")) << "nobody has been served";
      return;
    }
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.end, BodyEnd::aborted) << "it must not look like a whole answer";
  }

  static void expect_end_or_error(const Cut& cut, const Response& response) {
    if (cut.within_head() || cut.how == How::rst) return expect_error(cut, response);
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.complete()) << "the close is the end of this body";
    EXPECT_EQ(response.body, cut.message.substr(cut.head_size(), cut.at - cut.head_size()));
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, CutStory, worker_counts(), name_of_workers);

TEST_P(CutStory, ABodyWithALengthIsNeverWholeWhenItWasCut) {
  tell(all_cuts_of(kLength), {}, expect_error);
}

TEST_P(CutStory, ABodyWithALengthIsNeverWholeForAnHttp10Client) {
  tell(all_cuts_of(kLength), {.version = "HTTP/1.0"}, expect_error);
}

TEST_P(CutStory, AChunkedBodyIsNeverWholeWhenItWasCut) {
  tell(all_cuts_of(kChunked), {}, expect_error);
}

TEST_P(CutStory, AChunkedBodyIsNeverWholeForAnHttp10Client) {
  tell(all_cuts_of(kChunked), {.version = "HTTP/1.0"}, expect_error);
}

TEST_P(CutStory, ABodyUntilTheCloseEndsByAFinAndBreaksByAReset) {
  tell(all_cuts_of(kUntilClose), {}, expect_end_or_error);
}

TEST_P(CutStory, ABodyUntilTheCloseEndsAndBreaksForAnHttp10ClientToo) {
  tell(all_cuts_of(kUntilClose), {.version = "HTTP/1.0"}, expect_end_or_error);
}

TEST_P(CutStory, AnHttp10NodeEndsItsBodyByAFinAndBreaksItByAReset) {
  tell(all_cuts_of(kUntilClose10), {}, expect_end_or_error);
}

TEST_P(CutStory, AnHttp10NodeEndsAndBreaksItsBodyForAnHttp10ClientToo) {
  tell(all_cuts_of(kUntilClose10), {.version = "HTTP/1.0"}, expect_end_or_error);
}

TEST_P(CutStory, WhatIsNotIdempotentReachesTheNodeOnce) {
  const std::vector<Cut> cuts = all_cuts_of(kLength);
  tell(cuts, {.method = "POST", .body = "one book"}, expect_error);
  EXPECT_EQ(alice_.requests_for("/cut"), cuts.size());
}

TEST_P(CutStory, ACutHeadMayBeAskedForOnceMore) {
  const std::vector<Cut> cuts = all_cuts_of(kLength);
  const auto asked = std::make_shared<std::vector<std::atomic<int>>>(cuts.size());
  alice_.on("/once", [cuts, asked](NodeExchange& exchange) {
    const std::size_t number = number_in(exchange.request());
    if ((*asked)[number]++ == 0) return send_cut(exchange, cuts[number]);
    exchange.respond(200, "the second time");
  });
  in_parallel(cuts.size(), [&](std::size_t number) {
    SCOPED_TRACE(cuts[number].told());
    try {
      EXPECT_EQ(ask("/before").status, 200);  // so that there are idle connections to reuse
      const Response response = ask("/once?" + std::to_string(number));
      if ((*asked)[number] == 1) return expect_error(cuts[number], response);
      EXPECT_TRUE(cuts[number].within_head())
          << "an answer that has begun is never asked for again";
      EXPECT_EQ((*asked)[number], 2);
      EXPECT_EQ(response.body, "the second time");
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  });
}

/// Uploads of which the client sends only a part.
class UploadCutStory : public FaultStory {
 protected:
  void tell(const std::string& request) {
    const std::vector<Cut> cuts = all_cuts_of(request);
    struct Seen {
      std::mutex mutex;
      std::multiset<std::string> whole;  // the X-Cut of the requests with a complete body
      std::set<std::string> begun;
    };
    const auto seen = std::make_shared<Seen>();
    alice_.on("/upload", [seen](NodeExchange& exchange) {
      const std::string number = exchange.request().headers.get("X-Cut");
      {
        const std::lock_guard lock{seen->mutex};
        seen->begun.insert(number);
      }
      const bool whole = exchange.read_body().end != BodyEnd::aborted;
      if (whole) exchange.respond(200, "thanks");
      const std::lock_guard lock{seen->mutex};
      if (whole) seen->whole.insert(number);
    });
    in_parallel(cuts.size(), [&](std::size_t number) { send(cuts[number], number); });
    EXPECT_EQ(client_sends(request), 200);
    EXPECT_TRUE(eventually([this] { return node().exchanges_open == 0; }));
    alice_.stop();  // makes the node finish reading what it has received
    alice_.start();
    const std::lock_guard lock{seen->mutex};
    EXPECT_THAT(seen->whole, testing::ElementsAre("0000")) << "the one that was not cut";
    for (std::size_t number = 0; number < cuts.size(); ++number) {
      if (!cuts[number].within_head()) continue;
      EXPECT_FALSE(seen->begun.contains(name_of(number))) << cuts[number].told();
    }
  }

 private:
  static std::string name_of(std::size_t number) { return std::to_string(1000 + number); }

  void send(const Cut& cut, std::size_t number) {
    SCOPED_TRACE(cut.told());
    Cut named = cut;
    if (const auto at = named.message.find("0000"); at != std::string::npos) {
      named.message.replace(at, 4, name_of(number));
    }
    try {
      HttpClient client{bonedry_->address()};
      client.send(named.sent());
      if (cut.how == How::rst) return client.socket().reset();
      client.socket().finish_sending();
      EXPECT_TRUE(client.closed_by_peer()) << "there is nobody to answer";
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }

  [[nodiscard]] int client_sends(const std::string& request) const {
    HttpClient client{bonedry_->address()};
    client.send(request);
    return client.read_response().status;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, UploadCutStory, worker_counts(), name_of_workers);

TEST_P(UploadCutStory, ABodyWithALengthIsNeverCompletedForTheClient) {
  tell(
      "POST /upload HTTP/1.1\r\nHost: shop.example\r\nX-Cut: 0000\r\nContent-Length: 60\r\n\r\n"
      "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
}

TEST_P(UploadCutStory, AChunkedBodyIsNeverCompletedForTheClient) {
  tell(
      "POST /upload HTTP/1.1\r\nHost: shop.example\r\nX-Cut: 0000\r\n"
      "Transfer-Encoding: chunked\r\n\r\n"
      "a\r\nabcdefghij\r\n14\r\nabcdefghijabcdefghij\r\n0\r\nX-Sum: 30\r\n\r\n");
}

}  // namespace
}  // namespace bonedry::test
