// Failures, for every way in which clients and nodes speak HTTP: what is cut never looks whole,
// what the client is told, and what is sent again.
#include "tests/scenario/matrix_story.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::Each;
using testing::SizeIs;

class MatrixFailureStory : public MatrixStory {
 protected:
  void launch_impatient() {
    TestConfig config = alice_alone();
    const std::string limit = '"' + std::to_string(scaled(Millis{400}).count()) + "ms\"";
    config.timeouts = {"response = " + limit, "stall = " + limit, "shutdown = \"2s\""};
    launch(config);
  }
  /// A message of the proxy's own.
  static void expect_refusal(const Response& response, int status) {
    EXPECT_EQ(response.status, status);
    EXPECT_TRUE(response.complete());
    EXPECT_GT(response.body_size, 0U);
    EXPECT_LT(response.body_size, 1000U);
    EXPECT_FALSE(response.headers.has("Set-Cookie")) << "nobody has been served";
  }
};

INSTANTIATE_TEST_SUITE_P(Matrix, MatrixFailureStory, testing::ValuesIn(all_combinations()),
                         name_of_combination);

TEST_P(MatrixFailureStory, ANodeThatIsDownMakesA502AndOneInMaintenanceA503) {
  launch(alice_alone());
  alice_.stop();
  expect_refusal(ask({}), 502);
  EXPECT_EQ(ask({.method = "HEAD"}).status, 502);
  alice_.start();
  EXPECT_EQ(ask({}).status, 200);
  order("maintain alice --force");
  const Response response = ask({});
  expect_refusal(response, 503);
  EXPECT_EQ(response.headers.get("Retry-After"), "5");
}

TEST_P(MatrixFailureStory, ANodeThatHangsUpWithoutAWordMakesA502) {
  launch(alice_alone());
  const std::vector<AnyHandler> ways{[](AnyExchange& exchange) { exchange.close(); },
                                     [](AnyExchange& exchange) { exchange.reset(); }};
  for (const AnyHandler& hang_up : ways) {
    alice_.on("/rude", [hang_up](AnyExchange& exchange) {
      (void)exchange.read_body();
      hang_up(exchange);
    });
    expect_refusal(ask({.method = "POST", .target = "/rude", .body = "order"}), 502);
  }
  EXPECT_EQ(alice_.requests_for("/rude"), ways.size()) << "an order is not sent twice";
}

TEST_P(MatrixFailureStory, ANodeThatNeverAnswersMakesA504AndIsGivenUp) {
  const Gate given_up;
  alice_.on("/silent", [given_up](AnyExchange& exchange) {
    if (exchange.is_given_up()) given_up.open();
  });
  launch_impatient();
  expect_refusal(ask({.target = "/silent"}), 504);
  EXPECT_TRUE(given_up.wait());
}

TEST_P(MatrixFailureStory, AResponseThatStallsIsCut) {
  const Gate given_up;
  alice_.on("/stalls", [given_up](AnyExchange& exchange) {
    exchange.send_head(200);
    exchange.send("half");
    if (exchange.is_given_up()) given_up.open();
  });
  launch_impatient();
  const Response response = ask({.target = "/stalls"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "half");
  EXPECT_FALSE(response.complete());
  EXPECT_TRUE(given_up.wait());
}

/// What a node sends before it breaks off.
using Beginning = std::function<void(AnyExchange&)>;

TEST_P(MatrixFailureStory, AResponseThatIsCutNeverLooksWhole) {
  const Beginning with_length = [](AnyExchange& exchange) {
    exchange.send_head(200, {{"Content-Length", "8"}});
  };
  const Beginning open = [](AnyExchange& exchange) { exchange.send_head(200); };
  const Beginning last = [](AnyExchange& exchange) { exchange.send_head_of_last(200); };
  const AnyHandler close = [](AnyExchange& exchange) { exchange.close(); };
  const AnyHandler reset = [](AnyExchange& exchange) { exchange.reset(); };
  struct Case {
    std::string name;
    Beginning begin;
    AnyHandler break_off;
  };
  const std::vector<Case> cases{{"length, close", with_length, close},
                                {"length, reset", with_length, reset},
                                {"open, close", open, close},
                                {"open, reset", open, reset},
                                {"until the end, reset", last, reset}};
  launch(alice_alone());
  for (const Case& each : cases) {
    const Gate half_read;
    alice_.on("/cut", [each, half_read](AnyExchange& exchange) {
      each.begin(exchange);
      exchange.send("half");
      EXPECT_TRUE(half_read.wait());
      each.break_off(exchange);
    });
    const auto client = connect();
    client->begin({.target = "/cut"});
    std::string body;
    const Response response = client->read_response_into([&](std::string_view piece) {
      body += piece;
      half_read.open();
    });
    EXPECT_EQ(response.status, 200) << each.name;
    EXPECT_EQ(body, "half") << each.name;
    EXPECT_FALSE(response.complete()) << each.name;
  }
}

TEST_P(MatrixFailureStory, AnUploadThatItsClientCutsNeverLooksWholeAtTheNode) {
  struct Ends {
    std::mutex mutex;
    std::vector<BodyEnd> all;
  };
  const auto ends = std::make_shared<Ends>();
  alice_.on("/up", [ends](AnyExchange& exchange) {
    const BodyEnd end = exchange.read_body().end;
    const std::lock_guard lock{ends->mutex};
    ends->all.push_back(end);
  });
  launch(alice_alone());
  const std::vector<Headers> framings{{{"Content-Length", "8"}}, {}};
  const std::vector<void (AnyClient::*)()> ways{&AnyClient::give_up, &AnyClient::cut};
  std::size_t count = 0;
  for (const Headers& framing : framings) {
    for (const auto leave : ways) {
      const auto client = connect();
      client->begin_upload({.method = "POST", .target = "/up", .headers = framing});
      client->send("half");
      ASSERT_TRUE(alice_.wait_for("/up", ++count));
      (*client.*leave)();
    }
  }
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock{ends->mutex};
    return ends->all.size() == count;
  }));
  const std::lock_guard lock{ends->mutex};
  EXPECT_THAT(ends->all, SizeIs(4));
  EXPECT_THAT(ends->all, Each(BodyEnd::aborted));
  EXPECT_TRUE(eventually_idle());
  EXPECT_EQ(node(alice_).sessions(), 0);
}

