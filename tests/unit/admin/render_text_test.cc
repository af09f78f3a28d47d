#include "admin/render_text.h"

#include "admin/printable.h"
#include "tests/unit/admin/sample_status.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin {
namespace {

using test::kNow;
using test::sample_status;
using test::sample_tls;

TEST(RenderText, StatusIsAnAlignedTableAndRemarks) {
  EXPECT_EQ(render_text(sample_status(), kNow),
            "NODE        ADDRESS         STATE     HEALTH   LIVE  PENDING  OPEN  WS  NEW  MOVED  "
            "RESCUED  LATE  LOGOUTS  LAST CLICK  DRY\n"
            "shop/alice  127.0.0.1:9001  bleeding  up         12        3     1   0  180      0  "
            "      2     0        5        1.2s  no\n"
            "shop/bob    127.0.0.1:9002  active    unknown     0        0     0   0    0      0  "
            "      0     0        0           -  -\n"
            "\n"
            "shop/alice: bleeding for 3m20s by root (update \\x1b[2J 4.2), deadline in 26m, dry "
            "in about 14m (9m to 26m)\n"
            "  not dry: 12 live sessions; 3 pending sessions\n"
            "shop/alice: 3 requests with a pass in the last 15m, the last 20s ago, 1 open\n"
            "\n"
            "listener 0.0.0.0:8080: pool shop\n"
            "traffic: 812 requests/s, 64 client connections; since the start 1234 requests "
            "completed, ended early: 2 by clients, 1 by nodes\n"
            "ledger: 15 of at most 1000000 sessions\n"
            "bonedry " BONEDRY_VERSION ": process 4711, up for 3d, config loaded 2h ago\n");
}

TEST(RenderText, StatusOnANarrowTerminalHasWhatMattersMost) {
  const std::string text = render_text(sample_status(), kNow, 80);
  EXPECT_EQ(text.substr(0, text.find("\n\n")),
            "NODE        STATE     HEALTH   LIVE  PENDING  OPEN  WS  LAST CLICK  DRY\n"
            "shop/alice  bleeding  up         12        3     1   0        1.2s  no\n"
            "shop/bob    active    unknown     0        0     0   0           -  -");
}

TEST(RenderText, StatusTellsOfAnOldProcessAndOfGroups) {
  Status status = sample_status();
  status.traffic.previous_process = 4600;
  status.process.requests_per_second = 0.25;
  status.pools[0].nodes[0].group = "blue";
  status.pools[0].nodes[1].group = "green";
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("; process 4600 is finishing what it has open\n"), std::string::npos);
  EXPECT_NE(text.find("traffic: 0.2 requests/s, "), std::string::npos);
  EXPECT_NE(
      text.find("\npool shop: group blue bleeds (12 live and 3 pending sessions), group green "
                "is active\n"),
      std::string::npos);
  status.process.requests_per_second.reset();
  EXPECT_NE(render_text(status, kNow).find("traffic: 64 client connections"), std::string::npos);
}

TEST(RenderText, StatusShowsCertificatesAndWhyNewerOnesAreNotUsed) {
  Status status = sample_status();
  status.listeners.push_back({"0.0.0.0:443", "shop", sample_tls()});
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("listener 0.0.0.0:8080: pool shop\n"
                      "listener 0.0.0.0:443: pool shop\n"
                      "  a.example, b.example, c.example and 1 more (ECDSA P-256): expires in "
                      "2d12h, at 2023-11-17T10:13:20Z\n"
                      "  x\\x0ay.example (RSA 2048): expired at 2023-11-14T22:13:19Z\n"
                      "  new files not used for 5m: shop.key: is empty\n"
                      "traffic: "),
            std::string::npos)
      << text;
}

TEST(RenderText, StatusOfAListenerThatRedirects) {
  Status status = sample_status();
  status.listeners.push_back({"0.0.0.0:80", "", std::nullopt, "https"});
  EXPECT_NE(render_text(status, kNow).find("\nlistener 0.0.0.0:80: redirects to https\n"),
            std::string::npos);
}

