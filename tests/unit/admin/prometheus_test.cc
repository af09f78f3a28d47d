// What Prometheus and Grafana are given in conf/, checked by promtool and against the metrics that
// there are.
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/admin/sample_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using metrics::Format;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;

constexpr const char* kPromtool = "/usr/bin/promtool";
const std::string kConf = BONEDRY_SOURCE_DIR "/conf/";
const std::string kRules = kConf + "prometheus/bonedry.rules.yml";
const std::string kRuleTests = kConf + "prometheus/bonedry.rules.test.yml";
const std::string kDashboard = kConf + "grafana/bonedry.json";
const std::string kReference = BONEDRY_SOURCE_DIR "/docs/metrics.md";

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The names of our metrics in a text, such as a query.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t at = 0; (at = text.find("bonedry_", at)) != std::string::npos;) {
    std::size_t end = at;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
      ++end;
    }
    names.insert(text.substr(at, end - at));
    at = end;
  }
  return names;
}

/// The names of all samples that the program can give.
std::set<std::string> names_of_samples() {
  std::set<std::string> names;
  std::istringstream lines(test::sample_metrics(Format::prometheus));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#")) names.insert(line.substr(0, line.find_first_of("{ ")));
  }
  return names;
}

/// Of all families, as the Prometheus format names them.
std::set<std::string> names_of_families() {
  std::set<std::string> names;
  std::istringstream lines(test::sample_metrics(Format::prometheus));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) names.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  return names;
}

void collect_queries(const json& part, std::vector<std::string>& queries) {
  if (part.is_object()) {
    for (const char* key : {"expr", "definition"}) {
      if (part.contains(key)) queries.push_back(part.at(key));
    }
  }
  if (part.is_structured()) {
    for (const json& each : part) collect_queries(each, queries);
  }
}

std::vector<std::string> queries_of_the_dashboard() {
  std::vector<std::string> queries;
  collect_queries(json::parse(content_of(kDashboard)), queries);
  return queries;
}

TEST(DashboardTest, EveryQueryIsOfMetricsThatThereAre) {
  const std::vector<std::string> queries = queries_of_the_dashboard();
  EXPECT_GT(queries.size(), 30U);
  const std::set<std::string> there = names_of_samples();
  for (const std::string& query : queries) {
    EXPECT_FALSE(names_in(query).empty()) << query;
    for (const std::string& name : names_in(query)) EXPECT_THAT(there, Contains(name)) << query;
  }
}

TEST(AlertsTest, EveryRuleIsOfMetricsThatThereAreAndEachIsTested) {
  const std::string rules = content_of(kRules);
  const std::set<std::string> there = names_of_samples();
  for (const std::string& name : names_in(rules)) EXPECT_THAT(there, Contains(name));
  const std::string tests = content_of(kRuleTests);
  std::istringstream lines(rules);
  int alerts = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t name = line.find("- alert: ");
    if (name == std::string::npos) continue;
    ++alerts;
    EXPECT_THAT(tests, HasSubstr("alertname: " + line.substr(name + 9)));
  }
  EXPECT_GT(alerts, 7);
}

TEST(ReferenceTest, ListsAllFamiliesAndNoOthers) {
  std::set<std::string> listed;
  std::istringstream lines(content_of(kReference));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `bonedry_")) listed.insert(*names_in(line.substr(0, 80)).begin());
  }
  EXPECT_EQ(listed, names_of_families());
}

/// Each test is skipped where promtool is missing.
class PromtoolTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access(kPromtool, X_OK) != 0) GTEST_SKIP() << "Debian's package prometheus is missing";
  }
  static void expect_success(const std::vector<std::string>& arguments) {
    const bonedry::test::RunResult result = bonedry::test::run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.out << result.err;
  }
  [[nodiscard]] bonedry::test::RunResult check(const std::string& metrics) const {
    const std::string path = files_.write("metrics", metrics);
    return bonedry::test::run_program(
        {"/bin/sh", "-c", std::string(kPromtool) + " check metrics < " + path});
  }

  bonedry::test::TemporaryDirectory files_;
};

TEST_F(PromtoolTest, FindsNothingWrongWithTheMetrics) {
  const bonedry::test::RunResult result = check(test::sample_metrics(Format::prometheus));
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_NE(check("bonedry_x{le=} 1\n").code, 0) << "it does find what is wrong";
}

TEST_F(PromtoolTest, FindsNothingWrongWithHostileNames) {
  Status status = test::sample_of_all_families();
  status.listeners[0].tls->certificates[0].file = "a\"b\\c\nd{} é.pem";
  const bonedry::test::RunResult result =
      check(test::metrics_of(status, metrics::Scope::everything, Format::prometheus));
  EXPECT_EQ(result.out + result.err, "");
}

TEST_F(PromtoolTest, TheAlertsFireWhenTheyShould) {
  expect_success({kPromtool, "check", "rules", kRules});
  expect_success({kPromtool, "test", "rules", kRuleTests});
}

/// As rules, which promtool parses. Grafana fills in its variables; what is left of them is text.
TEST_F(PromtoolTest, UnderstandsTheQueriesOfTheDashboard) {
  json rules = json::array();
  for (std::string query : queries_of_the_dashboard()) {
    if (query.starts_with("label_values")) continue;
    const std::string interval = "$__rate_interval";
    for (std::size_t at = 0; (at = query.find(interval, at)) != std::string::npos;) {
      query.replace(at, interval.size(), "1m");
    }
    rules.push_back(
        {{"record", "query"}, {"expr", query}, {"labels", {{"n", std::to_string(rules.size())}}}});
  }
  EXPECT_GT(rules.size(), 30U);
  const json file{{"groups", {{{"name", "dashboard"}, {"rules", rules}}}}};
  expect_success({kPromtool, "check", "rules", files_.write("rules.yml", file.dump())});
}

TEST_F(PromtoolTest, TheSampleOfAConfigIsValid) {
  expect_success({kPromtool, "check", "config", kConf + "prometheus/prometheus.yml"});
}

}  // namespace
}  // namespace bonedry::admin
