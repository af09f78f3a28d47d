// Metrics of a control plane; tests/unit/admin/metrics_test.cc is about their text.
#include "admin/metrics/scrape.h"
#include "tests/unit/admin/sample_metrics.h"
#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bonedry::admin {
namespace {

using metrics::Format;
using testing::HasSubstr;
using testing::Not;

class ControlMetricsTest : public test::ControlTest {
 protected:
  [[nodiscard]] std::string text(std::optional<std::string_view> pool) const {
    const auto made = metrics::scrape(*control, pool, Format::prometheus);
    return made ? test::whole_text(**made) : "error: " + made.error().text;
  }
};

TEST_F(ControlMetricsTest, AreThoseOfItsNodes) {
  start();
  add_user("shop/alice", 1);
  bleed("shop/alice");
  clock.advance(std::chrono::seconds{90});
  const std::string all = text(std::nullopt);
  EXPECT_THAT(all, HasSubstr("\nbonedry_sessions{pool=\"shop\",node=\"alice\",kind=\"live\"} 1\n"));
  EXPECT_THAT(all,
              HasSubstr("\nbonedry_node_bleed_age_seconds{pool=\"shop\",node=\"alice\"} 90\n"));
  EXPECT_THAT(all, HasSubstr("\nbonedry_ledger_sessions 1\n"));
}

TEST_F(ControlMetricsTest, OfOnePoolOrOfNoneThatThereIs) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  EXPECT_THAT(text("blog"), HasSubstr("bonedry_node_dry{pool=\"blog\",node=\"bob\"} 0"));
  EXPECT_THAT(text("blog"), Not(HasSubstr("shop")));
  EXPECT_THAT(text("blog"), Not(HasSubstr("bonedry_ledger")));
  EXPECT_EQ(text("nix"), "error: unknown pool 'nix'; known pools: shop, blog");
}

}  // namespace
}  // namespace bonedry::admin
