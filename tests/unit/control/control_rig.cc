#include "tests/unit/control/control_rig.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

namespace bonedry::admin::test {

namespace fs = std::filesystem;

ControlTest::ControlTest()
    : store(directory / "state/nodes.json"),
      pass_store(directory / "state/passes.json"),
      passes(clock, pass_store, {"a secret of at least 32 characters"}),
      events(clock) {
  spdlog::set_level(spdlog::level::off);
  fs::create_directory(directory / "state");
  conf::Pool& pool = config.pools.emplace_back();
  pool.name = "shop";
  pool.session.idle_timeout = pool.session.pending_timeout = kIdle;
  for (const char* name : {"alice", "bob", "carol"}) pool.nodes.push_back(node(name));
  start();
}

conf::Node ControlTest::node(const std::string& name, unsigned weight) {
  const auto port = static_cast<std::uint16_t>(9000 + name.front());
  return {name, {"127.0.0.1", port}, weight, 0};
}

void ControlTest::start() {
  ledger = std::make_unique<session::MappedLedger>(1000, clock.now());
  start_control();
}

void ControlTest::start_control() {
  const auto load = [this]() -> Result<conf::Config> {
    if (!load_error.empty()) return Failure{load_error};
    return config;
  };
  control = std::make_unique<ControlPlane>(
      ControlPlane::Parts{.clock = clock,
                          .ledger = *ledger,
                          .publisher = publisher,
                          .store = store,
                          .passes = passes,
                          .events = events,
                          .load_config = load,
                          .lagging_process = [this] { return lagging_process; },
                          .checks_of =
                              [this](const balancer::NodeId& id) {
                                const auto found = checks.find(id.text());
                                return found == checks.end() ? nullptr : &found->second;
                              },
                          .curves = curves},
      config, written(), incomplete_since);
}

void ControlTest::restart() {
  control.reset();
  publisher = {};
  incomplete_since = clock.now();
  start();
}

void ControlTest::restart_on_ledger() {
  control.reset();
  publisher = {};
  start_control();
}

ChangeCallback ControlTest::note_answer() {
  return [this](const Result<ChangeResult, CommandError>& result) {
    answers.push_back(result ? to_text(*result) : "error: " + result.error().text);
  };
}

std::string ControlTest::answer_of(const std::function<void(const ChangeCallback&)>& command) {
  std::string text = "no answer";
  command([&text](const Result<ChangeResult, CommandError>& result) {
    EXPECT_EQ(text, "no answer") << "answered twice";
    text = result ? to_text(*result) : "error: " + result.error().text;
  });
  publisher.acknowledge();
  return text;
}

std::string ControlTest::bleed(const std::string& key, const BleedRequest& request) {
  return answer_of(
      [&](const ChangeCallback& answer) { control->bleed(node_id(key), request, answer); });
}

std::string ControlTest::force_bleed(const std::string& key) {
  BleedRequest request;
  request.force = Force::yes;
  return bleed(key, request);
}

std::string ControlTest::bleed_until(const std::string& key, Millis deadline) {
  BleedRequest request;
  request.deadline = deadline;
  return bleed(key, request);
}

void ControlTest::bleed_unacknowledged(const std::string& key, const BleedRequest& request) {
  control->bleed(node_id(key), request, note_answer());
}

std::string ControlTest::maintain(const std::string& key, Force force) {
  return answer_of([&](const ChangeCallback& answer) {
    control->maintain(node_id(key), force, {"root"}, answer);
  });
}

std::string ControlTest::activate(const std::string& key) {
  return answer_of(
      [&](const ChangeCallback& answer) { control->activate(node_id(key), {"root"}, answer); });
}

std::string ControlTest::reload(Force force) {
  return answer_of([&](const ChangeCallback& answer) { control->reload(force, "root", answer); });
}

void ControlTest::settle() {
  // A dry node may lead to a removal, and that to a response; each takes one iteration.
  for (int i = 0; i < 5; ++i) {
    control->tick();
    publisher.acknowledge();
  }
  control->tick();
}

void ControlTest::pass(Millis by) {
  clock.advance(by);
  settle();
}

void ControlTest::pass_unacknowledged(Millis by) {
  clock.advance(by);
  control->tick();
}

void ControlTest::break_disk() {
  fs::rename(directory / "state", directory / "state.away");
  directory.write("state", "a file where a directory should be");
}

void ControlTest::mend_disk() {
  fs::remove(directory / "state");
  fs::rename(directory / "state.away", directory / "state");
}

void ControlTest::add_user(const std::string& key, std::uint64_t number) {
  const auto session = ledger->begin({number << 32U, number}, 1, ledger->slot_of(key),
                                     session::SessionState::live, clock.now(), clock.now());
  ledger->close(session.ref, clock.now());
}

void ControlTest::add_crawler(const std::string& key, std::uint64_t number) {
  const auto session = ledger->begin({number << 32U, number}, 1, ledger->slot_of(key),
                                     session::SessionState::pending, clock.now(), clock.now());
  ledger->close(session.ref, clock.now());
}

std::optional<session::OpenedSession> ControlTest::click(std::uint64_t number) {
  const auto session = ledger->open({number << 32U, number}, 1, clock.now()).opened;
  if (session) ledger->close(session->ref, clock.now());
  return session;
}

const NodeView& ControlTest::view(const std::string& key) const {
  const NodeView* const its_view = control->topology()->find_node(node_id(key));
  if (its_view != nullptr) return *its_view;
  static const NodeView kNone;
  ADD_FAILURE() << "no node " << key;
  return kNone;
}

NodeStatus ControlTest::status(const std::string& key) const {
  const Result<Status, CommandError> all = control->status(std::nullopt);
  for (const PoolStatus& pool : all->pools) {
    for (const NodeStatus& one : pool.nodes) {
      if (one.pool + "/" + one.name == key) return one;
    }
  }
  ADD_FAILURE() << "no node " << key;
  return {};
}

std::string ControlTest::door(const std::string& key) const {
  const NodeView& one = view(key);
  const char* const doors[] = {"open", "sessions_only", "opening", "held", "shut"};
  return std::string(balancer::to_string(one.state)) + ", " +
         doors[static_cast<std::size_t>(one.door)] + (one.displaced ? ", displaced" : "");
}

std::string ControlTest::blocked(const std::string& key) const {
  std::string text;
  for (const std::string& reason : status(key).dry_blocked_by) {
    text += (text.empty() ? "" : ", ") + reason;
  }
  return text;
}

NodeRecords ControlTest::written() const {
  const Result<NodeRecords> records = store.load();
  if (records) return *records;
  ADD_FAILURE() << records.error();
  return {};
}

std::string ControlTest::events_of(const std::string& kind) const {
  std::string text;
  for (const Event& event : events.recent()) {
    if (event.kind != kind) continue;
    text +=
        (text.empty() ? "" : " | ") + event.node + (event.node.empty() ? "" : ": ") + event.text;
  }
  return text;
}

}  // namespace bonedry::admin::test
