#include "admin/haproxy/stat_table.h"

#include "admin/haproxy/command_line.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace bonedry::admin::haproxy {
namespace {

using balancer::Health;
using balancer::NodeState;

/// Those of HAProxy 3.0 (src/stats-proxy.c) up to and including the one named "-", which ends them;
/// then ours. Tools find columns by name or by position: only append.
constexpr std::string_view kColumns =
    "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,"
    "wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,"
    "throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,"
    "check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,"
    "req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,"
    "lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,"
    "agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,"
    "agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,"
    "intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,"
    "qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,"
    "need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,srid,"
    "sess_other,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,proto,-,users,users_new,"
    "users_kept,users_moved,dry,bleed_age,";
constexpr std::size_t kWidth = static_cast<std::size_t>(std::ranges::count(kColumns, ','));

/// The position of a column; an unknown name does not compile.
consteval std::size_t column(std::string_view name) {
  std::size_t index = 0;
  for (std::string_view rest = kColumns; !rest.empty(); ++index) {
    const std::size_t end = rest.find(',');
    if (rest.substr(0, end) == name) return index;
    rest.remove_prefix(end + 1);
  }
  throw "no such column";
}

/// How the result of a check begins if there was a response.
constexpr std::string_view kHttpStatus = "status ";

enum class RowType : std::uint8_t { frontend = 0, backend = 1, server = 2 };

/// One row, and what the filter compares.
class Row {
 public:
  Row(RowType type, std::int64_t proxy, std::int64_t server)
      : type_(type), proxy_(proxy), server_(server) {
    set(column("pid"), 1);
    set(column("iid"), proxy);
    set(column("sid"), server);
    set(column("type"), static_cast<int>(type));
    set(column("mode"), "http");
  }

  void set(std::size_t column, std::string value) { values_.at(column) = std::move(value); }
  void set(std::size_t column, const char* value) { values_.at(column) = value; }
  template <std::integral Number>
  void set(std::size_t column, Number value) {
    values_.at(column) = std::to_string(value);
  }

  [[nodiscard]] bool fits(const StatFilter& filter) const {
    const std::uint64_t type_bit = std::uint64_t{1} << static_cast<unsigned>(type_);
    return (!filter.proxy || *filter.proxy == proxy_) &&
           (!filter.types || (*filter.types & type_bit) != 0) &&
           (!filter.server || *filter.server == server_);
  }

  void append_to(std::string& table) const {
    for (const std::string& value : values_) table += value + ",";
    table += '\n';
  }

