#include "tests/support/redis_server.h"

#include "tests/support/can_run.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace bonedry::test {
namespace {

std::string port_of(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

/// Empty if there is none.
std::string reply_to_ping(const std::string& address) {
  try {
    return RedisConnection(address).run({"PING"});
  } catch (const SocketError&) {
    return "";
  }
}

/// And has loaded its data.
bool answers(const std::string& address) {
  const std::string reply = reply_to_ping(address);
  return reply == "PONG" || reply.starts_with("NOAUTH") || reply.starts_with("MISCONF");
}

void wait_for(bool happened, const std::string& what, const std::string& log) {
  if (!happened) throw std::runtime_error("redis: " + what + "; its log:\n" + log);
}

/// The line that follows one with the name, as in the reply to SENTINEL MASTER.
std::string value_after(const std::string& name, const std::string& lines) {
  std::istringstream in{lines};
  for (std::string line; std::getline(in, line);) {
    if (line == name && std::getline(in, line)) return line;
  }
  return "";
}

}  // namespace

std::string redis_program() {
  for (const char* const name : {"/valkey-server", "/redis-server"}) {
    const char* const path = std::getenv("PATH");
    std::istringstream directories{path == nullptr ? "" : path};
    for (std::string directory; std::getline(directories, directory, ':');) {
      if (can_run((directory + name).c_str())) return directory + name;
    }
  }
  return "";
}

// -- RedisServer ----------------------------------------------------------------------------------

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  start();
}

void RedisServer::start() {
  launch({});
  wait_for(eventually([this] { return answers(socket_path()); }), "it does not answer", log());
}

void RedisServer::start_slowly() {
  launch({"--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"});
  wait_for(eventually([this] { return reply_to_ping(socket_path()).starts_with("LOADING"); }),
           "it does not load", log());
}

void RedisServer::launch(const std::vector<std::string>& more) {
  std::vector<std::string> all{redis_program(), "--bind", "127.0.0.1", "--port", port_of(address()),
                               "--dir", dir_ / "", "--logfile", dir_ / "log", "--unixsocket",
                               socket_path(), "--save", "",
                               // A primary otherwise waits 5 seconds for further replicas.
                               "--repl-diskless-sync-delay", "0"};
  all.insert(all.end(), arguments_.begin(), arguments_.end());
  all.insert(all.end(), more.begin(), more.end());
  process_ = std::make_unique<ChildProcess>(
      ChildProcess::Command{.arguments = all, .out_path = dir_ / "log", .err_path = dir_ / "log"});
}

void RedisServer::start_empty() {
  for (const char* const file : {"dump.rdb", "appendonlydir"}) {
    std::filesystem::remove_all(dir_ / file);
  }
  start();
}

void RedisServer::speak_tls(const std::vector<std::string>& arguments) {
  arguments_ = arguments;
  arguments_.insert(arguments_.end(), {"--port", "0", "--tls-port", port_of(address())});
  start();
}

/// The new file cannot take the name of a directory.
void RedisServer::fail_to_save() const {
  std::filesystem::create_directory(dir_ / "dump.rdb");
  run({"BGSAVE"});
  wait_for(eventually([this] { return info("rdb_last_bgsave_status") == "err"; }), "it can save",
           log());
}

std::string RedisServer::run(const std::vector<std::string>& words) const {
  return RedisConnection(socket_path()).run(words);
}

std::string RedisServer::info(const std::string& field) const {
  std::istringstream in{run({"INFO", "everything"})};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":"))
      return line.substr(field.size() + 1, line.find('\r') - field.size() - 1);
  }
  return "";
}

void RedisServer::kill() {
  process_->signal(SIGKILL);
  wait_for(process_->wait(kDeadline).has_value(), "it does not end", log());
}

void RedisServer::freeze() {
  process_->signal(SIGSTOP);
}

void RedisServer::thaw() {
  process_->signal(SIGCONT);
}

void RedisServer::become_replica_of(const RedisServer& primary) const {
  run({"REPLICAOF", "127.0.0.1", port_of(primary.address())});
  wait_for(eventually([this] { return info("master_link_status") == "up"; }), "it finds no primary",
           log());
}

void RedisServer::become_primary() const {
  run({"REPLICAOF", "NO", "ONE"});
}

// -- RedisSentinel --------------------------------------------------------------------------------

