#include "admin/render_json.h"

#include "tests/unit/admin/sample_status.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace bonedry::admin {
namespace {

using test::kNow;
using test::sample_status;
using test::sample_tls;

TEST(RenderJson, StatusIsTheContract) {
  EXPECT_EQ(
      render_json(sample_status()),
      R"({"pools":[{"name":"shop","problems":[],"nodes":[{"name":"alice","address":"127.0.0.1:9001",)"
      R"("group":null,"weight":100,"max_sessions":0,"max_connections":0,"state":"bleeding","health":"up","health_age_s":90.0,)"
      R"("last_check":{"result":"passed","request":"GET /healthz","found":"status 200",)"
      R"("age_s":0.7,"took_s":0.012},"dry":false,)"
      R"("dry_blocked_by":["12 live sessions","3 pending sessions"],)"
      R"("sessions":{"live":12,"pending":3},"exchanges_open":1,"websockets_open":0,"exchanges_waiting":0,)"
      R"("counters":{"new":180,"moved":0,"rescued":2,"late":0,"logged_out":5},"last_exchange_age_s":1.234,)"
      R"("bleeding":{"since":"2023-11-14T22:10:00Z","by":"root",)"
      R"("reason":"update \u001b[2J 4.2","deadline":"2023-11-14T22:39:20Z","forecast_s":840.0,)"
      R"("forecast_low_s":543.0,"forecast_high_s":1560.0,"pending_ends_in_s":null,"warning":false,"curve":null},)"
      R"("removed":false,"passes":{"used_lately":3,"last_used_age_s":20.0,"open":1},)"
      R"("traffic":{"requests_per_second":12.5,"errors_per_second":0.5,"p50_s":0.0125,"p99_s":null}},)"
      R"({"name":"bob","address":"127.0.0.1:9002","group":null,"weight":50,)"
      R"("max_sessions":500,"max_connections":0,"state":"active","health":"unknown","health_age_s":null,)"
      R"("last_check":null,"dry":false,)"
      R"("dry_blocked_by":[],"sessions":{"live":0,"pending":0},"exchanges_open":0,)"
      R"("websockets_open":0,"exchanges_waiting":0,"counters":{"new":0,"moved":0,"rescued":0,"late":0,"logged_out":0},)"
      R"("last_exchange_age_s":null,"bleeding":null,"removed":false,)"
      R"("passes":{"used_lately":0,"last_used_age_s":null,"open":0},"traffic":null}],)"
      R"("foreign_cookies":0,"cookie_clashes":0,"exempt_requests":0}],)"
      R"("listeners":[{"address":"0.0.0.0:8080","pool":"shop","tls":null}],"admin_http":null,)"
      R"("exchanges":{"ended":{"completed":1234,"client_gone":2,"node_lost":1},"retries":3,)"
      R"("request_body_bytes":4096,"response_body_bytes":1000000},)"
      R"("tls_handshakes":{"completed":70,"resumed":60,"failed":8,"shed":1},)"
      R"("http2":{"connections_open":2,"connections":40,"streams_open":3,"streams":900,"resets_received":4,)"
      R"("resets_sent":1,"refused":1,"goaways_received":5,"goaways_sent":2,"stalls":7},)"
      R"("http2_nodes":{"connections_open":6,"connections":60,"streams_open":8,"streams":800,"resets_received":9,)"
      R"("resets_sent":10,"refused":2,"goaways_received":11,"goaways_sent":12,"stalls":13},)"
      R"("process":{"version":")" BONEDRY_VERSION
      R"(","pid":4711,"uptime_s":259200.0,"config_age_s":7200.0,"requests_per_second":812.4,)"
      R"("client_connections":64,"previous_pid":null},)"
      R"("access_log":{"lines_lost":0,"write_errors":0,"last_error":null,"lost_age_s":null},)"
      R"("ledger":{"sessions":15,"capacity":1000000,"complete":true,"complete_in_s":null,)"
      R"("evicted":0,"refused_by_disk":0}})"
      "\n");
}

