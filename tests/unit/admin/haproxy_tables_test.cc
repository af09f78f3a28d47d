#include "admin/haproxy/info_table.h"
#include "admin/haproxy/reply.h"
#include "admin/haproxy/server_state_table.h"
#include "admin/haproxy/session_settings.h"
#include "admin/haproxy/stat_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::admin::haproxy {
namespace {

using namespace std::chrono_literals;
using balancer::Health;
using balancer::NodeState;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr WallTime kNow{1'700'000'000'000};

NodeStatus node(const std::string& name, NodeState state = NodeState::active,
                Health health = Health::unknown) {
  NodeStatus node;
  node.pool = "shop";
  node.name = name;
  node.address = "127.0.0.1:9001";
  node.weight = 100;
  node.state = state;
  node.health = health;
  return node;
}

NodeStatus bleeding_node() {
  NodeStatus alice = node("alice", NodeState::bleeding, Health::down);
  alice.live = 3;
  alice.pending = 2;
  alice.begun = 9;
  alice.moved = 4;
  alice.exchanges_open = 1;
  alice.bleeding = BleedStatus{kNow - 90s, "root", "update", {}, {}};
  return alice;
}

Status shop(std::vector<NodeStatus> nodes, PoolChecks checks = PoolChecks::none) {
  Status status;
  status.listeners.push_back({"0.0.0.0:8080", "shop"});
  status.pools.push_back({"shop", std::move(nodes)});
  status.pools.back().checks = checks;
  return status;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

using RowByColumn = std::map<std::string, std::string>;

/// The rows as tools read them: by the names in the first line.
std::vector<RowByColumn> rows_of(const std::string& table) {
  const std::vector<std::string> lines = split(table, '\n');
  const std::vector<std::string> names = split(lines.front().substr(2), ',');
  std::vector<RowByColumn> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> values = split(lines[i], ',');
    values.resize(names.size());
    RowByColumn& row = rows.emplace_back();
    for (std::size_t column = 0; column < names.size(); ++column)
      row[names[column]] = values[column];
  }
  return rows;
}

RowByColumn row_of(const Status& status, const std::string& server) {
  for (const RowByColumn& row : rows_of(stat_table(status, kNow, {}))) {
    if (row.at("svname") == server) return row;
  }
  ADD_FAILURE() << "no row of " << server;
  return {};
}

TEST(StatTable, ColumnsHaveHaproxysPositions) {
  const std::string table = stat_table(shop({node("alice")}), kNow, {});
  EXPECT_TRUE(table.starts_with("# pxname,svname,qcur,")) << table;
  const auto names = split(split(table, '\n').front().substr(2), ',');
  const std::vector<std::pair<std::size_t, std::string>> known{{0, "pxname"},
                                                               {4, "scur"},
                                                               {17, "status"},
                                                               {18, "weight"},
                                                               {27, "iid"},
                                                               {28, "sid"},
                                                               {32, "type"},
                                                               {36, "check_status"},
                                                               {39, "hrsp_1xx"},
                                                               {50, "srv_abrt"},
                                                               {62, "agent_status"},
                                                               {73, "addr"},
                                                               {79, "conn_tot"},
                                                               {94, "eint"},
                                                               {97, "used_conn_cur"},
                                                               {99, "uweight"},
                                                               {100, "agg_server_status"},
                                                               {112, "proto"},
                                                               {113, "-"}};
  for (const auto& [position, name] : known) EXPECT_EQ(names.at(position), name);
  EXPECT_THAT(std::vector(names.begin() + 114, names.end()),
              ElementsAre("users", "users_new", "users_kept", "users_moved", "dry", "bleed_age"));
}

TEST(StatTable, AllRowsAreAsWideAsTheHeaderAndEndWithAComma) {
  const auto lines = split(stat_table(shop({node("alice"), bleeding_node()}), kNow, {}), '\n');
  ASSERT_EQ(lines.size(), 5U);
  for (const std::string& line : lines) {
    EXPECT_EQ(std::ranges::count(line, ','), 120) << line;
    EXPECT_TRUE(line.ends_with(',')) << line;
    EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= ' ' && c < 0x7f; })) << line;
  }
}

