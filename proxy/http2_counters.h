#pragma once

#include "proxy/base/counter.h"
#include "proxy/http2/session_counts.h"

#include <cstdint>

namespace bonedry::proxy {

/// Counts of HTTP/2 on connections of one side: those of clients, or those to nodes.
struct Http2Totals {
  std::uint64_t connections_open = 0;  ///< now, of this process
  std::uint64_t connections = 0;       ///< on which HTTP/2 was begun
  std::uint64_t streams_open = 0;      ///< now, of this process
  std::uint64_t streams = 0;           ///< begun; to a node: written
  std::uint64_t resets_received = 0;   ///< of streams
  std::uint64_t resets_sent = 0;
  std::uint64_t refused = 0;           ///< of the resets: REFUSED_STREAM, by us or by a node
  std::uint64_t goaways_received = 0;  ///< a connection that ends gently has two
  std::uint64_t goaways_sent = 0;      ///< the same
  std::uint64_t stalls = 0;            ///< how often a body had to wait for a window

  void add(const Http2Totals& other) {
    connections_open += other.connections_open;
    connections += other.connections;
    streams_open += other.streams_open;
    streams += other.streams;
    resets_received += other.resets_received;
    resets_sent += other.resets_sent;
    refused += other.refused;
    goaways_received += other.goaways_received;
    goaways_sent += other.goaways_sent;
    stalls += other.stalls;
  }
};

/// One worker's, of one side; written on its thread, read on any.
struct Http2Counters {
  Counter connections;
  Counter connections_ended;
  Counter streams;
  Counter streams_ended;
  Counter resets_received;
  Counter resets_sent;
  Counter refused;
  Counter goaways_received;
  Counter goaways_sent;
  Counter stalls;

  void note(const http2::SessionCounts& counts) {
    if (counts == http2::SessionCounts{}) return;
    resets_received.add(counts.resets_received);
    resets_sent.add(counts.resets_sent);
    refused.add(counts.refused);
    goaways_received.add(counts.goaways_received);
    goaways_sent.add(counts.goaways_sent);
  }

  [[nodiscard]] Http2Totals read() const {
    Http2Totals totals;
    // First what has ended, so that it is never more than what has begun.
    const std::uint64_t gone = connections_ended.read();
    const std::uint64_t over = streams_ended.read();
    totals.connections = connections.read();
    totals.streams = streams.read();
    totals.connections_open = totals.connections > gone ? totals.connections - gone : 0;
    totals.streams_open = totals.streams > over ? totals.streams - over : 0;
    totals.resets_received = resets_received.read();
    totals.resets_sent = resets_sent.read();
    totals.refused = refused.read();
    totals.goaways_received = goaways_received.read();
    totals.goaways_sent = goaways_sent.read();
    totals.stalls = stalls.read();
    return totals;
  }
};

}  // namespace bonedry::proxy
