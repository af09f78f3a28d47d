#pragma once

#include "admin/ctl/watch/watch_status.h"

#include <chrono>
#include <string>
#include <utility>

namespace bonedry::ctl::test {

/// A bleeding node with three of ten users left, in the pool shop.
inline WatchedNode bleeding_node(const std::string& name = "alice") {
  using std::chrono::minutes;
  using std::chrono::seconds;
  WatchedNode node;
  node.key = node.title = "shop/" + name;
  node.name = name;
  node.state = WatchedState::bleeding;
  node.health = WatchedHealth::up;
  node.blocked_by = "2 live sessions, 1 pending session";
  node.live = 2;
  node.pending = 1;
  node.exchanges_open = 4;
  node.websockets_open = 1;
  node.last_click = seconds{3};
  node.requests_per_second = 12.34;
  node.bleed = WatchedBleed{"2026-11-30 11:12:13Z",
                            "root",
                            "update 4.2",
                            "",
                            admin::DryForecast{minutes{14}, minutes{9}, minutes{31}},
                            {{seconds{0}, 10}, {seconds{60}, 6}, {seconds{120}, 3}}};
  return node;
}

inline WatchedNode active_node(const std::string& name) {
  WatchedNode node;
  node.key = node.title = "shop/" + name;
  node.name = name;
  node.live = 7;
  return node;
}

inline WatchedStatus watched_shop() {
  WatchedStatus status;
  status.pools.push_back({"shop", {}, {bleeding_node(), active_node("bob")}});
  status.requests_per_second = 99.96;
  return status;
}

}  // namespace bonedry::ctl::test
