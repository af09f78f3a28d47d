#pragma once

#include "tests/support/child_process.h"
#include "tests/support/fake_node.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::test {

/// One [[pool.node]] of a test's config.
struct TestNode {
  TestNode(const FakeNode& node, std::vector<std::string> more_keys = {})  // NOLINT: implicit
      : TestNode(node.name(), node.address(), std::move(more_keys)) {}
  TestNode(std::string node_name, std::string node_address, std::vector<std::string> more_keys = {})
      : name(std::move(node_name)), address(std::move(node_address)), keys(std::move(more_keys)) {}

  std::string name;
  std::string address;
  std::vector<std::string> keys;
};

/// One [[pool]] and its listener.
struct TestPool {
  std::string name = "shop";
  std::vector<std::string> keys = {};
  std::vector<std::string> session = {};
  std::optional<std::vector<std::string>> health = std::nullopt;
  std::vector<TestNode> nodes = {};
  std::vector<std::string> listener = {};
};

/// What a test wants of the config; every entry of a list is one line of TOML. The rest (folders,
/// sockets, listeners on free ports) is filled in.
struct TestConfig {
  unsigned workers = 1;
  std::vector<std::string> server = {};
  std::vector<std::string> timeouts = {};
  std::vector<std::string> limits = {};
  std::vector<std::string> ledger = {};
  std::vector<TestPool> pools = {};
  /// Added to the program's environment, in place of ours of the same name: "NAME=value".
  std::vector<std::string> environment = {};
  /// All that the program may have, in place of our own limit.
  std::optional<unsigned> descriptors = std::nullopt;
  /// What is run in place of bonedry: a link to it or a script, which may change meanwhile.
  std::string program = {};
  /// Where standard output and standard error go, in place of what `out` and `err` read.
  std::string out = {};
  std::string err = {};
};

/// One pool "shop" with these nodes.
[[nodiscard]] TestConfig shop(unsigned workers, std::vector<TestNode> nodes,
                              std::vector<std::string> session = {},
                              std::vector<std::string> pool = {});

/// A node as `status json` shows it.
struct NodeView {
  std::string state;
  std::string health;
  bool dry = false;
  std::vector<std::string> dry_blocked_by;
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::int64_t begun = 0;
  std::int64_t moved = 0;
  std::int64_t rescued = 0;
  std::int64_t late = 0;
  std::int64_t logged_out = 0;
  nlohmann::json bleeding;

  [[nodiscard]] std::int64_t sessions() const { return live + pending; }
  [[nodiscard]] bool blocked_by(std::string_view words) const;
};

/// Finds a node in the answer to `status json`. Throws when it is not there.
[[nodiscard]] NodeView node_view(const nlohmann::json& status, std::string_view node,
                                 std::string_view pool = "shop");

/// The real bonedry as a child, with a private config, state folder and admin socket. At the end
/// of the test it is stopped, must exit with 0, and must not have made a sanitizer complain.
class BonedryProcess {
 public:
  enum class Start : std::uint8_t { now, later };

  explicit BonedryProcess(TestConfig config, Start start = Start::now);
  ~BonedryProcess();

  /// Starts it and waits until it serves. Throws with its error output when it gives up.
  void start();
  void stop();  ///< SIGTERM, and it must exit with 0
  void kill9();
  void restart();  ///< stop and start
  /// The admin command; must succeed. Everything here then speaks of the process that took over.
  void upgrade();
  /// After an upgrade that was asked for in another way: the process that took over, by its pid as
  /// the children of ours tell it.
  void follow_successor();
  void kill_predecessor();
  /// The process of before must end by itself, with 0. False: it has not yet.
  [[nodiscard]] bool predecessor_ends(Millis deadline = kDeadline * 3);
  /// Nothing runs in it until `resume`: what happens meanwhile, it sees all at once.
  void pause();
  void resume();
  /// Writes a new config for the next start or `reload`. Ports of listeners stay free.
  void configure(TestConfig config);

  /// The address of the listener of a pool, as it really is; another one after every start.
  [[nodiscard]] std::string address(std::string_view pool = "shop") const;
  /// The whole answer to one line on the admin socket.
  [[nodiscard]] std::string admin(std::string_view line, Millis deadline = kDeadline) const;
  [[nodiscard]] nlohmann::json admin_json(std::string_view line) const;
  [[nodiscard]] nlohmann::json status() const { return admin_json("status json"); }
  [[nodiscard]] NodeView node(std::string_view name, std::string_view pool = "shop") const;

  [[nodiscard]] std::string socket_path() const { return dir_ / "s"; }
  [[nodiscard]] std::string config_path() const { return dir_ / "bonedry.toml"; }
  [[nodiscard]] std::string state_dir() const { return dir_ / "state"; }
  [[nodiscard]] std::string out() const { return read_file(dir_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(dir_ / "err"); }
  /// Waits for it to have said so on standard error, which it writes to when it has the time.
  [[nodiscard]] bool says(std::string_view text) const;
  [[nodiscard]] pid_t pid() const { return child_->pid(); }
  [[nodiscard]] bool running() { return child_ && child_->running(); }

  [[nodiscard]] std::size_t resident_bytes() const;  ///< RSS
  /// All, or those of a kind as the kernel calls it: "socket", "pipe".
  [[nodiscard]] std::size_t open_descriptors(std::string_view kind = "") const;

 private:
  [[nodiscard]] bool is_ready();
  [[nodiscard]] bool all_threads_paused() const;
  void show_output() const;

  TempDir dir_;
  std::vector<std::string> environment_;
  std::optional<unsigned> descriptors_;
  std::string program_;
  std::string out_;
  std::string err_;
  std::unique_ptr<ChildProcess> child_;
  std::unique_ptr<ChildProcess> predecessor_;
  nlohmann::json listeners_;
};

/// bonedryctl, run to its end.
class Ctl {
 public:
  explicit Ctl(const BonedryProcess& bonedry) : Ctl(bonedry.socket_path()) {}
  explicit Ctl(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  [[nodiscard]] RunResult run(const std::vector<std::string>& arguments,
                              Millis deadline = kDeadline * 3) const;
  /// `run`, where nothing but the exit code matters.
  [[nodiscard]] int code(const std::vector<std::string>& arguments) const {
    return run(arguments).code;
  }

 private:
  std::string socket_path_;
};

[[nodiscard]] std::string bonedry_program();
[[nodiscard]] std::string bonedryctl_program();

}  // namespace bonedry::test
