#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/front_doors.h"
#include "bench/demo/monitor.h"
#include "bench/demo/proxy_process.h"
#include "bench/demo/random.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::demo {

/// All proxies in front of the shops, what each says, and the doors that they are for the users. A
/// proxy is known by its index. Nothing here waits.
class ProxyFleet {
 public:
  /// All must outlive the fleet. `pool`: whose nodes are compared.
  ProxyFleet(Loop& loop, Random& random, ExpectedSessions& expected, std::string pool);

  /// Starts the proxy and takes it into the fleet; it must outlive the fleet.
  void add(ProxyProcess& process);
  /// Tells the users of the doors of all proxies, which must serve.
  void open_doors();

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::string& name(std::size_t proxy) const {
    return at(proxy).process.name();
  }
  [[nodiscard]] const FrontDoors& doors() const { return doors_; }
  [[nodiscard]] Monitor& monitor(std::size_t proxy) { return at(proxy).monitor; }
  [[nodiscard]] AdminClient& admin(std::size_t proxy) { return at(proxy).admin; }
  /// One that serves, at random, and not this one.
  [[nodiscard]] std::size_t any_but(std::size_t proxy);
  [[nodiscard]] std::size_t any() { return any_but(members_.size()); }
  [[nodiscard]] bool all_serve() const;
  /// Whether none is stopped.
  [[nodiscard]] bool all_run() const;
  /// Whether it is so of the node according to each proxy that serves; false if none does.
  [[nodiscard]] bool all_say(const std::string& node,
                             const std::function<bool(const NodeStatus&)>& statement) const;
  /// According to the first proxy that serves; without values if none does.
  [[nodiscard]] NodeStatus status_of(const std::string& node) const;
  [[nodiscard]] ExpectedCount expected_count(const std::string& node) const;
  /// The URL of the first proxy's dashboard.
  [[nodiscard]] std::string dashboard() const { return at(0).process.dashboard(); }
  [[nodiscard]] const ComparisonResult& comparison() const { return comparison_; }
  /// Users moved or rescued, according to all proxies.
  [[nodiscard]] std::uint64_t displaced() const;
  /// Why a proxy's status cannot be read; empty: all can.
  [[nodiscard]] std::string error() const;

  /// kill -9.
  void kill(std::size_t proxy);
  /// SIGTERM. `has_ended` says when it has.
  void ask_to_end(std::size_t proxy);
  [[nodiscard]] bool has_ended(std::size_t proxy) { return at(proxy).process.has_ended(); }
  /// Starts one again. `open_door` when it serves.
  void start(std::size_t proxy);
  void open_door(std::size_t proxy) { doors_.open(proxy, loop_.now()); }
  /// Ends all; returns whether all did in time.
  bool stop();

 private:
  struct Member {
    Member(ProxyFleet& fleet, ProxyProcess& started);

    ProxyProcess& process;
    AdminClient admin;
    Monitor monitor;
  };

  /// The first one that serves; null: none does.
  [[nodiscard]] const Monitor* spokesman() const;
  [[nodiscard]] Member& at(std::size_t proxy) { return *members_.at(proxy); }
  [[nodiscard]] const Member& at(std::size_t proxy) const { return *members_.at(proxy); }

  Loop& loop_;
  Random& random_;
  ExpectedSessions& expected_;
  std::string pool_;
  FrontDoors doors_;
  ComparisonResult comparison_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace bonedry::demo