TEST_P(MatrixFailureStory, AClientThatLeavesFreesItsNode) {
  const Gate before_head;
  const Gate half_is_sent;
  const Gate in_body;
  alice_.on("/wait", [before_head](AnyExchange& exchange) {
    if (exchange.is_given_up()) before_head.open();
  });
  alice_.on("/half", [half_is_sent, in_body](AnyExchange& exchange) {
    exchange.send_head(200);
    exchange.send("half");
    half_is_sent.open();
    if (exchange.is_given_up()) in_body.open();
  });
  launch(alice_alone());
  for (const std::string target : {"/wait", "/half"}) {
    const auto client = connect();
    client->begin({.target = target});
    ASSERT_TRUE(alice_.wait_for(target, 1));
    if (target == "/half") {
      EXPECT_EQ(client->read_head().status, 200);
      ASSERT_TRUE(half_is_sent.wait());
    }
    client->give_up();
    EXPECT_TRUE((target == "/half" ? in_body : before_head).wait()) << target;
  }
  EXPECT_TRUE(eventually_idle());
}

/// Responds to the first request on each connection, and hangs up at the second.
AnyHandler aging() {
  struct State {
    std::mutex mutex;
    std::map<std::size_t, int> served;
  };
  return [state = std::make_shared<State>()](AnyExchange& exchange) {
    const NodeBody body = exchange.read_body();
    {
      const std::lock_guard lock{state->mutex};
      if (++state->served[exchange.request().connection] > 1) return exchange.close();
    }
    exchange.respond(200, "got " + body.text);
  };
}

TEST_P(MatrixFailureStory, AnIdempotentRequestOnAConnectionThatWasOldIsSentAgain) {
  alice_.on("/aging", aging());
  launch(alice_alone());
  User anna = visitor();
  EXPECT_EQ(anna.click("/aging").status, 200);
  EXPECT_EQ(anna.click("/aging").status, 200);
  EXPECT_EQ(alice_.requests_for("/aging"), 3U);
  EXPECT_EQ(anna.send({.method = "PUT", .target = "/aging", .body = "a body"}).body, "got a body");
  EXPECT_EQ(alice_.requests_for("/aging"), 5U);
  EXPECT_EQ(anna.send({.method = "POST", .target = "/aging", .body = "order"}).status, 502);
  EXPECT_EQ(alice_.requests_for("/aging"), 6U) << "an order is not sent twice";
  EXPECT_EQ(node(alice_).sessions(), 1) << "it is the same user all the time";
}

TEST_P(MatrixFailureStory, WhatNoNodeHasTakenGoesToAnother) {
  launch(config({}, {"balance = \"round-robin\""}));
  alice_.stop();
  for (int i = 0; i < 4; ++i) {
    const Response response =
        ask({.method = "POST", .target = "/buy", .body = "cart " + std::to_string(i)});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("X-Node"), "bob");
  }
  EXPECT_EQ(bob_.requests_for("/buy"), 4U);
}

}  // namespace
}  // namespace bonedry::test
