#pragma once

#include "balancer/idle_lifetime.h"
#include "proxy/base/clock.h"
#include "proxy/http2_upstream_connection.h"
#include "proxy/io/event_loop.h"
#include "proxy/upstream_limiter.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace bonedry::proxy {

/// One worker's HTTP/2 connections to one node, and which of them have room for another stream.
/// Worker's thread.
class Http2UpstreamList final : private Http2UpstreamOwner {
 public:
  Http2UpstreamList(io::EventLoop& loop, UpstreamLimiter& limiter)
      : loop_(loop), limiter_(limiter) {}
  ~Http2UpstreamList();
  Http2UpstreamList(const Http2UpstreamList&) = delete;
  Http2UpstreamList& operator=(const Http2UpstreamList&) = delete;

  /// Connections to another target than this `generation` serve no further exchange.
  void configure(Millis max_idle, std::uint64_t generation);
  /// How many streams the node takes on a connection, as far as its SETTINGS are known.
  [[nodiscard]] unsigned limit_of_node() const { return limit_of_node_; }
  /// What `add` makes connections for.
  [[nodiscard]] Http2UpstreamOwner& owner() { return *this; }
  Http2UpstreamConnection& add(std::unique_ptr<Http2UpstreamConnection> connection);
  /// A connection that is in use and has room; null: there is none.
  [[nodiscard]] Http2UpstreamConnection* find_room() const;
  /// An idle one that the node probably still keeps open, see balancer::IdleLifetime.
  [[nodiscard]] Http2UpstreamConnection* find_idle(balancer::Repeat repeat, Millis usable);
  /// Closes those without streams.
  void close_idle();
  void close_oldest_idle() { idle_.front()->close(); }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }
  [[nodiscard]] bool empty() const { return all_.empty(); }

 private:
  using List = Http2UpstreamConnection::Place::List;
  static constexpr unsigned kUnknown = std::numeric_limits<unsigned>::max();

  [[nodiscard]] Millis max_idle_time(const Http2UpstreamConnection& connection) const override;
  void on_room_changed(Http2UpstreamConnection& connection) override;
  void remove(Http2UpstreamConnection& connection) override;
  [[nodiscard]] std::vector<Http2UpstreamConnection*>& members(List list) {
    return list == List::idle ? idle_ : with_room_;
  }

  io::EventLoop& loop_;
  UpstreamLimiter& limiter_;
  Millis max_idle_{0};
  std::uint64_t generation_ = 0;
  unsigned limit_of_node_ = kUnknown;
  std::vector<std::unique_ptr<Http2UpstreamConnection>> all_;
  std::vector<Http2UpstreamConnection*> with_room_;  // in use
  std::vector<Http2UpstreamConnection*> idle_;       // newest last, as far as known
};

}  // namespace bonedry::proxy
