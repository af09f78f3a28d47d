#pragma once

#include "admin/control_plane.h"

namespace bonedry::admin::test {

/// The time of the samples: 2023-11-14T22:13:20Z.
constexpr WallTime kNow{1'700'000'000'000};

/// Alice is bleeding with a deadline, and her reason has an escape sequence; bob is active and was
/// never used.
inline Status sample_status() {
  NodeStatus alice;
  alice.pool = "shop";
  alice.name = "alice";
  alice.address = "127.0.0.1:9001";
  alice.weight = 100;
  alice.state = balancer::NodeState::bleeding;
  alice.health = balancer::Health::up;
  alice.health_age = std::chrono::seconds{90};
  alice.last_check = CheckStatus{balancer::CheckResult::passed, "GET /healthz", "status 200",
                                 Millis{700}, Millis{12}};
  alice.dry_blocked_by = {"12 live sessions", "3 pending sessions"};
  alice.live = 12;
  alice.pending = 3;
  alice.exchanges_open = 1;
  alice.begun = 180;
  alice.rescued = 2;
  alice.logged_out = 5;
  alice.last_exchange_age = Millis{1234};
  alice.bleeding = BleedStatus{
      kNow - std::chrono::seconds{200}, "root", "update \x1b[2J 4.2",
      kNow + std::chrono::minutes{26},
      DryForecast{std::chrono::seconds{840}, std::chrono::seconds{543}, std::chrono::minutes{26}}};
  alice.passes = {3, std::chrono::seconds{20}, 1};
  alice.traffic = RecentTraffic{12.5, 0.5, 0.0125, std::nullopt};
  NodeStatus bob;
  bob.pool = "shop";
  bob.name = "bob";
  bob.address = "127.0.0.1:9002";
  bob.weight = 50;
  bob.max_sessions = 500;

  Status status;
  status.pools.push_back({.name = "shop", .nodes = {alice, bob}});
  status.listeners.push_back({"0.0.0.0:8080", "shop"});
  status.traffic.exchanges = {
      {{"completed", 1234}, {"client_gone", 2, "client"}, {"node_lost", 1, "node"}},
      3,
      4096,
      1'000'000};
  status.traffic.handshakes = {10, 60, 8, 1};
  status.traffic.http2 = {2, 40, 3, 900, 4, 1, 1, 5, 2, 7};
  status.traffic.http2_nodes = {6, 60, 8, 800, 9, 10, 2, 11, 12, 13};
  status.traffic.connections = 64;
  status.process = {4711, std::chrono::hours{72}, std::chrono::hours{2}, 812.4};
  status.sessions = 15;
  status.capacity = 1'000'000;
  return status;
}

/// One certificate that ends in two and a half days, one that has just ended, and a bad new file.
inline ListenerTlsStatus sample_tls() {
  const Millis left = std::chrono::hours{60};
  const WallTime start = kNow - std::chrono::days{1};
  ListenerTlsStatus tls;
  tls.certificates = {{"shop.pem",
                       {"a.example", "b.example", "c.example", "d.example"},
                       "ECDSA P-256",
                       start,
                       kNow + left,
                       left},
                      {"old.pem",
                       {"x\ny.example"},
                       "RSA 2048",
                       start,
                       kNow - std::chrono::seconds{1},
                       std::chrono::seconds{-1}}};
  tls.error = {kNow - std::chrono::minutes{5}, "shop.key: is empty"};
  return tls;
}

}  // namespace bonedry::admin::test
