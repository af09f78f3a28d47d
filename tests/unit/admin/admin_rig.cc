#include "tests/unit/admin/admin_rig.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

namespace bonedry::admin::test {
namespace {

constexpr std::chrono::seconds kTimeLimit{20};

conf::Config shop_config() {
  conf::Config config;
  conf::Pool shop;
  shop.name = "shop";
  shop.nodes.push_back({"alice", {"127.0.0.1", 9001}, 100, 0});
  shop.nodes.push_back({"bob", {"127.0.0.1", 9002}, 100, 0});
  config.pools.push_back(shop);
  return config;
}

}  // namespace

TestDirectory::TestDirectory() {
  std::string name = "/tmp/bonedry-admin-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void FakeWorkers::publish(std::shared_ptr<const balancer::Topology> /*topology*/,
                          std::function<void()> acknowledged) {
  waiting_.push_back(std::move(acknowledged));
}

void FakeWorkers::turn() {
  if (pace == Pace::asleep) return;
  for (const auto& acknowledged : std::exchange(waiting_, {})) acknowledged();
}

AdminRig::AdminRig(const AdminLimits& limits)
    : ledger(10'000, clock.now()),
      store(directory / "nodes.json"),
      pass_store(directory / "passes.json"),
      passes(clock, pass_store, {"a secret of at least 32 characters"}),
      events(clock),
      roll_store(directory / "rolls.json"),
      rolls(
          roll_store, events, clock,
          [this] { return control->is_standby() ? Rolls::Role::standby : Rolls::Role::deciding; }),
      limits_(limits) {
  spdlog::set_level(spdlog::level::off);
  control = make_control(shop_config());
  start_server();
}

std::unique_ptr<ControlPlane> AdminRig::make_control(conf::Config config) {
  const auto load = [this]() -> Result<conf::Config> {
    if (!reload_error.empty()) return Failure{reload_error};
    conf::Config next = shop_config();
    next.admin = next_admin;
    return next;
  };
  return std::make_unique<ControlPlane>(
      ControlPlane::Parts{clock, ledger, workers, store, passes, events, load}, std::move(config),
      NodeRecords{}, std::nullopt);
}

void AdminRig::restart_without_alice() {
  conf::Config config = shop_config();
  config.pools.front().nodes.erase(config.pools.front().nodes.begin());
  control = make_control(std::move(config));
}

AdminRig::~AdminRig() {
  stop_server();
}

void AdminRig::start_server() {
  const auto reopen = [this](const ChangeCallback& callback) { reopen_log(callback); };
  server = std::make_unique<AdminServer>(
      loop_, path(), Commands::Parts{*control, events, rolls, clock, reopen}, limits_);
  const Result<> listening = server->listen();
  if (!listening) throw std::runtime_error(listening.error());
}

void AdminRig::stop_server() {
  if (!server) return;
  enum class Closing { under_way, done } closing = Closing::under_way;
  server->close([&closing] { closing = Closing::done; });
  EXPECT_TRUE(run_until([&closing] { return closing == Closing::done; }));
  server.reset();
}

bool AdminRig::run_until(const std::function<bool()>& done) {
  const auto until = std::chrono::steady_clock::now() + kTimeLimit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    turn();
  }
  return true;
}

void AdminRig::run_a_little() {
  for (int i = 0; i < 20; ++i) turn();
}

void AdminRig::turn() {
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  workers.turn();
  control->tick();
  std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

std::string AdminRig::ask(const std::string& line) {
  Client client(path());
  client.send(line + "\n");
  EXPECT_TRUE(finish(client)) << line;
  return client.answer();
}

bool AdminRig::finish(Client& client) {
  return run_until([&client] { return client.ended(); });
}

void AdminRig::add_user(const std::string& key, std::uint64_t number) {
  const session::SessionKey id{number << 32U, number};
  ledger.close(
      ledger
          .begin(id, 1, ledger.slot_of(key), session::SessionState::live, clock.now(), clock.now())
          .ref,
      clock.now());
}

void AdminRig::add_crawler(const std::string& key, std::uint64_t number) {
  const session::SessionKey id{number << 32U, number};
  ledger.close(ledger
                   .begin(id, 1, ledger.slot_of(key), session::SessionState::pending, clock.now(),
                          clock.now())
                   .ref,
               clock.now());
}

void AdminRig::everybody_leaves() {
  clock.advance(std::chrono::minutes{21});  // the default idle_timeout is 20 minutes
}

}  // namespace bonedry::admin::test
