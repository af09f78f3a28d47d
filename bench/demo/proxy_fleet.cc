#include "bench/demo/proxy_fleet.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {

ProxyFleet::Member::Member(ProxyFleet& fleet, ProxyProcess& started)
    : process(started),
      admin(fleet.loop_, started.admin_socket()),
      monitor(fleet.loop_, admin, fleet.expected_, started.name(), fleet.pool_, fleet.comparison_) {
}

ProxyFleet::ProxyFleet(Loop& loop, Random& random, ExpectedSessions& expected, std::string pool)
    : loop_(loop), random_(random), expected_(expected), pool_(std::move(pool)) {}

void ProxyFleet::add(ProxyProcess& process) {
  process.start();
  members_.push_back(std::make_unique<Member>(*this, process));
}

void ProxyFleet::open_doors() {
  for (const auto& member : members_) doors_.add(member->monitor.status()->port, loop_.now());
}

std::size_t ProxyFleet::any_but(std::size_t proxy) {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (i != proxy && at(i).monitor.serving()) candidates.push_back(i);
  }
  if (candidates.empty()) return proxy < members_.size() ? proxy : 0;
  if (candidates.size() == 1) return candidates.front();
  return candidates[random_.below(static_cast<unsigned>(candidates.size()))];
}

bool ProxyFleet::all_serve() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->monitor.serving(); });
}

bool ProxyFleet::all_run() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->process.running(); });
}

bool ProxyFleet::all_say(const std::string& node,
                         const std::function<bool(const NodeStatus&)>& statement) const {
  return spokesman() != nullptr &&
         std::all_of(members_.begin(), members_.end(), [&](const auto& member) {
           return !member->monitor.serving() || statement(member->monitor.status_of(node));
         });
}

const Monitor* ProxyFleet::spokesman() const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [](const auto& member) { return member->monitor.serving(); });
  return found == members_.end() ? nullptr : &(*found)->monitor;
}

NodeStatus ProxyFleet::status_of(const std::string& node) const {
  const Monitor* const monitor = spokesman();
  return monitor == nullptr ? NodeStatus{} : monitor->status_of(node);
}

ExpectedCount ProxyFleet::expected_count(const std::string& node) const {
  const Monitor* const monitor = spokesman();
  return monitor == nullptr ? ExpectedCount{} : monitor->expected_count(node);
}

std::uint64_t ProxyFleet::displaced() const {
  std::uint64_t users = 0;
  for (const auto& member : members_) users += member->monitor.displaced();
  return users;
}

std::string ProxyFleet::error() const {
  for (const auto& member : members_) {
    if (!member->monitor.error().empty()) return member->monitor.error();
  }
  return "";
}

void ProxyFleet::kill(std::size_t proxy) {
  doors_.close(proxy);
  at(proxy).monitor.proxy_ends();
  at(proxy).process.kill();
  expected_.proxy_killed(proxy, loop_.now());
}

void ProxyFleet::ask_to_end(std::size_t proxy) {
  doors_.close(proxy);
  at(proxy).monitor.proxy_ends();
  at(proxy).process.ask_to_end();
}

void ProxyFleet::start(std::size_t proxy) {
  at(proxy).process.start();
  at(proxy).monitor.proxy_starts();
  expected_.doubt(loop_.now());  // it has yet to send its sessions to the others
}

bool ProxyFleet::stop() {
  bool in_time = true;
  for (const auto& member : members_) {
    member->monitor.proxy_ends();
    if (member->process.running()) member->process.ask_to_end();
  }
  for (const auto& member : members_) in_time = member->process.stop() && in_time;
  return in_time;
}

}  // namespace bonedry::demo
