#pragma once

#include "tests/support/child_process.h"
#include "tests/support/redis_connection.h"
#include "tests/support/socket.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {

/// The path of valkey-server or redis-server, as $PATH finds them; empty if neither is installed. A
/// test then says `if (redis_program().empty()) GTEST_SKIP() << kNoRedis;`.
[[nodiscard]] std::string redis_program();
inline constexpr const char* kNoRedis = "neither redis-server nor valkey-server is installed";

/// A real Redis or Valkey server on a port of 127.0.0.1, and on a Unix socket, with files of its
/// own. It has the same addresses in all its lives. By default it writes nothing to disk. Killed
/// with this object. Its functions throw if it does not do its part in time.
class RedisServer {
 public:
  /// `arguments`: such as {"--maxmemory", "4mb"}. Returns when the server answers.
  explicit RedisServer(std::vector<std::string> arguments = {});

  [[nodiscard]] const std::string& address() const { return port_.address(); }  ///< host and port
  [[nodiscard]] std::string socket_path() const { return dir_ / "sock"; }
  [[nodiscard]] std::string url() const { return "redis://" + address() + "/0"; }
  [[nodiscard]] std::string unix_url() const { return "unix://" + socket_path(); }
  [[nodiscard]] std::string log() const { return read_file(dir_ / "log"); }

  /// Runs a command on a connection of its own: see RedisConnection::run.
  std::string run(const std::vector<std::string>& words) const;
  /// The value of a field of INFO.
  [[nodiscard]] std::string info(const std::string& field) const;

  void kill();    ///< SIGKILL; returns when it has ended
  void freeze();  ///< SIGSTOP: it takes connections and bytes, and answers nothing
  void thaw();    ///< SIGCONT
  /// Starts it again after `kill`, with the data that it has saved (by default: none), or without.
  void start();
  void start_empty();
  /// Starts it after `kill` so that it loads 50 keys a second, of 1 KiB or more, which it has saved
  /// by SAVE without compression. Returns while it does.
  void start_slowly();
  /// Starts it after `kill` so that its port speaks only TLS, by these arguments.
  void speak_tls(const std::vector<std::string>& arguments);

  /// Saves now, in vain. One with save points then takes no writes (MISCONF).
  void fail_to_save() const;
  void become_replica_of(const RedisServer& primary) const;  ///< returns when it has its data
  void become_primary() const;

 private:
  void launch(const std::vector<std::string>& more);

  const TempDir dir_;
  const ListeningPort port_;  // keeps it while the server is down
  std::vector<std::string> arguments_;
  std::unique_ptr<ChildProcess> process_;
};

/// A real sentinel that watches one set, and is quick: it takes a primary to be down after half a
/// second, and fails over at once.
class RedisSentinel {
 public:
  /// `quorum`: how many sentinels must agree that the primary is down.
  RedisSentinel(const std::string& set, const RedisServer& primary, unsigned quorum = 1);

  [[nodiscard]] const std::string& address() const { return port_.address(); }
  [[nodiscard]] std::string log() const { return read_file(dir_ / "log"); }
  std::string run(const std::vector<std::string>& words) const;
  /// "127.0.0.1:6379".
  [[nodiscard]] std::string primary() const;
  /// Waits until it knows so many replicas of the primary and so many other sentinels: before, it
  /// cannot fail over.
  void wait_until_ready(unsigned replicas, unsigned sentinels = 0) const;
  void kill();

 private:
  [[nodiscard]] std::string field(const std::string& name) const;

  const TempDir dir_;
  const ListeningPort port_;
  const std::string set_;
  std::unique_ptr<ChildProcess> process_;
};

/// A primary, its replica, and the sentinels that watch them, all of which know each other.
class RedisSet {
 public:
  /// `sentinels`: several may vote for several of them, and only agree some seconds later.
  explicit RedisSet(const std::string& name, unsigned sentinels = 1);

  /// The primary at first, which may be killed: then the sentinels make `second` the primary.
  [[nodiscard]] RedisServer& first() { return first_; }
  [[nodiscard]] RedisServer& second() { return second_; }
  [[nodiscard]] RedisSentinel& sentinel(std::size_t at) { return *sentinels_.at(at); }
  [[nodiscard]] std::vector<std::string> sentinel_addresses() const;
  /// As `store` of the configuration.
  [[nodiscard]] std::string url() const { return "redis://" + name_ + "/0"; }
  /// Makes the replica the primary. Returns when a sentinel says so; a little later the one before
  /// becomes its replica.
  void fail_over() const;
  /// The replica hears nothing more: what is written from now on dies with the primary. It may
  /// still take over if the primary is killed within 15 seconds.
  void stop_replication() const;

 private:
  const std::string name_;
  RedisServer first_;
  RedisServer second_;
  std::vector<std::unique_ptr<RedisSentinel>> sentinels_;
};

}  // namespace bonedry::test
