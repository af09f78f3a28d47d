#include "proxy/stall.h"

#include <gtest/gtest.h>

namespace bonedry::proxy {
namespace {

TEST(StallTest, WhoDoesNotReadIsWaitedForFirst) {
  for (const RequestState request :
       {RequestState::body, RequestState::done, RequestState::tunnel, RequestState::ending}) {
    for (const ResponseState response : {ResponseState::waiting, ResponseState::body,
                                         ResponseState::tunnel, ResponseState::flushing}) {
      const Standing none{0, 0, request, response};
      Standing client = none;
      client.unsent_to_client = 1;
      EXPECT_EQ(awaited(client), Awaited::client_reads);
      Standing node = none;
      node.unsent_to_node = 1;
      EXPECT_EQ(awaited(node), Awaited::node_reads);
      Standing both = client;
      both.unsent_to_node = 1;
      EXPECT_EQ(awaited(both), Awaited::client_reads) << "a node that cannot send may not read";
    }
  }
  EXPECT_EQ(awaited({1, 0, RequestState::dropped, ResponseState::local}), Awaited::client_reads);
}

TEST(StallTest, ThenWhoOwesTheNextBytes) {
  using enum ResponseState;
  EXPECT_EQ(awaited({0, 0, RequestState::body, waiting}), Awaited::client_sends);
  EXPECT_EQ(awaited({0, 0, RequestState::done, waiting}), Awaited::node_answers);
  EXPECT_EQ(awaited({0, 0, RequestState::dropped, waiting}), Awaited::node_answers);
  EXPECT_EQ(awaited({0, 0, RequestState::done, body}), Awaited::node_sends);
  EXPECT_EQ(awaited({0, 0, RequestState::body, body}), Awaited::client_sends)
      << "the rest of the answer may need the rest of the request";
  EXPECT_EQ(awaited({0, 0, RequestState::dropped, body}), Awaited::node_sends)
      << "nothing more is wanted of the client";
}

TEST(StallTest, AClientThatWaitsForTheNodesWordOwesNothing) {
  Standing standing{0, 0, RequestState::body, ResponseState::waiting, true};
  EXPECT_EQ(awaited(standing), Awaited::node_answers);
  standing.response = ResponseState::body;
  EXPECT_EQ(awaited(standing), Awaited::node_sends) << "it has answered without asking for more";
  standing.awaits_continue = false;
  EXPECT_EQ(awaited(standing), Awaited::client_sends);
  standing.response = ResponseState::waiting;
  EXPECT_EQ(awaited(standing), Awaited::client_sends);
}

TEST(StallTest, NobodyOwesAnythingInATunnel) {
  using enum ResponseState;
  EXPECT_EQ(awaited({0, 0, RequestState::tunnel, tunnel}), Awaited::either);
  EXPECT_EQ(awaited({0, 0, RequestState::tunnel, flushing}), Awaited::either);
  EXPECT_EQ(awaited({0, 0, RequestState::ending, tunnel}), Awaited::either);
  EXPECT_EQ(awaited({0, 0, RequestState::done, tunnel}), Awaited::either);
}

TEST(StallTest, TheEndingNamesTheSideThatIsWaitedFor) {
  EXPECT_EQ(row_of(ending_of(Awaited::client_reads)).side, Side::downstream);
  EXPECT_EQ(row_of(ending_of(Awaited::client_sends)).side, Side::downstream);
  for (const Awaited node : {Awaited::node_reads, Awaited::node_sends, Awaited::node_answers}) {
    EXPECT_EQ(row_of(ending_of(node)).side, Side::upstream);
    EXPECT_EQ(row_of(ending_of(node)).status, 504);
  }
  EXPECT_EQ(ending_of(Awaited::node_answers), EndReason::response_timeout);
  EXPECT_EQ(row_of(ending_of(Awaited::either)).side, Side::nobody);
}

}  // namespace
}  // namespace bonedry::proxy