TEST(StatTable, StatesHaveHaproxysNames) {
  const auto status_of = [](NodeState state, Health health, PoolChecks checks) {
    const Status status = shop({node("alice", state, health)}, checks);
    return row_of(status, "alice").at("status");
  };
  using enum PoolChecks;
  EXPECT_EQ(status_of(NodeState::active, Health::up, active), "UP");
  EXPECT_EQ(status_of(NodeState::active, Health::down, active), "DOWN");
  EXPECT_EQ(status_of(NodeState::active, Health::down, none), "DOWN");
  EXPECT_EQ(status_of(NodeState::active, Health::unknown, none), "no check");
  EXPECT_EQ(status_of(NodeState::active, Health::unknown, active), "DOWN 1/2");
  for (const Health health : {Health::up, Health::down, Health::unknown}) {
    EXPECT_EQ(status_of(NodeState::bleeding, health, active), "DRAIN");
    EXPECT_EQ(status_of(NodeState::maintenance, health, active), "MAINT");
  }
}

TEST(StatTable, SessionsOfAnActiveServerAreItsOpenExchanges) {
  NodeStatus alice = node("alice");
  alice.live = 3;
  alice.exchanges_open = 2;
  const RowByColumn row = row_of(shop({alice}), "alice");
  EXPECT_EQ(row.at("scur"), "2");
  EXPECT_EQ(row.at("users"), "3");
  EXPECT_EQ(row.at("bleed_age"), "");
}

TEST(StatTable, SessionsOfABleedingServerAreItsUsers) {
  const RowByColumn row = row_of(shop({bleeding_node()}), "alice");
  EXPECT_EQ(row.at("scur"), "5");
  EXPECT_EQ(row.at("used_conn_cur"), "1");
  EXPECT_EQ(row.at("users"), "5");
  EXPECT_EQ(row.at("users_new"), "9");
  EXPECT_EQ(row.at("users_kept"), "3");
  EXPECT_EQ(row.at("users_moved"), "4");
  EXPECT_EQ(row.at("dry"), "0");
  EXPECT_EQ(row.at("bleed_age"), "90");
  EXPECT_EQ(row.at("lastchg"), "90");
}

TEST(StatTable, AServerHasNoSessionsOnlyWhenItIsDry) {
  NodeStatus alice = bleeding_node();
  alice.live = 0;
  alice.pending = 0;
  for (const NodeState state : {NodeState::bleeding, NodeState::maintenance}) {
    alice.state = state;
    alice.dry = false;
    EXPECT_EQ(row_of(shop({alice}), "alice").at("scur"), "1");
    alice.dry = true;
    EXPECT_EQ(row_of(shop({alice}), "alice").at("scur"), "0");
    EXPECT_EQ(row_of(shop({alice}), "alice").at("dry"), "1");
  }
}

TEST(StatTable, ABackendIsTheSumOfItsServers) {
  const Status status =
      shop({bleeding_node(), node("bob"), node("carol", NodeState::active, Health::down)});
  const RowByColumn row = row_of(status, "BACKEND");
  EXPECT_EQ(row.at("status"), "UP");
  EXPECT_EQ(row.at("act"), "1");
  EXPECT_EQ(row.at("weight"), "100");
  EXPECT_EQ(row.at("scur"), "5");
  EXPECT_EQ(row.at("stot"), "9");
  EXPECT_EQ(row_of(shop({bleeding_node()}), "BACKEND").at("status"), "DOWN");
}