TEST(RenderJson, StatusHasWhatTheAccessLogHasLost) {
  Status status = sample_status();
  status.traffic.access_log = {123, 4, "No space left on device", Millis{5000}};
  EXPECT_NE(render_json(status).find(R"("access_log":{"lines_lost":123,"write_errors":4,)"
                                     R"("last_error":"No space left on device","lost_age_s":5.0})"),
            std::string::npos)
      << render_json(status);
}

TEST(RenderJson, StatusHasTheHttpDoor) {
  Status status = sample_status();
  status.admin_http = AdminHttpStatus{"0.0.0.0:9443", ListenerTlsStatus{}};
  EXPECT_NE(
      render_json(status).find(
          R"("admin_http":{"address":"0.0.0.0:9443","tls":{"certificates":[],"error":null}})"),
      std::string::npos)
      << render_json(status);
}

TEST(RenderJson, StatusHasTheCertificatesOfAListener) {
  Status status;
  status.listeners.push_back({"0.0.0.0:443", "shop", sample_tls()});
  const std::string json = render_json(status);
  EXPECT_NE(
      json.find(
          R"({"address":"0.0.0.0:443","pool":"shop","tls":{"certificates":[)"
          R"({"file":"shop.pem","names":["a.example","b.example","c.example","d.example"],)"
          R"("key_type":"ECDSA P-256","not_before":"2023-11-13T22:13:20Z",)"
          R"("not_after":"2023-11-17T10:13:20Z","days_left":2},)"
          R"({"file":"old.pem","names":["x\ny.example"],"key_type":"RSA 2048",)"
          R"("not_before":"2023-11-13T22:13:20Z","not_after":"2023-11-14T22:13:19Z","days_left":-1}],)"
          R"("error":{"since":"2023-11-14T22:08:20Z","text":"shop.key: is empty"}}})"),
      std::string::npos)
      << json;
  status.listeners[0].tls = ListenerTlsStatus{};
  EXPECT_NE(render_json(status).find(R"("tls":{"certificates":[],"error":null})"),
            std::string::npos);
}

TEST(RenderJson, AListenerThatRedirectsHasNoPool) {
  Status status = sample_status();
  status.listeners = {{"0.0.0.0:80", "", std::nullopt, "https"}};
  EXPECT_NE(
      render_json(status).find(
          R"("listeners":[{"address":"0.0.0.0:80","pool":null,"tls":null,"redirect":"https"}],)"),
      std::string::npos);
}

TEST(RenderJson, UnknownTimesAreNull) {
  Status status = sample_status();
  BleedStatus& bleeding = *status.pools[0].nodes[0].bleeding;
  bleeding.deadline.reset();
  bleeding.forecast.reset();
  EXPECT_NE(render_json(status).find(R"("deadline":null,"forecast_s":null,)"
                                     R"("forecast_low_s":null,"forecast_high_s":null,)"),
            std::string::npos);
}

TEST(RenderJson, TheCurveIsSecondsAndUsers) {
  Status status = sample_status();
  status.pools[0].nodes[0].bleeding->curve = {{Millis{40}, 20}, {Millis{1040}, 15}};
  EXPECT_NE(render_json(status).find(R"("curve":[[0.04,20],[1.04,15]]})"), std::string::npos);
}

TEST(RenderJson, BytesThatAreNotUtf8DoNoHarm) {
  Status status = sample_status();
  status.pools[0].nodes[0].bleeding->reason = "\xff";
  EXPECT_NE(render_json(status).find(R"("reason":"\ufffd")"), std::string::npos);
}

TEST(RenderJson, WhatATerminalWouldObeyIsEscaped) {
  Event event;
  event.text =
      "\x7f\xc2\x9b"
      "31m\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8\xef\xbb\xbf\x9b";
  const std::string json = render_json(event);
  EXPECT_NE(json.find(R"("text":"\u007f\u009b31m\u202e\u2066\u061c\u2028\ufeff\ufffd")"),
            std::string::npos)
      << json;
}

