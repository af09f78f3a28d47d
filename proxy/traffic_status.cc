#include "proxy/traffic_status.h"

#include <cstddef>
#include <string_view>

namespace bonedry::proxy {
namespace {

/// Whose doing an end was, as `status` names it.
std::string_view text_of(Side side) {
  switch (side) {
    case Side::nobody:
      return "";
    case Side::downstream:
      return "client";
    case Side::upstream:
      return "node";
    case Side::internal:
      return "bonedry";
  }
  return "";
}

admin::ExchangeStatus exchange_status(const Server& server) {
  const ExchangeTotals totals = server.exchange_totals();
  admin::ExchangeStatus status{{}, totals.retries, totals.bytes_in, totals.bytes_out};
  for (std::size_t reason = 0; reason < kEndReasons; ++reason) {
    const EndReasonInfo& info = info_of(static_cast<EndReason>(reason));
    status.endings.push_back({info.name, totals.endings[reason], text_of(info.side)});
  }
  return status;
}

admin::AccessLogStatus access_log_status(const Server& server) {
  const LogLosses losses = server.access_log_losses();
  return {losses.lines, losses.errors, losses.why, losses.age};
}

}  // namespace

admin::TrafficStatus traffic_status(const Server& server, const Predecessor* predecessor) {
  const HandshakeTotals handshakes = server.handshake_totals();
  const bool finishing = predecessor != nullptr && !predecessor->is_gone();
  return {exchange_status(server),
          {handshakes.completed, handshakes.resumed, handshakes.failed, handshakes.shed},
          access_log_status(server),
          server.client_connections(),
          finishing ? predecessor->pid() : 0};
}

}  // namespace bonedry::proxy