TEST(StatTable, TheLastCheckHasHaproxysNames) {
  using enum balancer::CheckResult;
  const auto checked = [](balancer::CheckResult result, std::string request, std::string found) {
    NodeStatus alice = node("alice", NodeState::active, Health::up);
    alice.health_age = 75s;
    alice.last_check = CheckStatus{result, std::move(request), std::move(found), 1s, 12ms};
    const RowByColumn row = row_of(shop({alice}, PoolChecks::active), "alice");
    EXPECT_EQ(row.at("check_duration"), "12");
    EXPECT_EQ(row.at("lastchg"), "75");
    return row.at("check_status") + " " + row.at("check_code") + " " + row.at("last_chk");
  };
  EXPECT_EQ(checked(passed, "GET /", "status 200"), "L7OK 200 status 200");
  EXPECT_EQ(checked(failed, "GET /", "status 503"), "L7STS 503 status 503");
  EXPECT_EQ(checked(failed, "GET /", "timed out"), "L7TOUT  timed out");
  EXPECT_EQ(checked(failed, "GET /", "connection refused"), "L4CON  connection refused");
  EXPECT_EQ(checked(passed, "connect", "connected"), "L4OK  connected");
  EXPECT_EQ(checked(failed, "connect", "timed out"), "L4TOUT  timed out");
  EXPECT_EQ(checked(failed, "connect", "no, \"never\"\n\xc3"), "L4CON  no   never   ");
}

TEST(StatTable, TheFilterChoosesRows) {
  const Status status = shop({node("alice"), node("bob")});
  const auto servers = [&status](const StatFilter& filter) {
    std::vector<std::string> names;
    for (const RowByColumn& row : rows_of(stat_table(status, kNow, filter)))
      names.push_back(row.at("svname"));
    return names;
  };
  EXPECT_THAT(servers({}), ElementsAre("FRONTEND", "alice", "bob", "BACKEND"));
  EXPECT_THAT(servers({.proxy = 2}), ElementsAre("alice", "bob", "BACKEND"));
  EXPECT_THAT(servers({.types = 1}), ElementsAre("FRONTEND"));
  EXPECT_THAT(servers({.types = 6}), ElementsAre("alice", "bob", "BACKEND"));
  EXPECT_THAT(servers({.types = 4, .server = 2}), ElementsAre("bob"));
  EXPECT_THAT(servers({.proxy = 3}), ElementsAre());
}

TEST(StatTable, APoolWithoutListenerAndAStatusWithoutPoolsHaveRows) {
  Status status = shop({node("alice")});
  status.listeners.clear();
  EXPECT_EQ(row_of(status, "alice").at("iid"), "1");
  EXPECT_THAT(rows_of(stat_table(Status(), kNow, {})), testing::IsEmpty());
}

ProcessInfo process() {
  return {4711, 1h + 2min + 3s, 4, 20000, 10000, "proxy1"};
}

TEST(InfoTable, HasTheFieldsWithoutWhichHatopEnds) {
  const std::string table = info_table(process(), shop({bleeding_node()}), InfoStyle::plain);
  for (const std::string field :
       {"Name: bonedry\n", "Version: 3.", "Release_date: 2", "Nbproc: 1\n", "Process_num: 1\n",
        "Pid: 4711\n", "Uptime: 0d 1h02m03s\n", "Maxconn: 10000\n", "CurrConns: 1\n",
        "Maxpipes: 0\n", "PipesUsed: 0\n", "Tasks: ", "Run_queue: 0\n", "node: proxy1\n"}) {
    EXPECT_THAT(table, HasSubstr(field));
  }
  for (const std::string& line : split(table, '\n')) EXPECT_EQ(std::ranges::count(line, ':'), 1);
}

TEST(InfoTable, TypedFieldsHaveHaproxysPositions) {
  const auto lines = split(info_table(process(), shop({}), InfoStyle::typed), '\n');
  EXPECT_EQ(lines.at(1), "1.Version.1:POS:str:" + std::string(kVersion));
  EXPECT_THAT(lines, testing::Contains("8.Uptime_sec.1:MDP:u32:3723"));
  EXPECT_THAT(lines, testing::Contains("50.node.1:COS:str:proxy1"));
  for (const std::string& line : lines) EXPECT_EQ(std::ranges::count(line, ':'), 3) << line;
}

