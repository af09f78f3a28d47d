#include "proxy/process_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bonedry::proxy {
namespace {

using testing::Each;
using testing::HasSubstr;

ProcessTotals sample_totals() {
  ProcessTotals totals;
  for (std::size_t each = 0; each < kEndReasons; ++each) totals.exchanges.endings[each] = each + 1;
  totals.exchanges.retries = 3;
  totals.exchanges.bytes_in = 1ULL << 63U;
  totals.exchanges.bytes_out = 5;
  totals.handshakes = {70, 60, 8, 1};
  totals.http2 = {0, 1, 0, 2, 3, 4, 5, 6, 7, 8};
  totals.http2_nodes = {0, 11, 0, 12, 13, 14, 15, 16, 17, 18};
  totals.log_lines_lost = 9;
  totals.log_write_errors = 2;
  totals.pools["shop"] = {1, 2, 3, 4};
  balancer::NodeTotals& alice = totals.nodes["shop/alice"];
  std::uint64_t figure = 100;
  for (const auto& [name, count] : balancer::kNodeCounts) alice.*count = ++figure;
  for (const auto& [name, durations] : balancer::kNodeDurations) {
    for (std::uint64_t& bucket : (alice.*durations).buckets) bucket = ++figure;
    (alice.*durations).sum_ms = ++figure;
  }
  for (std::uint64_t& count : alice.responses) count = ++figure;
  totals.nodes["shop/bob"];
  return totals;
}

TEST(ProcessTotalsTest, ArriveAsTheyWereCounted) {
  const ProcessTotals sent = sample_totals();
  const auto got = parse_totals(to_json(sent));
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(to_json(*got), to_json(sent)) << "nothing is lost on the way back";
  EXPECT_EQ(got->exchanges.endings, sent.exchanges.endings);
  EXPECT_EQ(got->exchanges.bytes_in, 1ULL << 63U);
  EXPECT_EQ(got->handshakes.shed, 1U);
  EXPECT_EQ(got->http2.refused, 5U);
  EXPECT_EQ(got->http2_nodes.connections, 11U);
  EXPECT_EQ(got->http2_nodes.stalls, 18U);
  EXPECT_EQ(got->log_lines_lost, 9U);
  EXPECT_EQ(got->pools.at("shop").cookie_clashes_in_front, 4U);
  const balancer::NodeTotals& alice = got->nodes.at("shop/alice");
  const balancer::NodeTotals& counted = sent.nodes.at("shop/alice");
  for (const auto& [name, count] : balancer::kNodeCounts) {
    EXPECT_EQ(alice.*count, counted.*count) << name;
  }
  for (const auto& [name, durations] : balancer::kNodeDurations) {
    EXPECT_EQ((alice.*durations).buckets, (counted.*durations).buckets) << name;
    EXPECT_EQ((alice.*durations).sum_ms, (counted.*durations).sum_ms) << name;
  }
  EXPECT_EQ(alice.responses, counted.responses);
  EXPECT_EQ(got->nodes.at("shop/bob").begun, 0U);
}

TEST(ProcessTotalsTest, WhatAnotherVersionDoesNotCountIsZeroAndWhatItCountsBesidesIsLeftOut) {
  const auto got = parse_totals(
      R"({"exchanges":{"ended":{"completed":7,"moon_landing":1},"retries":2},"planets":9,)"
      R"("nodes":{"shop/alice":{"begun":4,"rescues":1}}})");
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(got->exchanges.endings[static_cast<std::size_t>(EndReason::completed)], 7U);
  EXPECT_EQ(got->exchanges.endings[static_cast<std::size_t>(EndReason::shut_down)], 0U);
  EXPECT_EQ(got->exchanges.retries, 2U);
  EXPECT_EQ(got->nodes.at("shop/alice").begun, 4U);
  EXPECT_EQ(got->nodes.at("shop/alice").duration.count(), 0U);
}

TEST(ProcessTotalsTest, WhatIsOpenStaysWithItsProcess) {
  ProcessTotals totals;
  totals.http2_nodes.connections_open = totals.http2_nodes.connections = 3;
  totals.http2_nodes.streams_open = totals.http2_nodes.streams = 7;
  const auto got = parse_totals(to_json(totals));
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(got->http2_nodes.connections, 3U);
  EXPECT_EQ(got->http2_nodes.connections_open, 0U);
  EXPECT_EQ(got->http2_nodes.streams, 7U);
  EXPECT_EQ(got->http2_nodes.streams_open, 0U);
}

TEST(ProcessTotalsTest, BucketsWithOtherBoundsAreLeftOut) {
  std::string json = to_json(sample_totals());
  const std::size_t bound = json.find("30000");
  ASSERT_NE(bound, std::string::npos);
  json.replace(bound, 5, "60000");
  const auto got = parse_totals(json);
  ASSERT_TRUE(got) << got.error();
  EXPECT_THAT(got->nodes.at("shop/alice").duration.buckets, Each(0U));
  EXPECT_EQ(got->nodes.at("shop/alice").begun, 101U);
}

TEST(ProcessTotalsTest, WhatIsNotValidIsAnError) {
  for (const char* text :
       {"", "{", "[]", "7", R"({"exchanges":7})", R"({"exchanges":{"retries":"many"}})",
        R"({"nodes":{"shop/alice":[]}})", R"({"nodes":{"shop/alice":{"responses":"none"}}})"}) {
    const auto got = parse_totals(text);
    if (got) continue;  // a part that is missing is no error
    EXPECT_THAT(got.error(), HasSubstr("the counts of the previous process are not valid"));
  }
  EXPECT_FALSE(parse_totals("{"));
  EXPECT_FALSE(parse_totals(R"({"exchanges":{"retries":"many"}})"));
}

}  // namespace
}  // namespace bonedry::proxy