TEST(RenderText, StatusOfADryNode) {
  Status status = sample_status();
  NodeStatus& alice = status.pools[0].nodes[0];
  alice.dry = true;
  alice.dry_blocked_by.clear();
  alice.removed = true;
  alice.live = alice.pending = 0;
  alice.bleeding->reason.clear();
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("1.2s  dry\n"), std::string::npos) << text;
  EXPECT_NE(text.find("127.0.0.1:9001 (removed)  bleeding"), std::string::npos) << text;
  EXPECT_NE(text.find("shop/alice: bleeding for 3m20s by root, dry\n"), std::string::npos) << text;
}

TEST(RenderText, StatusSaysWhenTheLedgerCannotBeTrustedYet) {
  Status status = sample_status();
  status.complete = false;
  status.complete_in = std::chrono::minutes{12};
  status.evicted = 4;
  status.refused = 2;
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("\nledger: 15 of at most 1000000 sessions, 4 evicted, the disk had no space "
                      "for more 2 times, incomplete for another 12m\n"),
            std::string::npos)
      << text;
}

TEST(RenderText, StatusBeginsWithWhatTheAccessLogHasLost) {
  Status status = sample_status();
  EXPECT_EQ(render_text(status, kNow).find("access log"), std::string::npos);
  status.traffic.access_log = {123, 4, "No space left on device", Millis{5000}};
  EXPECT_TRUE(render_text(status, kNow)
                  .starts_with("access log: 123 lines lost, the last 5s ago: No space left on "
                               "device\n\nNODE"))
      << render_text(status, kNow);
  status.traffic.access_log = {1, 0, "", Millis{20}};
  EXPECT_TRUE(
      render_text(status, kNow)
          .starts_with("access log: 1 line lost, the last 20ms ago: its disk or reader is too "
                       "slow\n"))
      << render_text(status, kNow);
}

TEST(RenderText, StatusSaysThatADeadlineHasPassed) {
  const std::string text = render_text(sample_status(), kNow + std::chrono::minutes{27});
  EXPECT_NE(text.find(", deadline passed 1m ago"), std::string::npos) << text;
}

TEST(RenderText, SessionsSayHowManyThereAreAndWhereTheRestIs) {
  const Instant now{1'000'000};
  session::SessionPage page;
  page.total = 15;
  page.pending = 3;
  page.pending_until = now + std::chrono::minutes{12};
  page.query = {session::SessionOrder::idle, 0, 2};
  page.rows = {{{0x0123456789abcdef, 1},
                session::SessionState::live,
                {now.ms - 65'000},
                {now.ms - 1500},
                7,
                2,
                1},
               {{0xff, 2}, session::SessionState::pending, {now.ms - 100}, {now.ms - 100}, 1, 0}};
  EXPECT_EQ(render_text({"shop", "alice"}, page, now),
            "SESSION   STATE      AGE   IDLE  EXCHANGES  OPEN  WS\n"
            "01234567  live      1m5s   1.5s          7     2   1\n"
            "00000000  pending  100ms  100ms          1     0   0\n"
            "\n"
            "shop/alice: 12 live and 3 pending sessions; showing 1 to 2, longest idle first; "
            "next page: --page 2\n"
            "the last pending session ends within 12m\n");
  page.query = {session::SessionOrder::exchanges, 14, 7};
  page.rows.resize(1);
  page.pending_until = session::kNeverEnds;
  EXPECT_TRUE(render_text({"shop", "alice"}, page, now)
                  .ends_with("\nshop/alice: 12 live and 3 pending sessions; showing 15 to 15, "
                             "most exchanges first\n"))
      << render_text({"shop", "alice"}, page, now);
  page.rows.clear();
  EXPECT_EQ(render_text({"shop", "alice"}, page, now),
            "shop/alice: 12 live and 3 pending sessions; none on this page\n");
  EXPECT_EQ(render_text(balancer::NodeId{"shop", "alice"}, {}, now),
            "shop/alice: 0 live and 0 pending sessions\n");
}

TEST(RenderText, StatusSaysWhenTheLastPendingSessionEnds) {
  Status status = sample_status();
  status.pools[0].nodes[0].bleeding->pending_ends_in = std::chrono::minutes{12};
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("3 pending sessions\n  the last pending session ends within 12m\n"),
            std::string::npos)
      << text;
}

