#pragma once

#include "balancer/node_meter.h"
#include "proxy/base/result.h"
#include "proxy/exchange_counters.h"
#include "proxy/handshakes.h"
#include "proxy/http2_counters.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// Values of balancer::PoolCounters.
struct PoolTotals {
  std::uint64_t exempt_requests = 0;
  std::uint64_t foreign_cookies = 0;
  std::uint64_t cookie_clashes = 0;
  std::uint64_t cookie_clashes_in_front = 0;
};

/// Everything that a process has counted, with what it took over from the process before it: in an
/// upgrade the next one goes on from there.
struct ProcessTotals {
  ExchangeTotals exchanges;
  HandshakeTotals handshakes;
  Http2Totals http2;        ///< of clients' connections
  Http2Totals http2_nodes;  ///< of connections to nodes
  std::uint64_t log_lines_lost = 0;
  std::uint64_t log_write_errors = 0;
  std::map<std::string, PoolTotals> pools;            ///< by name
  std::map<std::string, balancer::NodeTotals> nodes;  ///< by "POOL/NODE"
};

/// As JSON: two versions of the program may count different things.
[[nodiscard]] std::string to_json(const ProcessTotals& totals);
/// A count that the text does not have is 0, and one that this version does not know is left out.
[[nodiscard]] Result<ProcessTotals> parse_totals(std::string_view json);

}  // namespace bonedry::proxy