/// It writes what it learns into its configuration, which must be a file.
RedisSentinel::RedisSentinel(const std::string& set, const RedisServer& primary, unsigned quorum)
    : set_(set) {
  const std::string file = dir_ / "sentinel.conf";
  write_file(file, "bind 127.0.0.1\nport " + port_of(address()) + "\ndir " + (dir_ / "") +
                       "\nlogfile " + (dir_ / "log") + "\nsentinel monitor " + set + " 127.0.0.1 " +
                       port_of(primary.address()) + " " + std::to_string(quorum) +
                       "\nsentinel down-after-milliseconds " + set +
                       " 500\nsentinel failover-timeout " + set + " 3000\n");
  process_ = std::make_unique<ChildProcess>(
      ChildProcess::Command{.arguments = {redis_program(), file, "--sentinel"},
                            .out_path = dir_ / "log",
                            .err_path = dir_ / "log"});
  wait_for(eventually([this] { return answers(address()); }), "no sentinel answers", log());
  // By default it looks for replicas each 10 seconds, and for other sentinels each 2. Those that
  // have not heard of a failover for four times PUBLISH-PERIOD revert it. Of a replica that has not
  // been heard for five times PING-PERIOD no primary is made, and they are asked once a second
  // then.
  run({"SENTINEL", "DEBUG", "INFO-PERIOD", "100", "PUBLISH-PERIOD", "300", "ASK-PERIOD", "100",
       "PING-PERIOD", "400"});
  // It does nothing for 30 seconds if it gets no time for so long.
  run({"SENTINEL", "DEBUG", "TILT-TRIGGER", "60000"});
}

std::string RedisSentinel::run(const std::vector<std::string>& words) const {
  return RedisConnection(address()).run(words);
}

std::string RedisSentinel::primary() const {
  std::string lines = run({"SENTINEL", "get-master-addr-by-name", set_});
  const std::size_t end = lines.find('\n');
  if (end != std::string::npos) lines[end] = ':';
  return lines;
}

std::string RedisSentinel::field(const std::string& name) const {
  return value_after(name, run({"SENTINEL", "MASTER", set_}));
}

void RedisSentinel::wait_until_ready(unsigned replicas, unsigned sentinels) const {
  const bool ready = eventually([&] {
    return field("num-slaves") == std::to_string(replicas) &&
           field("num-other-sentinels") == std::to_string(sentinels);
  });
  wait_for(ready, "the sentinel does not find the others", log());
}

void RedisSentinel::kill() {
  process_->signal(SIGKILL);
  wait_for(process_->wait(kDeadline).has_value(), "it does not end", log());
}

// -- RedisSet -------------------------------------------------------------------------------------

RedisSet::RedisSet(const std::string& name, unsigned sentinels) : name_(name) {
  second_.become_replica_of(first_);
  for (unsigned at = 0; at < sentinels; ++at) {
    sentinels_.push_back(std::make_unique<RedisSentinel>(name, first_, sentinels / 2 + 1));
  }
  for (const auto& each : sentinels_) each->wait_until_ready(1, sentinels - 1);
}

std::vector<std::string> RedisSet::sentinel_addresses() const {
  std::vector<std::string> addresses;
  for (const auto& each : sentinels_) addresses.push_back(each->address());
  return addresses;
}

/// A sentinel gives up a failover that takes too long, as one may on a busy machine.
void RedisSet::fail_over() const {
  const std::string before = sentinels_[0]->primary();
  const bool done = eventually(
      [&] {
        sentinels_[0]->run({"SENTINEL", "FAILOVER", name_});
        return eventually([&] { return sentinels_[0]->primary() != before; }, kDeadline / 10);
      },
      kDeadline * 6);
  wait_for(done, "no failover", sentinels_[0]->log());
}

/// A replica whose link was down for ten times as long as it takes to notice a dead primary is not
/// chosen.
void RedisSet::stop_replication() const {
  for (const auto& each : sentinels_) {
    each->run({"SENTINEL", "SET", name_, "down-after-milliseconds", "1500"});
  }
  first_.run({"ACL", "SETUSER", "default", "-psync", "-sync"});
  first_.run({"CLIENT", "KILL", "TYPE", "replica"});
  const bool stopped = eventually([this] { return second_.info("master_link_status") == "down"; });
  wait_for(stopped, "the replica still hears the primary", second_.log());
}

}  // namespace bonedry::test
