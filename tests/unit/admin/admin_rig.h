#pragma once

#include "admin/admin_server.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/roll/rolls.h"
#include "proxy/base/clock.h"
#include "proxy/io/event_loop.h"
#include "session/mapped_ledger.h"
#include "tests/unit/admin/client.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin::test {

/// A directory of our own under /tmp, removed with all its contents.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

/// Workers that acknowledge each topology at their next turn, or not while they sleep.
class FakeWorkers final : public Publisher {
 public:
  enum class Pace : std::uint8_t { prompt, asleep };

  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override;
  void turn();

  Pace pace = Pace::prompt;

 private:
  std::vector<std::function<void()>> waiting_;
};

/// Pool "shop" with alice and bob, a real control plane and a real admin socket on an event loop
/// that the test turns by hand. Time stands still unless the test moves `clock`; only the socket's
/// client time-outs use real time.
class AdminRig {
 public:
  explicit AdminRig(const AdminLimits& limits = {});
  ~AdminRig();
  AdminRig(const AdminRig&) = delete;
  AdminRig& operator=(const AdminRig&) = delete;

  [[nodiscard]] std::string path() const { return directory / "admin.sock"; }

  /// Turns the loop, the workers and the control plane until `done`. False after 20 s.
  bool run_until(const std::function<bool()>& done);
  /// Turns a few times, to check that something does not happen.
  void run_a_little();

  /// Sends one line and returns the whole reply.
  std::string ask(const std::string& line);
  /// Turns until the client's reply has ended.
  bool finish(Client& client);

  void stop_server();
  void start_server();
  /// Acts like a restart of the proxy with a config without alice. The server is stopped.
  void restart_without_alice();

  /// Adds a user who clicked once and returned: a live session.
  void add_user(const std::string& key, std::uint64_t number);
  /// Adds a user whose cookie was never sent back: a pending session.
  void add_crawler(const std::string& key, std::uint64_t number);
  /// Ends all sessions by their time-outs.
  void everybody_leaves();

  TestDirectory directory;
  ManualClock clock;
  session::MappedLedger ledger;
  FakeWorkers workers;
  StateStore store;
  PassStore pass_store;
  Passes passes;
  EventLog events;
  std::string reload_error;                               ///< empty: reloads succeed
  conf::Admin next_admin;                                 ///< [admin] that a reload reads
  std::function<void(const ChangeCallback&)> reopen_log;  ///< what `reopen` does
  std::unique_ptr<ControlPlane> control;
  RollStore roll_store;
  Rolls rolls;
  std::unique_ptr<AdminServer> server;

 private:
  void turn();
  [[nodiscard]] std::unique_ptr<ControlPlane> make_control(conf::Config config);

  AdminLimits limits_;
  io::EventLoop loop_;
};

}  // namespace bonedry::admin::test
