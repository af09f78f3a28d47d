#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/demo_config.h"
#include "bench/demo/demo_environment.h"
#include "bench/demo/demo_parameters.h"
#include "bench/demo/demo_result.h"
#include "bench/demo/loop.h"
#include "bench/demo/monitor.h"
#include "bench/demo/population.h"
#include "bench/demo/screen.h"
#include "bench/demo/shared_state.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace bonedry::demo {

/// The whole demo: starts shops, proxy and users, then bleeds and updates one node after the other
/// while the users shop. Each step blocks its caller, and runs the event loop meanwhile.
class DemoRun {
 public:
  DemoRun(Loop& loop, ProgramPaths programs, DemoConfig config, const DemoParameters& parameters,
          std::uint64_t seed);

  /// May be called once. Throws std::runtime_error only when nothing could be started at all.
  [[nodiscard]] DemoResult run();

 private:
  // The steps. They throw DemoAborted when the demo cannot continue.
  void start_shops();
  void start_proxy();
  void start_users();
  void bleed(const std::string& node);
  void wait_until_dry(const std::string& node);
  void update(const std::string& node);
  void activate(const std::string& node);
  void check_releases();
  void shut_down();

  // Helpers that run the event loop. They throw DemoAborted, too.
  void wait_until(const std::function<bool()>& condition, Millis limit, const std::string& what);
  void wait_for(Millis duration);
  AdminResponse send(const std::string& command);
  /// Sends a command that the proxy must not refuse.
  void execute(const std::string& command);
  [[nodiscard]] std::string release_of(const std::string& node);
  void throw_if_failed();

  /// As commands name the node: "shop/alice".
  [[nodiscard]] std::string full_name(const std::string& node) const;
  [[nodiscard]] NodeStatus status_of(const std::string& node) const;
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
  std::optional<SharedState> shared_;
  std::unique_ptr<AdminClient> admin_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<Population> users_;
  std::unique_ptr<Screen> screen_;
};

}  // namespace bonedry::demo