TEST(ServerStateTable, HasARowOf25FieldsForEachServer) {
  Status status =
      shop({node("alice"), bleeding_node(), node("bob", NodeState::maintenance, Health::up)},
           PoolChecks::active);
  status.pools.push_back({"blog", {node("carol")}});
  const auto lines = split(server_state_table(status, std::nullopt, kNow), '\n');
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0], "1");
  EXPECT_TRUE(lines[1].starts_with("# be_id be_name srv_id "));
  EXPECT_EQ(lines[2], "2 shop 1 alice 127.0.0.1 2 0 100 100 0 1 0 0 6 0 0 0 - 9001 - 0 0 - - 0");
  EXPECT_EQ(lines[3], "2 shop 2 alice 127.0.0.1 0 8 100 100 90 1 2 0 6 0 0 0 - 9001 - 0 0 - - 0");
  EXPECT_EQ(lines[4], "2 shop 3 bob 127.0.0.1 0 1 100 100 0 1 3 0 6 0 0 0 - 9001 - 0 0 - - 0");
  EXPECT_EQ(lines[5], "3 blog 1 carol 127.0.0.1 2 0 100 100 0 1 0 0 0 0 0 0 - 9001 - 0 0 - - 0");
  for (std::size_t i = 2; i < lines.size(); ++i) EXPECT_EQ(split(lines[i], ' ').size(), 25U);
  EXPECT_EQ(split(server_state_table(status, "blog", kNow), '\n').size(), 3U);
}

TEST(HaproxyReply, EndsWithAnEmptyLineOrThePrompt) {
  EXPECT_EQ(to_wire(done(), {}), "\n");
  EXPECT_EQ(to_wire(data("a\nb\n"), {}), "a\nb\n\n");
  EXPECT_EQ(to_wire(info("text"), {}), "text\n\n");
  EXPECT_EQ(to_wire(done(), {SeverityOutput::none, Prompt::on}), "\n> ");
  EXPECT_EQ(to_wire(data("a\n"), {SeverityOutput::number, Prompt::on}), "a\n\n> ");
}

TEST(HaproxyReply, MessagesBeginWithTheirSeverityIfAskedFor) {
  EXPECT_EQ(to_wire(error("no"), {SeverityOutput::number, Prompt::off}), "[3]: no\n\n");
  EXPECT_EQ(to_wire(error("no"), {SeverityOutput::string, Prompt::off}), "[err]: no\n\n");
  EXPECT_EQ(to_wire(info("yes"), {SeverityOutput::number, Prompt::off}), "[6]: yes\n\n");
  EXPECT_EQ(to_wire(done(), {SeverityOutput::number, Prompt::off}), "\n");
  EXPECT_EQ(to_wire(error("\x1b[1m"), {}), "\\x1b[1m\n\n");
}

TEST(SessionSettings, ADelayIsInSecondsOrHasAUnit) {
  const std::vector<std::pair<std::string, Millis>> good{
      {"60", 60s}, {"250ms", 250ms}, {"2m", 2min}, {"3h", 3h}, {"24d", 24h * 24}, {"5000us", 5ms}};
  for (const auto& [text, wanted] : good) {
    SessionSettings settings;
    const std::vector<std::string> arguments{"cli", text};
    EXPECT_EQ(set_timeout(arguments, settings).kind, ReplyKind::done) << text;
    EXPECT_EQ(settings.idle_timeout, wanted) << text;
  }
  for (const std::string text :
       {"0", "-1", "x", "", "25d", "4294967295", "4294967295d", "1w", "5us", "99999999999"}) {
    SessionSettings settings;
    const std::vector<std::string> arguments{"cli", text};
    EXPECT_EQ(set_timeout(arguments, settings).kind, ReplyKind::error) << text;
    EXPECT_EQ(settings.idle_timeout, SessionSettings().idle_timeout);
  }
}

}  // namespace
}  // namespace bonedry::admin::haproxy
