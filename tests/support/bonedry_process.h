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
  /// The protocols of the listener as TLS names them; without TLS, "h2" becomes "h2c". Empty: the
  /// program's default.
  std::vector<std::string> alpn = {};
  /// Of the listener; by default any free port, another one after each start.
  std::string address = "127.0.0.1:0";
};

/// The test-specific part of the config; every entry of a list is one line of TOML. The rest
/// (directories, sockets, listeners on free ports) is filled in.
struct TestConfig {
  unsigned workers = 1;
  std::vector<std::string> server = {};
  std::vector<std::string> timeouts = {};
  std::vector<std::string> limits = {};
  std::vector<std::string> ledger = {};
  std::vector<std::string> admin = {};     ///< beside the socket
  std::vector<std::string> sections = {};  ///< whole sections, such as [hooks]
  std::vector<TestPool> pools = {};
  /// Added to the program's environment; replaces our variables of the same name: "NAME=value".
  std::vector<std::string> environment = {};
  /// RLIMIT_NOFILE of the program, instead of our own limit.
  std::optional<unsigned> descriptors = std::nullopt;
  /// Run instead of bonedry: a symlink to it or a script, which may change between runs.
  std::string program = {};
  /// Files for standard output and standard error; then `out` and `err` do not read them.
  std::string out = {};
  std::string err = {};
};

/// A config with one pool "shop" and these nodes.
[[nodiscard]] TestConfig shop(unsigned workers, std::vector<TestNode> nodes,
                              std::vector<std::string> session = {},
                              std::vector<std::string> pool = {});

/// The same with HTTP/2 and HTTP/1.1 on all listeners.
[[nodiscard]] TestConfig with_http2(TestConfig config);

/// A node as `status json` reports it.
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

/// Finds a node in the reply to `status json`. Throws when it is not there.
[[nodiscard]] NodeView node_view(const nlohmann::json& status, std::string_view node,
                                 std::string_view pool = "shop");

/// The real bonedry as a child, with its own config, state directory and admin socket. At the end
/// of the test it is stopped, must exit with 0, and must not have a sanitizer report.
class BonedryProcess {
 public:
  enum class Start : std::uint8_t { now, later };

  explicit BonedryProcess(TestConfig config, Start start = Start::now);
  ~BonedryProcess();

  /// Starts it and waits until it serves. Throws with its error output when it exits instead.
  void start();
  void stop();  ///< sends SIGTERM; it must exit with 0
  void kill9();
  void restart();  ///< stop, then start
  /// Sends the admin command, which must succeed. Then this object refers to the new process.
  void upgrade();
  /// After an upgrade that was requested in another way: finds the new process by its pid, which is
  /// among the children of our children.
  void follow_successor();
  void kill_predecessor();
  /// The old process must end by itself, with 0. False: it has not ended yet.
  [[nodiscard]] bool predecessor_ends(Millis deadline = kDeadline * 3);
  /// Waits until each worker of the old process has begun to drain: it has no listening socket
  /// then.
  [[nodiscard]] bool predecessor_drains() const;
  /// Stops it with a signal until `resume`; what happens meanwhile, it sees all at once.
  void pause();
  void resume();
  /// Writes a new config for the next start or `reload`. Listeners keep port 0 (any free port).
  void configure(TestConfig config);

  /// The actual address of a pool's listener; it may change with every start.
  [[nodiscard]] std::string address(std::string_view pool = "shop") const;
  /// The whole reply to one line on the admin socket.
  [[nodiscard]] std::string admin(std::string_view line, Millis deadline = kDeadline) const;
  [[nodiscard]] nlohmann::json admin_json(std::string_view line) const;
  [[nodiscard]] nlohmann::json status() const { return admin_json("status json"); }
  [[nodiscard]] NodeView node(std::string_view name, std::string_view pool = "shop") const;

  [[nodiscard]] std::string socket_path() const { return dir_ / "s"; }
  [[nodiscard]] std::string config_path() const { return dir_ / "bonedry.toml"; }
  [[nodiscard]] std::string state_dir() const { return dir_ / "state"; }
  [[nodiscard]] std::string out() const { return read_file(dir_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(dir_ / "err"); }
  /// Waits until it has written `text` to standard error, which it does when it has the time.
  [[nodiscard]] bool says(std::string_view text) const;
  [[nodiscard]] pid_t pid() const { return child_->pid(); }
  [[nodiscard]] bool running() { return child_ && child_->running(); }

  [[nodiscard]] std::size_t resident_bytes() const;  ///< RSS
  /// All, or those of one kind as the kernel names it: "socket", "pipe".
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

/// Runs bonedryctl to its end.
class Ctl {
 public:
  explicit Ctl(const BonedryProcess& bonedry) : Ctl(bonedry.socket_path()) {}
  explicit Ctl(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  [[nodiscard]] RunResult run(const std::vector<std::string>& arguments,
                              Millis deadline = kDeadline * 3) const;
  /// `run` for when only the exit code matters.
  [[nodiscard]] int code(const std::vector<std::string>& arguments) const {
    return run(arguments).code;
  }

 private:
  std::string socket_path_;
};

[[nodiscard]] std::string bonedry_program();
[[nodiscard]] std::string bonedryctl_program();

}  // namespace bonedry::test