 private:
  RowType type_;
  std::int64_t proxy_;
  std::int64_t server_;
  std::array<std::string, kWidth> values_;
};

/// Takes new users, or would if it had room.
bool is_usable(const NodeStatus& node) {
  return node.state == NodeState::active && node.health != Health::down;
}

std::int64_t seconds(Millis duration) {
  return std::max<std::int64_t>(duration.count() / 1000, 0);
}

Row frontend_row(const ListenerStatus& listener, std::int64_t proxy) {
  Row row(RowType::frontend, proxy, 0);
  row.set(column("pxname"), listener.address);
  row.set(column("svname"), "FRONTEND");
  row.set(column("status"), "OPEN");
  return row;
}

/// HAProxy's name for the result of a check: by layer, and what was wrong there.
std::string_view check_status(const CheckStatus& check) {
  const bool connects = check.request == "connect";
  if (check.result == balancer::CheckResult::passed) return connects ? "L4OK" : "L7OK";
  if (check.found == "timed out") return connects ? "L4TOUT" : "L7TOUT";
  return check.found.starts_with(kHttpStatus) ? "L7STS" : "L4CON";
}

/// For a column: tools split rows at every comma, and some read ASCII only.
std::string one_field(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~' || c == ',' || c == '"'; }, ' ');
  return text;
}

void set_check(Row& row, const NodeStatus& node) {
  if (node.health_age) row.set(column("lastchg"), seconds(*node.health_age));
  if (!node.last_check) return;
  const CheckStatus& check = *node.last_check;
  row.set(column("check_status"), std::string(check_status(check)));
  row.set(column("check_duration"), check.took.count());
  row.set(column("last_chk"), one_field(check.found));
  if (check.found.starts_with(kHttpStatus)) {
    const auto code = parse_number(std::string_view(check.found).substr(kHttpStatus.size()));
    if (code) row.set(column("check_code"), *code);
  }
}

/// When the operator changed the state is the last change of a server that is not active.
void set_bleed(Row& row, const NodeStatus& node, WallTime now) {
  row.set(column("dry"), node.dry ? 1 : 0);
  if (!node.bleeding) return;
  const std::int64_t age = seconds(now - node.bleeding->since);
  row.set(column("bleed_age"), age);
  row.set(column("lastchg"), age);
}

Row server_row(const PoolStatus& pool, const NodeStatus& node, Row row, WallTime now) {
  row.set(column("pxname"), pool.name);
  row.set(column("svname"), node.name);
  row.set(column("status"), server_status(pool, node));
  row.set(column("qcur"), node.exchanges_waiting);
  row.set(column("scur"), current_sessions(node));
  row.set(column("stot"), node.begun);
  row.set(column("lbtot"), node.begun);
  row.set(column("wredis"), node.rescued);
  row.set(column("weight"), node.weight);
  row.set(column("uweight"), node.weight);
  row.set(column("act"), 1);
  row.set(column("bck"), 0);
  row.set(column("addr"), node.address);
  row.set(column("used_conn_cur"),
          std::max<std::int64_t>(
              node.exchanges_open - static_cast<std::int64_t>(node.exchanges_waiting), 0));
  if (node.last_exchange_age) row.set(column("lastsess"), seconds(*node.last_exchange_age));
  row.set(column("users"), node.live + node.pending);
  row.set(column("users_new"), node.begun);
  row.set(column("users_kept"), node.live);
  row.set(column("users_moved"), node.moved);
  set_check(row, node);
  set_bleed(row, node, now);
  return row;
}

/// The sum of a figure of all nodes.
template <class Figure>
auto total(const PoolStatus& pool, Figure figure) {
  decltype(figure(pool.nodes.front())) sum{};
  for (const NodeStatus& node : pool.nodes) sum += figure(node);
  return sum;
}

Row backend_row(const PoolStatus& pool, Row row) {
  const auto usable = std::ranges::count_if(pool.nodes, is_usable);
  const auto begun = total(pool, [](const NodeStatus& node) { return node.begun; });
  const auto weight =
      total(pool, [](const NodeStatus& node) { return is_usable(node) ? node.weight : 0U; });
  row.set(column("pxname"), pool.name);
  row.set(column("svname"), "BACKEND");
  row.set(column("status"), usable > 0 ? "UP" : "DOWN");
  row.set(column("act"), usable);
  row.set(column("bck"), 0);
  row.set(column("weight"), weight);
  row.set(column("uweight"), weight);
  row.set(column("qcur"), total(pool, [](const NodeStatus& n) { return n.exchanges_waiting; }));
  row.set(column("scur"), total(pool, current_sessions));
  row.set(column("stot"), begun);
  row.set(column("lbtot"), begun);
  row.set(column("wredis"), total(pool, [](const NodeStatus& n) { return n.rescued; }));
  row.set(column("users"), total(pool, [](const NodeStatus& n) { return n.live + n.pending; }));
  row.set(column("users_new"), begun);
  row.set(column("users_kept"), total(pool, [](const NodeStatus& n) { return n.live; }));
  row.set(column("users_moved"), total(pool, [](const NodeStatus& n) { return n.moved; }));
  return row;
}

}  // namespace

std::int64_t current_sessions(const NodeStatus& node) {
  if (node.state == NodeState::active) return node.exchanges_open;
  return std::max<std::int64_t>(node.live + node.pending, node.dry ? 0 : 1);
}

std::string server_status(const PoolStatus& pool, const NodeStatus& node) {
  if (node.state == NodeState::maintenance) return "MAINT";
  if (node.state == NodeState::bleeding) return "DRAIN";
  if (node.health == Health::down) return "DOWN";
  if (node.health == Health::up) return "UP";
  return pool.checks == PoolChecks::none ? "no check" : "DOWN 1/2";
}

std::string stat_table(const Status& status, WallTime now, const StatFilter& filter) {
  std::string table = "# " + std::string(kColumns) + "\n";
  const auto add = [&](const Row& row) {
    if (row.fits(filter)) row.append_to(table);
  };
  std::int64_t proxy = 0;
  for (const ListenerStatus& listener : status.listeners) add(frontend_row(listener, ++proxy));
  for (const PoolStatus& pool : status.pools) {
    ++proxy;
    std::int64_t server = 0;
    for (const NodeStatus& node : pool.nodes) {
      add(server_row(pool, node, Row(RowType::server, proxy, ++server), now));
    }
    add(backend_row(pool, Row(RowType::backend, proxy, 0)));
  }
  return table;
}

}  // namespace bonedry::admin::haproxy
