#pragma once

#include "conf/config.h"
#include "conf/network.h"
#include "proxy/access_log.h"
#include "proxy/base/clock.h"
#include "proxy/end_reason.h"
#include "proxy/exchange_counters.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/router.h"
#include "session/ledger.h"

#include <span>
#include <string>

namespace bonedry::proxy {

/// What an exchange needs of where it lives: the worker, or a test. All on one thread.
class ExchangeContext {
 public:
  [[nodiscard]] virtual io::TimerWheel& timers() = 0;
  /// As the loop has it, which may lag behind.
  [[nodiscard]] virtual Instant now() const = 0;
  /// For what the ledger remembers: a time that lags would end sessions early.
  [[nodiscard]] virtual Instant exact_now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
  /// Of the newest topology, all of them.
  [[nodiscard]] virtual const Router& router() const = 0;
  [[nodiscard]] virtual const conf::Limits& limits() const = 0;
  [[nodiscard]] virtual const conf::Timeouts& timeouts() const = 0;
  [[nodiscard]] virtual std::span<const conf::Network> trusted_proxies() const = 0;

  [[nodiscard]] virtual session::Ledger& ledger() = 0;
  [[nodiscard]] virtual AccessLogQueue& access_log() = 0;
  [[nodiscard]] virtual ExchangeCounters& counters() = 0;

  /// Why a connection of a client that goes away now does so.
  [[nodiscard]] virtual EndReason closing_reason() const = 0;

  // What is worth a line in the log; each at most once a second, with how many were left out.
  virtual void report_no_node(const std::string& pool) = 0;
  virtual void report_out_of_resources(int error) = 0;
  virtual void report_bad_response(const balancer::Node& node, const char* why) = 0;

 protected:
  ~ExchangeContext() = default;
};

}  // namespace bonedry::proxy