TEST(RenderText, StatusSaysWhatUsersLoseTheirCookiesTo) {
  Status status = sample_status();
  EXPECT_EQ(render_text(status, kNow).find("cookie"), std::string::npos);
  status.pools[0].foreign_cookies = 3;
  status.pools[0].cookie_clashes = 5;
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("pool shop: requests came with the session cookie of another pool 3 times\n"),
            std::string::npos);
  EXPECT_NE(
      text.find("pool shop: a cookie of the same name overwrote the session cookie 5 times\n"),
      std::string::npos);
}

TEST(RenderText, StatusSaysWhyThereIsNoForecast) {
  Status status = sample_status();
  BleedStatus& bleeding = *status.pools[0].nodes[0].bleeding;
  bleeding.forecast.reset();
  bleeding.no_forecast = "too few users have left";
  const std::string text = render_text(status, kNow);
  EXPECT_NE(text.find("deadline in 26m\n  not dry: 12 live sessions; 3 pending sessions\n"
                      "  no forecast: too few users have left\n"),
            std::string::npos)
      << text;
}

TEST(RenderText, EventsAreOneLineEach) {
  EXPECT_EQ(render_text(Event{kNow, "dry", "shop/alice", "nobody\nis left"}),
            "2023-11-14T22:13:20.000Z  dry shop/alice: nobody\\x0ais left\n");
  EXPECT_EQ(render_text(Event{kNow, "reload", "", "reloaded"}),
            "2023-11-14T22:13:20.000Z  reload: reloaded\n");
}

TEST(RenderText, WaitsForHealthEndInOneLine) {
  WaitResult result{.node = {"shop", "alice"}, .end = WaitEnd::healthy, .timeout = Millis{3000}};
  result.awaited = Awaited::healthy;
  result.last_check = "GET /: status 200";
  EXPECT_EQ(render_text(result), "shop/alice is healthy: GET /: status 200\n");
  result.end = WaitEnd::timed_out;
  result.last_check = "GET /: status 500";
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice is not healthy: GET /: status 500\n");
  result.last_check = "";
  EXPECT_EQ(render_text(result), "error: timed out after 3s: shop/alice is not healthy\n");
  result.end = WaitEnd::gone;
  EXPECT_EQ(render_text(result),
            "error: shop/alice is no longer in the config: it will not become healthy\n");
  result.end = WaitEnd::unchecked;
  EXPECT_EQ(render_text(result), "shop/alice has no health checks: nothing to wait for\n");
}

TEST(RenderText, WaitsEndInOneLine) {
  WaitResult result{{"shop", "alice"}, WaitEnd::dry, std::chrono::seconds{3}, 4, 1, 0};
  EXPECT_EQ(render_text(result), "dry: no users left on shop/alice\n");
  result.end = WaitEnd::timed_out;
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice still has 4 live and 1 pending sessions\n");
  result.exchanges_open = 1;
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice still has 4 live and 1 pending sessions, 1 "
            "open exchange\n");
  result.live = result.pending = 0;
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice still has 1 open exchange\n");
  result.exchanges_open = 2;
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice still has 2 open exchanges\n");
  result.exchanges_open = 0;
  result.dry_blocked_by = {"ledger incomplete for another 2s"};
  EXPECT_EQ(render_text(result),
            "error: timed out after 3s: shop/alice is not dry: ledger incomplete for another 2s\n");
  result.exchanges_open = 1;
  result.forecast =
      DryForecast{std::chrono::minutes{14}, std::chrono::minutes{9}, std::chrono::minutes{31}};
  EXPECT_TRUE(render_text(result).ends_with("1 open exchange; dry in about 14m (9m to 31m)\n"));
  result.end = WaitEnd::activated;
  EXPECT_EQ(render_text(result), "error: shop/alice is active: it will not become dry\n");
  result.end = WaitEnd::gone;
  EXPECT_EQ(render_text(result),
            "error: shop/alice is no longer in the config: it will not become dry\n");
}

}  // namespace
}  // namespace bonedry::admin
