// What the members of a cluster tell Prometheus.
#include "tests/scenario/cluster_story.h"
#include "tests/support/socket.h"
#include "tests/support/temporary_directory.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class ClusterMetricsStory : public ClusterStory {
 protected:
  [[nodiscard]] std::string door(std::size_t index) const {
    return files_ / ("door" + std::to_string(index));
  }
  [[nodiscard]] TestConfig with_door(TestConfig config, std::size_t index) const {
    config.admin.push_back("http = \"" + door(index) + "\"");
    return config;
  }
  void launch_with_doors(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<BonedryProcess>(with_door(
          config(i, {"idle_timeout = \"2s\""}, {"silent_after = \"2s\"", "members = 3"}), i)));
    }
    ASSERT_TRUE(eventually([&] { return all_are_heard(count); })) << members_[0]->status().dump(2);
  }

  [[nodiscard]] std::string scrape(std::size_t index) const {
    Socket door = Socket::connect_unix(this->door(index));
    door.send_all("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n");
    return door.receive_all();
  }
  /// "members{state=\"here\"}" of this member; -1: there is none.
  [[nodiscard]] double metric(std::size_t index, const std::string& sample) const {
    const std::string text = scrape(index);
    const std::string start = "\nbonedry_cluster_" + sample + " ";
    const auto found = text.find(start);
    if (found == std::string::npos) return -1;
    return std::strtod(text.c_str() + found + start.size(), nullptr);
  }
  [[nodiscard]] double sum(const std::string& sample) const {
    double all = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) all += metric(i, sample);
    return all;
  }

  TemporaryDirectory files_;
};

// The control plane counts, whatever the workers.
INSTANTIATE_TEST_SUITE_P(Workers, ClusterMetricsStory, testing::Values(4U), name_of_workers);

TEST_P(ClusterMetricsStory, AUserOfTwoMembersAndABleedToDryness) {
  ASSERT_NO_FATAL_FAILURE(launch_with_doors(3));
  User user{member(0).address()};
  user.click();
  user.click();
  ASSERT_TRUE(eventually([&] { return metric(0, "batches_total") > 0; }));
  user.go_to(member(1).address());
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(metric(1, "sessions_taken_over_total"), 1);
  EXPECT_EQ(metric(1, "questions_total{answer=\"known\"}"), 1);
  EXPECT_EQ(sum("sessions_taken_over_total"), 1);
  EXPECT_EQ(metric(1, "sessions{member=\"p2\"}"), 1);
  EXPECT_TRUE(eventually([&] { return metric(2, "sessions{member=\"p1\"}") == 1; }));

  EXPECT_EQ(sum("dryness_rounds_total{outcome=\"announced\"}"), 0);
  order(0, "bleed " + user.node());
  const RunResult waited = Ctl{member(2)}.run({"wait", user.node(), "--timeout", "30s"});
  EXPECT_EQ(waited.code, 0) << waited.out << waited.err;
  EXPECT_EQ(sum("dryness_rounds_total{outcome=\"announced\"}"), 1);
  EXPECT_GE(sum("dryness_votes_total{vote=\"yes\"}"), 3);

  EXPECT_EQ(metric(0, "members{state=\"here\"}"), 1);
  EXPECT_EQ(metric(0, "members{state=\"heard\"}"), 2);
  EXPECT_EQ(metric(0, "members{state=\"silent\"}"), 0);
  EXPECT_EQ(metric(0, "complete"), 1);
  EXPECT_EQ(metric(0, "store_connected"), 1);
  EXPECT_EQ(metric(0, "store_reconnects_total"), 0);
  EXPECT_GT(metric(0, "store_round_trip_duration_seconds_count"), 10);
  EXPECT_GE(metric(0, "changes_lag_seconds"), 0);
}

TEST_P(ClusterMetricsStory, AMemberThatIsKilledIsSilent) {
  ASSERT_NO_FATAL_FAILURE(launch_with_doors(3));
  member(2).kill9();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(eventually([&] { return metric(i, "members{state=\"silent\"}") == 1; }));
    EXPECT_EQ(metric(i, "members{state=\"here\"}"), 1);
    EXPECT_EQ(metric(i, "members{state=\"heard\"}"), 1);
  }
}

TEST_P(ClusterMetricsStory, AStoreThatIsLostAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(launch_with_doors(2));
  ways_[0]->cut();
  ASSERT_TRUE(eventually([&] { return metric(0, "store_connected") == 0; }));
  EXPECT_EQ(metric(0, "store_reconnects_total"), 0);
  ways_[0]->mend();
  ASSERT_TRUE(eventually([&] { return metric(0, "store_connected") == 1; }, kDeadline * 2));
  EXPECT_EQ(metric(0, "store_reconnects_total"), 1);
}

TEST_P(ClusterMetricsStory, AProxyWithoutAClusterTellsNothingOfOne) {
  BonedryProcess alone{with_door(shop(workers(), {alice_, bob_}), 0)};
  const std::string text = scrape(0);
  EXPECT_THAT(text, HasSubstr("bonedry_node_dry"));
  EXPECT_THAT(text, Not(HasSubstr("bonedry_cluster")));
}

}  // namespace
}  // namespace bonedry::test
