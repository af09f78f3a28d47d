#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/demo_config.h"
#include "bench/demo/demo_environment.h"
#include "bench/demo/demo_parameters.h"
#include "bench/demo/demo_result.h"
#include "bench/demo/loop.h"
#include "bench/demo/population.h"
#include "bench/demo/proxy_fleet.h"
#include "bench/demo/screen.h"
#include "bench/demo/shared_state.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace bonedry::demo {

/// The whole demo: starts shops, proxies and users, then bleeds and updates one node after the
/// other while the users shop. Of several proxies, one is killed during the first bleed, and
/// another one restarted during the second. Each step blocks its caller, and runs the event loop
/// meanwhile.
class DemoRun {
 public:
  DemoRun(Loop& loop, ProgramPaths programs, DemoConfig config, const DemoParameters& parameters,
          std::uint64_t seed);

  /// May be called once. Throws std::runtime_error only when nothing could be started at all.
  [[nodiscard]] DemoResult run();

 private:
  /// The answer of a proxy that was asked to say when a node is dry.
  struct DryReport {
    AdminResponse response;
    Instant at;
  };
  /// Empty until the answer comes, which may be after a step has thrown.
  using PendingReport = std::shared_ptr<std::optional<DryReport>>;

  // The steps. They throw DemoAborted when the demo cannot continue.
  void start_shops();
  void start_proxies();
  void start_users();
  void bleed(const std::string& node);
  PendingReport ask_when_dry(const std::string& node, std::size_t proxy);
  void wait_until_dry(const std::string& node, const PendingReport& report);
  /// Ends the proxy, in the way that this bleed is for, and starts it again.
  void interrupt(std::size_t proxy);
  void start_again(std::size_t proxy);
  void update(const std::string& node);
  void activate(const std::string& node);
  void check_releases();
  void shut_down();

  // Helpers that run the event loop. They throw DemoAborted, too.
  void wait_until(const std::function<bool()>& condition, Millis limit, const std::string& what);
  void wait_for(Millis duration);
  /// ... according to all proxies.
  void wait_for_health(const std::string& node, const std::string& health);
  AdminResponse send(const std::string& command);
  /// Sends a command, through any proxy, which must not refuse it.
  void execute(const std::string& command);
  [[nodiscard]] std::string release_of(const std::string& node);
  void throw_if_failed();

  /// As commands name the node: "shop/alice".
  [[nodiscard]] std::string full_name(const std::string& node) const;
  [[nodiscard]] DemoConfig member_config(const std::string& name, const std::string& store) const;
  void check_dry(const std::string& node, std::size_t proxy);
  void log(const std::string& event) { screen_->log(event); }
  void record_abort(const std::string& reason);
  [[nodiscard]] ScreenState screen_state() const;
  [[nodiscard]] ScreenState::Node screen_state_of(const std::string& node) const;

  Loop& loop_;
  DemoParameters parameters_;
  DemoConfig config_;
  TerminationSignals signals_;
  DemoEnvironment environment_;
  Random random_;
  UserCounters counters_;
  ExpectedSessions expected_;
  DemoResult result_;
  Instant started_;
  std::string dashboard_;  // see ScreenState
  std::string phase_ = "the shops start";
  std::string secret_;  // of the cluster
  std::optional<SharedState> shared_;
  ProxyFleet fleet_;
  std::optional<std::size_t> interrupted_;  // the proxy of the last bleed that ends during it
  // Of the bleed in progress:
  std::uint64_t users_before_ = 0;  // how many had come before it
  std::optional<Instant> back_at_;  // when the proxy that ended served again; empty: none has ended
  std::unique_ptr<Population> users_;
  std::unique_ptr<Screen> screen_;
};

}  // namespace bonedry::demo
