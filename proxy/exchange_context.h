#pragma once

#include "conf/config.h"
#include "conf/network.h"
#include "proxy/access_log.h"
#include "proxy/base/clock.h"
#include "proxy/end_reason.h"
#include "proxy/exchange_counters.h"
#include "proxy/exchange_error.h"
#include "proxy/inquiries.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/process_state.h"
#include "proxy/request_id.h"
#include "proxy/router.h"
#include "session/last_requests.h"
#include "session/ledger.h"

#include <span>
#include <string>

namespace bonedry::proxy {

/// What an exchange needs of its environment: the worker, or a test. All on one thread.
class ExchangeContext {
 public:
  [[nodiscard]] virtual io::TimerWheel& timers() = 0;
  /// The event loop's cached time, which may lag behind.
  [[nodiscard]] virtual Instant now() const = 0;
  /// The current time, for time stamps in the ledger: a time that lags would end sessions early.
  [[nodiscard]] virtual Instant exact_now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
  /// This and the next three belong to the newest topology.
  [[nodiscard]] virtual const Router& router() const = 0;
  [[nodiscard]] virtual const conf::Limits& limits() const = 0;
  [[nodiscard]] virtual const conf::Timeouts& timeouts() const = 0;
  [[nodiscard]] virtual std::span<const conf::Network> trusted_proxies() const = 0;

  [[nodiscard]] virtual session::Ledger& ledger() = 0;
  /// Null: the proxy is no member of a cluster.
  [[nodiscard]] virtual Inquiries* inquiries() = 0;
  /// Whether users must leave nodes that are out of rotation, see balancer::Fence.
  [[nodiscard]] virtual bool is_fenced() const = 0;
  [[nodiscard]] virtual AccessLogQueue& access_log() = 0;
  [[nodiscard]] virtual ExchangeCounters& counters() = 0;
  [[nodiscard]] virtual RequestIds& request_ids() = 0;
  /// Null: not wanted ([ledger] last_requests).
  [[nodiscard]] virtual session::LastRequests* last_requests() = 0;

  /// Whether the process has been told to stop.
  [[nodiscard]] virtual ProcessState process_state() const = 0;
  /// The end reason of exchanges whose client connection closes now.
  [[nodiscard]] virtual EndReason closing_reason() const = 0;

  // Log messages; each kind at most once a second, with the number of suppressed ones. Those of a
  // node: see log_node_failure.
  virtual void report_no_node(const std::string& pool) = 0;
  virtual void report_out_of_resources(int error) = 0;
  virtual void report_node_failure(const balancer::NodeView& node, const ExchangeError& error) = 0;

 protected:
  ~ExchangeContext() = default;
};

}  // namespace bonedry::proxy