TEST(RenderJson, AnEmptyStatusHasEmptyLists) {
  EXPECT_EQ(render_json(Status{}).find(R"({"pools":[],"listeners":[],)"), 0U);
}

TEST(RenderJson, Sessions) {
  const Instant now{1'000'000};
  session::SessionPage page;
  page.query = {session::SessionOrder::age, 14, 7};
  page.total = 15;
  page.pending = 3;
  page.pending_until = now + Millis{720'500};
  page.rows = {{{0x0123456789abcdef, 1},
                session::SessionState::live,
                {now.ms - 65'000},
                {now.ms - 1500},
                7,
                2,
                1,
                {now.ms + 8500}}};
  EXPECT_EQ(render_json({"shop", "alice"}, page, now),
            R"({"node":"shop/alice","live":12,"pending":3,"pending_ends_in_s":720.5,"total":15,)"
            R"("sort":"age","offset":14,"limit":7,"sessions":[{"id":"01234567","state":"live",)"
            R"("age_s":65.0,"idle_s":1.5,"exchanges":7,"exchanges_open":2,"websockets_open":1,)"
            R"("ends_in_s":8.5,"client":null,"last_path":null}]})"
            "\n");
  page.last_requests = {session::LastRequest{"192.0.2.1", "/cart"}};
  EXPECT_NE(render_json({"shop", "alice"}, page, now)
                .find(R"("client":"192.0.2.1","last_path":"/cart"}])"),
            std::string::npos);
  page.rows[0].ends = session::kNeverEnds;
  page.pending_until.reset();
  const std::string held = render_json({"shop", "alice"}, page, now);
  EXPECT_NE(held.find(R"("ends_in_s":null)"), std::string::npos) << held;
  EXPECT_NE(held.find(R"("pending_ends_in_s":null)"), std::string::npos) << held;
}

TEST(RenderJson, Events) {
  const Event event{kNow, "reload", "", "reloaded", "", "", 7};
  const std::string object =
      R"({"id":7,"at":"2023-11-14T22:13:20.000Z","kind":"reload","node":null,"text":"reloaded",)"
      R"("by":null,"reason":null})";
  EXPECT_EQ(render_json(event), object + "\n");
  EXPECT_EQ(render_json(std::deque<Event>{event}), "{\"events\":[" + object + "]}\n");
  EXPECT_EQ(render_json(std::deque<Event>{}), "{\"events\":[]}\n");
}

TEST(RenderJson, Waits) {
  WaitResult result{{"shop", "alice"}, WaitEnd::timed_out, std::chrono::seconds{3}, 4, 1, 2};
  EXPECT_EQ(render_json(result),
            R"({"node":"shop/alice","result":"timed_out","live":4,"pending":1,)"
            R"("exchanges_open":2,"forecast_s":null,"forecast_low_s":null,"forecast_high_s":null,)"
            R"("dry_blocked_by":[],"last_check":null})"
            "\n");
  result.forecast = DryForecast{Millis{1500}, Millis{1000}, Millis{3000}};
  EXPECT_NE(
      render_json(result).find(R"("forecast_s":1.5,"forecast_low_s":1.0,"forecast_high_s":3.0,)"),
      std::string::npos);
  EXPECT_STREQ(to_string(WaitEnd::dry), "dry");
  EXPECT_STREQ(to_string(WaitEnd::activated), "activated");
  EXPECT_STREQ(to_string(WaitEnd::gone), "gone");
}

TEST(RenderJson, Messages) {
  EXPECT_EQ(render_json("a \"b\""), "{\"ok\":true,\"message\":\"a \\\"b\\\"\"}\n");
}

}  // namespace
}  // namespace bonedry::admin
