// The text that Prometheus gets, made of values.
#include "proxy/base/block.h"
#include "tests/unit/admin/sample_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

namespace bonedry::admin {
namespace {

using metrics::Exposition;
using metrics::Format;
using metrics::Scope;
using metrics::Type;
using testing::HasSubstr;
using testing::Not;

/// Whether this is a whole line of the text.
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(ExpositionTest, LabelsAreEscaped) {
  std::string labels;
  metrics::append_label(labels, "pool", "shop");
  metrics::append_label(labels, "file", "C:\\a \"b\"\nc ü");
  EXPECT_EQ(labels, "pool=\"shop\",file=\"C:\\\\a \\\"b\\\"\\nc ü\"");
}

TEST(ExpositionTest, ACounterInBothFormats) {
  const metrics::Family family{"bonedry_x_bytes", Type::counter, "What x is.", "bytes"};
  const auto text = [&](Format format) {
    Exposition out(format);
    out.begin(family);
    out.sample("pool=\"shop\"", std::uint64_t{18'446'744'073'709'551'615U});
    out.end();
    return std::string(out.text());
  };
  EXPECT_EQ(text(Format::prometheus),
            "# HELP bonedry_x_bytes_total What x is.\n# TYPE bonedry_x_bytes_total counter\n"
            "bonedry_x_bytes_total{pool=\"shop\"} 18446744073709551615\n");
  EXPECT_EQ(text(Format::openmetrics),
            "# HELP bonedry_x_bytes What x is.\n# TYPE bonedry_x_bytes counter\n"
            "# UNIT bonedry_x_bytes bytes\n"
            "bonedry_x_bytes_total{pool=\"shop\"} 18446744073709551615\n# EOF\n");
}

TEST(ExpositionTest, WhatIsAlwaysOneIsAGaugeForPrometheus) {
  const metrics::Family family{"bonedry_build", Type::info, "The version."};
  const auto text = [&](Format format) {
    Exposition out(format);
    out.begin(family);
    out.sample("version=\"1\"", std::uint64_t{1});
    out.end();
    return std::string(out.text());
  };
  EXPECT_EQ(text(Format::prometheus),
            "# HELP bonedry_build_info The version.\n# TYPE bonedry_build_info gauge\n"
            "bonedry_build_info{version=\"1\"} 1\n");
  EXPECT_EQ(text(Format::openmetrics),
            "# HELP bonedry_build The version.\n# TYPE bonedry_build info\n"
            "bonedry_build_info{version=\"1\"} 1\n# EOF\n");
}

TEST(MetricsTest, UsersStatesAndHealthOfANode) {
  const std::string text = test::sample_metrics(Format::prometheus);
  const std::string alice = "{pool=\"shop\",node=\"alice\"";
  EXPECT_TRUE(has_line(text, "bonedry_sessions" + alice + ",kind=\"live\"} 12"));
  EXPECT_TRUE(has_line(text, "bonedry_sessions" + alice + ",kind=\"pending\"} 3"));
  EXPECT_TRUE(has_line(text, "bonedry_node_dry" + alice + "} 0"));
  EXPECT_TRUE(has_line(text, "bonedry_node_state" + alice + ",state=\"active\"} 0"));
  EXPECT_TRUE(has_line(text, "bonedry_node_state" + alice + ",state=\"bleeding\"} 1"));
  EXPECT_TRUE(has_line(text, "bonedry_node_state" + alice + ",state=\"maintenance\"} 0"));
  EXPECT_TRUE(has_line(text, "bonedry_node_health" + alice + ",state=\"up\"} 1"));
  EXPECT_TRUE(
      has_line(text, "bonedry_node_health{pool=\"shop\",node=\"bob\",state=\"unknown\"} 1"));
  EXPECT_TRUE(has_line(text, "bonedry_node_sessions_begun_total" + alice + "} 180"));
  EXPECT_TRUE(has_line(text, "bonedry_node_responses_total" + alice + ",class=\"none\"} 4"));
  EXPECT_TRUE(has_line(text, "bonedry_node_responses_total" + alice + ",class=\"5xx\"} 5"));
}

TEST(MetricsTest, ABleedHasItsAgeAndItsForecastAndAnActiveNodeNeither) {
  const std::string text = test::sample_metrics(Format::prometheus);
  const std::string alice = "{pool=\"shop\",node=\"alice\"";
  EXPECT_TRUE(has_line(text, "bonedry_node_bleed_age_seconds" + alice + "} 200"));
  EXPECT_TRUE(
      has_line(text, "bonedry_node_dry_forecast_seconds" + alice + ",estimate=\"likely\"} 840"));
  EXPECT_TRUE(
      has_line(text, "bonedry_node_dry_forecast_seconds" + alice + ",estimate=\"low\"} 543"));
  EXPECT_TRUE(
      has_line(text, "bonedry_node_dry_forecast_seconds" + alice + ",estimate=\"high\"} 1560"));
  EXPECT_THAT(text, Not(HasSubstr("bonedry_node_bleed_age_seconds{pool=\"shop\",node=\"bob\"")));
  EXPECT_THAT(text, Not(HasSubstr("bonedry_node_dry_forecast_seconds{pool=\"shop\",node=\"bob\"")));
}

TEST(MetricsTest, AHistogramIsCumulative) {
  const std::string text = test::sample_metrics(Format::prometheus);
  const std::string name = "bonedry_node_exchange_duration_seconds";
  const std::string alice = "{pool=\"shop\",node=\"alice\"";
  EXPECT_TRUE(has_line(text, "# TYPE " + name + " histogram"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"0.005\"} 10"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"0.01\"} 30"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"1.0\"} 35"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"2.5\"} 35"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"30.0\"} 36"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + alice + ",le=\"+Inf\"} 38"));
  EXPECT_TRUE(has_line(text, name + "_sum" + alice + "} 71.25"));
  EXPECT_TRUE(has_line(text, name + "_count" + alice + "} 38"));
}

TEST(MetricsTest, TheProcessAndItsTraffic) {
  const std::string text = test::sample_metrics(Format::prometheus);
  EXPECT_TRUE(has_line(text, "bonedry_build_info{version=\"" BONEDRY_VERSION "\"} 1"));
  EXPECT_TRUE(has_line(text, "bonedry_process_start_time_seconds 1699740800"));
  EXPECT_TRUE(has_line(text, "bonedry_config_last_reload_successful 1"));
  EXPECT_TRUE(has_line(text, "bonedry_config_last_reload_success_timestamp_seconds 1699992799.5"));
  EXPECT_TRUE(has_line(text, "bonedry_client_connections 64"));
  EXPECT_TRUE(has_line(text, "bonedry_worker_loop_lag_seconds{worker=\"1\"} 0.012"));
  EXPECT_TRUE(
      has_line(text, "bonedry_exchanges_ended_total{end=\"completed\",fault=\"none\"} 1234"));
  EXPECT_TRUE(
      has_line(text, "bonedry_exchanges_ended_total{end=\"client_gone\",fault=\"client\"} 2"));
  EXPECT_TRUE(has_line(text, "bonedry_tls_handshakes_total{result=\"full\"} 10"));
  EXPECT_TRUE(has_line(text, "bonedry_tls_handshakes_total{result=\"resumed\"} 60"));
  EXPECT_TRUE(has_line(text,
                       "bonedry_certificate_expiry_timestamp_seconds{"
                       "listener=\"0.0.0.0:8080\",file=\"shop.pem\"} 1700216000"));
  EXPECT_TRUE(has_line(text, "bonedry_certificate_refused{listener=\"0.0.0.0:8080\"} 1"));
  EXPECT_TRUE(has_line(text, "bonedry_ledger_capacity_sessions 1000000"));
  EXPECT_TRUE(has_line(text, "bonedry_ledger_complete 1"));
}

TEST(MetricsTest, Http2OfClientsAndOfNodes) {
  const std::string text = test::sample_metrics(Format::prometheus);
  for (const char* line : {"bonedry_http2_connections_open 2",
                           "bonedry_http2_connections_total 40",
                           "bonedry_http2_streams_open 3",
                           "bonedry_http2_streams_total 900",
                           "bonedry_http2_resets_total{by=\"client\"} 4",
                           "bonedry_http2_resets_total{by=\"proxy\"} 1",
                           "bonedry_http2_refused_total 1",
                           "bonedry_http2_goaways_total{by=\"client\"} 5",
                           "bonedry_http2_goaways_total{by=\"proxy\"} 2",
                           "bonedry_http2_flow_control_stalls_total 7",
                           "bonedry_http2_nodes_connections_open 6",
                           "bonedry_http2_nodes_connections_total 60",
                           "bonedry_http2_nodes_streams_open 8",
                           "bonedry_http2_nodes_streams_total 800",
                           "bonedry_http2_nodes_resets_total{by=\"node\"} 9",
                           "bonedry_http2_nodes_resets_total{by=\"proxy\"} 10",
                           "bonedry_http2_nodes_refused_total 2",
                           "bonedry_http2_nodes_goaways_total{by=\"node\"} 11",
                           "bonedry_http2_nodes_goaways_total{by=\"proxy\"} 12",
                           "bonedry_http2_nodes_flow_control_stalls_total 13"}) {
    EXPECT_TRUE(has_line(text, line)) << line;
  }
}

TEST(MetricsTest, TheCertificateOfTheHttpDoor) {
  Status status = test::sample_status();
  status.admin_http = AdminHttpStatus{"0.0.0.0:9443"};
  EXPECT_THAT(test::metrics_of(status, Scope::everything, Format::prometheus),
              Not(HasSubstr("9443")))
      << "it has none";
  status.admin_http->tls = ListenerTlsStatus{
      {{"admin.pem", {"admin.example"}, "ECDSA P-256", {}, WallTime{1'700'216'000'000}}},
      std::nullopt};
  const std::string text = test::metrics_of(status, Scope::everything, Format::prometheus);
  EXPECT_TRUE(has_line(text,
                       "bonedry_certificate_expiry_timestamp_seconds{"
                       "listener=\"0.0.0.0:9443\",file=\"admin.pem\"} 1700216000"));
  EXPECT_TRUE(has_line(text, "bonedry_certificate_refused{listener=\"0.0.0.0:9443\"} 0"));
}

TEST(MetricsTest, AReloadThatFailedAndAnIncompleteLedger) {
  Status status = test::sample_status();
  status.process.last_load = ConfigLoad::failed;
  status.complete = false;
  const std::string text = test::metrics_of(status, Scope::everything, Format::prometheus);
  EXPECT_TRUE(has_line(text, "bonedry_config_last_reload_successful 0"));
  EXPECT_TRUE(has_line(text, "bonedry_ledger_complete 0"));
}

TEST(MetricsTest, OfOnePoolThereAreOnlyItsFamilies) {
  const std::string text =
      test::metrics_of(test::sample_of_all_families(), Scope::pools, Format::prometheus);
  EXPECT_THAT(text, HasSubstr("bonedry_pool_exempt_requests_total{pool=\"shop\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bonedry_node_dry{"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    EXPECT_THAT(line, HasSubstr("{pool=\"shop\""));
  }
}

TEST(MetricsTest, AFileThatIsNamedTwiceIsOneSeries) {
  Status status = test::sample_of_all_families();
  auto& certificates = status.listeners[0].tls->certificates;
  certificates.push_back(certificates[0]);
  status.listeners.push_back(status.listeners[0]);
  const std::string text = test::metrics_of(status, Scope::everything, Format::prometheus);
  std::set<std::string> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
}

/// The name of a sample's family in the Prometheus format.
std::string family_of(const std::string& sample, const std::map<std::string, std::string>& types) {
  const std::string name = sample.substr(0, sample.find_first_of("{ "));
  if (types.contains(name)) return name;
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return "";
}

TEST(MetricsTest, TheSamplesOfAFamilyAreTogetherBehindItsHelpAndType) {
  std::map<std::string, std::string> types;
  std::string family;
  std::istringstream lines(test::sample_metrics(Format::prometheus));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_FALSE(types.contains(family)) << family << " comes twice";
      EXPECT_TRUE(line.ends_with(".")) << line;
      ASSERT_TRUE(std::getline(lines, line));
      ASSERT_TRUE(line.starts_with("# TYPE " + family + " ")) << line;
      types[family] = line.substr(line.rfind(' ') + 1);
      EXPECT_EQ(family.ends_with("_total"), types[family] == "counter") << family;
    } else {
      EXPECT_EQ(family_of(line, types), family) << line;
    }
  }
  EXPECT_GT(types.size(), 40U);
}

Status of_a_thousand_nodes() {
  Status status = test::sample_of_all_families();
  const NodeStatus alice = status.pools[0].nodes[0];
  status.pools[0].nodes.assign(1'000, alice);
  for (NodeStatus& node : status.pools[0].nodes) {
    for (auto& [name, count] : balancer::kNodeCounts) node.totals.*count = 1'234'567'890'123;
    for (auto& bucket : node.totals.duration.buckets) bucket = 1'234'567'890;
  }
  return status;
}

TEST(MetricsTest, AThousandNodesComeInPiecesOfWholeLinesThatFitIntoABlock) {
  metrics::Scrape scrape(of_a_thousand_nodes(), Scope::everything, Format::openmetrics);
  std::size_t pieces = 0;
  std::string last;
  for (std::string_view piece = scrape.next(); !piece.empty(); piece = scrape.next()) {
    ASSERT_LE(piece.size(), BlockPool::kBlockSize);
    ASSERT_TRUE(piece.ends_with('\n'));
    last = piece;
    ++pieces;
  }
  EXPECT_GT(pieces, 100U);
  EXPECT_THAT(last, testing::EndsWith("# EOF\n"));
  EXPECT_EQ(scrape.next(), "") << "nothing follows";
}

}  // namespace
}  // namespace bonedry::admin
