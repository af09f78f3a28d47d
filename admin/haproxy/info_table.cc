#include "admin/haproxy/info_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

namespace bonedry::admin::haproxy {
namespace {

struct Field {
  int position = 0;  ///< HAProxy's; client-native finds the typed fields by it
  std::string_view name;
  std::string_view tags;  ///< origin, nature and scope: HAProxy's management.txt, 9.3, "show info"
  std::string_view type;
  std::string value;
};

std::string days_and_time(Millis uptime) {
  const std::int64_t seconds = uptime.count() / 1000;
  std::array<char, 48> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%lldd %lldh%02lldm%02llds",
      static_cast<long long>(seconds / 86400), static_cast<long long>(seconds / 3600 % 24),
      static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::uint64_t ended_exchanges(const ExchangeStatus& exchanges) {
  std::uint64_t sum = 0;
  for (const ExchangeStatus::Ending& ending : exchanges.endings) sum += ending.count;
  return sum;
}

std::int64_t open_exchanges(const Status& status) {
  std::int64_t sum = 0;
  for (const PoolStatus& pool : status.pools) {
    for (const NodeStatus& node : pool.nodes) sum += node.exchanges_open;
  }
  return sum;
}

std::vector<Field> fields(const ProcessInfo& process, const Status& status) {
  const auto text = [](auto number) { return std::to_string(number); };
  const std::string open = text(open_exchanges(status));
  const std::string max_connections = text(process.max_connections);
  return {
      {0, "Name", "POS", "str", "bonedry"},
      {1, "Version", "POS", "str", std::string(kVersion)},
      {2, "Release_date", "POS", "str", "2025/03/20"},  // of HAProxy 3.0.9
      {3, "Nbthread", "CGS", "u32", text(process.workers)},
      {4, "Nbproc", "CGS", "u32", "1"},
      {5, "Process_num", "KGP", "u32", "1"},
      {6, "Pid", "SGP", "u32", text(process.pid)},
      {7, "Uptime", "MDP", "str", days_and_time(process.uptime)},
      {8, "Uptime_sec", "MDP", "u32", text(process.uptime.count() / 1000)},
      {13, "Ulimit-n", "CLP", "u32", text(process.descriptors)},
      {14, "Maxsock", "CLP", "u32", text(process.descriptors)},
      {15, "Maxconn", "CLP", "u32", max_connections},
      {16, "Hard_maxconn", "CLP", "u32", max_connections},
      {17, "CurrConns", "MGP", "u32", open},
      {19, "CumReq", "MCP", "u32", text(ended_exchanges(status.traffic.exchanges))},
      {22, "CumSslConns", "MCP", "u32", text(status.traffic.handshakes.completed())},
      {23, "Maxpipes", "CLP", "u32", "0"},
      {24, "PipesUsed", "MGP", "u32", "0"},
      {47, "Tasks", "MGP", "u32", open},
      {48, "Run_queue", "MGP", "u32", "0"},
      {50, "node", "COS", "str", process.host},
      {52, "Stopping", "MGP", "u32", "0"},
      {53, "Jobs", "MGP", "u32", open},
      {55, "Listeners", "MGP", "u32", text(status.listeners.size())},
      {61, "TotalBytesOut", "MGP", "u64", text(status.traffic.exchanges.bytes_out)},
  };
}

}  // namespace

std::string info_table(const ProcessInfo& process, const Status& status, InfoStyle style) {
  std::string table;
  for (const Field& field : fields(process, status)) {
    const std::string name(field.name);
    if (style == InfoStyle::plain) {
      table += name + ": " + field.value + "\n";
      continue;
    }
    table += std::to_string(field.position) + "." + name + ".1:" + std::string(field.tags) + ":" +
             std::string(field.type) + ":" + field.value + "\n";
  }
  return table;
}

}  // namespace bonedry::admin::haproxy
