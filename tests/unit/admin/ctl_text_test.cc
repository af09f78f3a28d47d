#include "admin/ctl/admin_request.h"
#include "admin/ctl/colour.h"
#include "admin/ctl/progress.h"

#include <gtest/gtest.h>

namespace bonedry::ctl {
namespace {

TEST(Colour, PaintsStatesAndLeavesTheColumns) {
  EXPECT_EQ(coloured("NODE    STATE     HEALTH\n"
                     "s/down  bleeding  down\n"
                     "s/b     active    up\n"
                     "\n"
                     "s/down: down  down\n"),
            "\x1b[1mNODE    STATE     HEALTH\x1b[0m\n"
            "s/down  \x1b[33mbleeding\x1b[0m  \x1b[1;31mdown\x1b[0m\n"
            "s/b     \x1b[32mactive\x1b[0m    \x1b[32mup\x1b[0m\n"
            "\n"
            "s/down: down  down\n");
}

TEST(Colour, SurvivesAnyText) {
  EXPECT_EQ(coloured(""), "\x1b[1m\x1b[0m");
  EXPECT_EQ(coloured("\n\n"), "\x1b[1m\x1b[0m\n\n");
  EXPECT_EQ(coloured("a\n  \n"), "\x1b[1ma\x1b[0m\n  \n");
}

TEST(NodeProgress, ReadsTheNodeByEitherName) {
  const std::string status =
      R"({"pools":[{"name":"shop","nodes":[{"name":"alice","dry_blocked_by":["2 live sessions",)"
      R"("1 open exchange"],"sessions":{"live":2,"pending":1},"exchanges_open":1,)"
      R"("last_exchange_age_s":1.234,"bleeding":{"forecast_s":60,"forecast_low_s":30,)"
      R"("forecast_high_s":90.5}}]}]})";
  for (const std::string name : {"alice", "shop/alice"}) {
    const auto progress = parse_node_progress(status, name);
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->node, "shop/alice");
    EXPECT_EQ(progress->live, 2);
    EXPECT_EQ(progress->pending, 1);
    EXPECT_EQ(progress->exchanges_open, 1);
    EXPECT_EQ(progress->blocked_by, "2 live sessions, 1 open exchange");
    EXPECT_EQ(progress->last_exchange_age, Millis{1234});
    EXPECT_EQ(progress->forecast, (admin::DryForecast{std::chrono::minutes{1},
                                                      std::chrono::seconds{30}, Millis{90'500}}));
  }
  EXPECT_FALSE(parse_node_progress(status, "bob"));
}

TEST(Uptime, IsThatOfTheProcess) {
  EXPECT_EQ(parse_uptime(R"({"process":{"uptime_s":1.25}})"), Millis{1250});
  EXPECT_FALSE(parse_uptime(R"({"pools":[]})"));
  EXPECT_FALSE(parse_uptime("error: no"));
}

TEST(NodeProgress, AForecastMayBeMissingOrWithoutARange) {
  const auto forecast_in = [](const std::string& fields) {
    const auto outcome = parse_wait_result(
        R"({"node":"shop/alice","result":"timed_out","live":4,"pending":1)" + fields + "}");
    return outcome ? outcome->forecast : std::nullopt;
  };
  EXPECT_FALSE(forecast_in(""));
  EXPECT_FALSE(forecast_in(R"(,"forecast_s":null)"));
  const Millis minute = std::chrono::minutes{1};
  EXPECT_EQ(forecast_in(R"(,"forecast_s":60)"), (admin::DryForecast{minute, minute, minute}));
}

TEST(NodeProgress, SurvivesAnyAnswer) {
  for (const std::string answer :
       {"", "error: no", "{}", "[]", "null", R"({"pools":1})", R"({"pools":[{"name":1}]})",
        R"({"pools":[{"name":"s","nodes":[{"name":"alice"}]}]})"}) {
    EXPECT_FALSE(parse_node_progress(answer, "alice")) << answer;
    EXPECT_FALSE(parse_wait_result(answer)) << answer;
  }
}

TEST(ReportedWait, TellsWhoIsLeft) {
  const auto left = [](const std::string& fields) {
    const auto outcome =
        parse_wait_result(R"({"node":"shop/alice","result":"timed_out",)" + fields + "}");
    return outcome ? to_text(outcome->left) : "";
  };
  EXPECT_EQ(left(R"("live":4,"pending":1)"), "4 live and 1 pending sessions");
  EXPECT_EQ(left(R"("live":4,"pending":1,"exchanges_open":2)"),
            "4 live and 1 pending sessions, 2 open exchanges");
  EXPECT_EQ(left(R"("live":0,"pending":0,"exchanges_open":1)"), "1 open exchange");
}

TEST(ReportedWait, MapsToExitCodes) {
  const auto code = [](const std::string& result) {
    const auto outcome = parse_wait_result(R"({"node":"shop/alice","result":")" + result +
                                           R"(","live":4,"pending":1})");
    return outcome ? outcome->code : ExitCode::refused;
  };
  EXPECT_EQ(code("dry"), ExitCode::done);
  EXPECT_EQ(code("timed_out"), ExitCode::timed_out);
  EXPECT_EQ(code("activated"), ExitCode::cannot_succeed);
  EXPECT_EQ(code("gone"), ExitCode::cannot_succeed);
  EXPECT_EQ(code("else"), ExitCode::refused);
}

}  // namespace
}  // namespace bonedry::ctl
