// The forecast of when a node is dry: what the operator sees of it, and where.
#include "tests/scenario/story.h"

#include <future>
#include <string>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ForecastStory : public ShopStory {
 protected:
  [[nodiscard]] nlohmann::json figure(const std::string& name) const {
    return node(alice_).bleeding.value(name, nlohmann::json());
  }
  [[nodiscard]] bool eventually_told() const {
    return eventually([this] { return figure("forecast_s").is_number(); });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, ForecastStory, worker_counts(), name_of_workers);

TEST_P(ForecastStory, UsersWhoHaveLeftTellOfThoseWhoWill) {
  launch(config({"idle_timeout = \"1s\"", "max_lifetime = \"10m\""}));
  for (int i = 0; i < 10; ++i) (void)live_user_on(i % 2 == 0 ? alice_ : bob_);
  ASSERT_TRUE(eventually([this] { return bonedry_->status().at("ledger").at("sessions") == 0; }));

  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  User user = live_user_on(alice_);
  const auto reading = std::async(std::launch::async, [&user] { user.click("/slow"); });
  ASSERT_TRUE(eventually([this] { return node(alice_).exchanges_open == 1; }));
  order("bleed alice");
  EXPECT_TRUE(eventually_told());
  EXPECT_GE(figure("forecast_low_s"), 0.9) << "the idle time is still to come";
  EXPECT_LE(figure("forecast_low_s"), figure("forecast_s"));
  EXPECT_LE(figure("forecast_s"), figure("forecast_high_s"));
  EXPECT_LE(figure("forecast_high_s"), 600.0) << "a lifetime";
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr(", dry in "));
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("forecast shop/alice: dry in "));

  const RunResult waited = ctl().run({"wait", "alice", "--timeout", "300ms"});
  EXPECT_EQ(waited.code, 3);
  EXPECT_THAT(waited.err, AllOf(HasSubstr("waited 0s, last click "), HasSubstr(", dry in "),
                                HasSubstr("timed out after 300ms: "), HasSubstr("; dry in ")));
  gate.open();
  reading.wait();
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_TRUE(figure("forecast_s").is_null());
}

TEST_P(ForecastStory, WithTooFewToLearnFromNothingIsMadeUp) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  EXPECT_TRUE(eventually([this] {
    return bonedry_->admin("status").find("no forecast: not enough users have left") !=
           std::string::npos;
  }));
  EXPECT_TRUE(figure("forecast_s").is_null());
}

TEST_P(ForecastStory, AfterALedgerLostSomebodyItIsForAsLongAsHisCookieMayCome) {
  TestConfig small = config();
  small.ledger = {"sessions = 1"};
  launch(small);
  (void)new_user_on(alice_);
  order("bleed alice");
  for (int i = 0; i < 3; ++i) (void)new_user_on(bob_);  // evicts his session from the ledger
  ASSERT_TRUE(eventually([this] { return node(alice_).sessions() == 0; }));
  ASSERT_TRUE(eventually_told());
  EXPECT_GT(figure("forecast_s"), 900.0);
  EXPECT_LE(figure("forecast_s"), 1200.0);
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr("not dry: ledger incomplete for another "));
}

}  // namespace
}  // namespace bonedry::test
