#include "proxy/stall.h"

#include <gtest/gtest.h>

namespace bonedry::proxy {
namespace {

TEST(StallTest, WhoDoesNotReadIsWaitedForFirst) {
  for (const RequestState request :
       {RequestState::body, RequestState::done, RequestState::tunnel, RequestState::ending}) {
    for (const ResponseState response : {ResponseState::waiting, ResponseState::body,
                                         ResponseState::tunnel, ResponseState::flushing}) {
      const IoState none{0, 0, request, response};
      IoState client = none;
      client.unsent_to_client = 1;
      EXPECT_EQ(stall_cause(client), StallCause::client_reads);
      IoState node = none;
      node.unsent_to_node = 1;
      EXPECT_EQ(stall_cause(node), StallCause::node_reads);
      IoState both = client;
      both.unsent_to_node = 1;
      EXPECT_EQ(stall_cause(both), StallCause::client_reads)
          << "a node that cannot send may not read";
    }
  }
  EXPECT_EQ(stall_cause({1, 0, RequestState::dropped, ResponseState::local}),
            StallCause::client_reads);
}

TEST(StallTest, ThenWhoOwesTheNextBytes) {
  using enum ResponseState;
  EXPECT_EQ(stall_cause({0, 0, RequestState::body, waiting}), StallCause::client_sends);
  EXPECT_EQ(stall_cause({0, 0, RequestState::done, waiting}), StallCause::node_answers);
  EXPECT_EQ(stall_cause({0, 0, RequestState::dropped, waiting}), StallCause::node_answers);
  EXPECT_EQ(stall_cause({0, 0, RequestState::done, body}), StallCause::node_sends);
  EXPECT_EQ(stall_cause({0, 0, RequestState::body, body}), StallCause::client_sends)
      << "the rest of the answer may need the rest of the request";
  EXPECT_EQ(stall_cause({0, 0, RequestState::dropped, body}), StallCause::node_sends)
      << "nothing more is wanted of the client";
}

TEST(StallTest, AClientThatWaitsForTheNodesWordOwesNothing) {
  IoState io{0, 0, RequestState::body, ResponseState::waiting, true};
  EXPECT_EQ(stall_cause(io), StallCause::node_answers);
  io.response = ResponseState::body;
  EXPECT_EQ(stall_cause(io), StallCause::node_sends) << "it has answered without asking for more";
  io.awaits_continue = false;
  EXPECT_EQ(stall_cause(io), StallCause::client_sends);
  io.response = ResponseState::waiting;
  EXPECT_EQ(stall_cause(io), StallCause::client_sends);
}

TEST(StallTest, NobodyOwesAnythingInATunnel) {
  using enum ResponseState;
  EXPECT_EQ(stall_cause({0, 0, RequestState::tunnel, tunnel}), StallCause::either);
  EXPECT_EQ(stall_cause({0, 0, RequestState::tunnel, flushing}), StallCause::either);
  EXPECT_EQ(stall_cause({0, 0, RequestState::ending, tunnel}), StallCause::either);
  EXPECT_EQ(stall_cause({0, 0, RequestState::done, tunnel}), StallCause::either);
}

TEST(StallTest, TheEndingNamesTheSideThatIsWaitedFor) {
  EXPECT_EQ(info_of(end_reason_of(StallCause::client_reads)).side, Side::downstream);
  EXPECT_EQ(info_of(end_reason_of(StallCause::client_sends)).side, Side::downstream);
  for (const StallCause node :
       {StallCause::node_reads, StallCause::node_sends, StallCause::node_answers}) {
    EXPECT_EQ(info_of(end_reason_of(node)).side, Side::upstream);
    EXPECT_EQ(info_of(end_reason_of(node)).status, 504);
  }
  EXPECT_EQ(end_reason_of(StallCause::node_answers), EndReason::response_timeout);
  EXPECT_EQ(info_of(end_reason_of(StallCause::either)).side, Side::nobody);
}

}  // namespace
}  // namespace bonedry::proxy
