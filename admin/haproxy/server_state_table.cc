#include "admin/haproxy/server_state_table.h"

#include "conf/config.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace bonedry::admin::haproxy {
namespace {

using balancer::Health;
using balancer::NodeState;

constexpr std::string_view kHead =
    "1\n"
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

/// 0 stopped, 2 running.
int operational_state(const NodeStatus& node) {
  const bool stopped = node.state == NodeState::maintenance || node.health == Health::down;
  return stopped ? 0 : 2;
}

/// A mask, of which HAProxy prints the decimal and client-native reads the hexadecimal number: with
/// these three they are the same.
int administrative_state(const NodeStatus& node) {
  switch (node.state) {
    case NodeState::active:
      return 0;
    case NodeState::maintenance:
      return 1;  // forced maintenance
    case NodeState::bleeding:
      return 8;  // forced drain
  }
  return 0;
}

/// 0 unknown, 2 failed, 3 passed.
int check_result(const NodeStatus& node) {
  switch (node.health) {
    case Health::unknown:
      return 0;
    case Health::down:
      return 2;
    case Health::up:
      return 3;
  }
  return 0;
}

std::string row(const PoolStatus& pool, const NodeStatus& node, std::int64_t proxy,
                std::int64_t server, WallTime now) {
  const auto address = conf::parse_address(node.address).value_or(conf::Address{});
  const std::int64_t age =
      node.bleeding ? std::max<std::int64_t>((now - node.bleeding->since).count() / 1000, 0) : 0;
  const std::string weight = std::to_string(node.weight);
  // Bits: 2 checks are configured, 4 and run.
  const int check_state = pool.checks == PoolChecks::none ? 0 : 6;
  return std::to_string(proxy) + " " + pool.name + " " + std::to_string(server) + " " + node.name +
         " " + address.host + " " + std::to_string(operational_state(node)) + " " +
         std::to_string(administrative_state(node)) + " " + weight + " " + weight + " " +
         std::to_string(age) + " 1 " + std::to_string(check_result(node)) + " 0 " +
         std::to_string(check_state) + " 0 0 0 - " + std::to_string(address.port) +
         " - 0 0 - - 0\n";
}

}  // namespace

std::string server_state_table(const Status& status, std::optional<std::string_view> pool,
                               WallTime now) {
  std::string table(kHead);
  auto proxy = static_cast<std::int64_t>(status.listeners.size());
  for (const PoolStatus& one : status.pools) {
    ++proxy;
    if (pool && one.name != *pool) continue;
    std::int64_t server = 0;
    for (const NodeStatus& node : one.nodes) table += row(one, node, proxy, ++server, now);
  }
  return table;
}

}  // namespace bonedry::admin::haproxy
