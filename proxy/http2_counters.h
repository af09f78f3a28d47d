#pragma once

#include "proxy/base/counter.h"

#include <cstdint>

namespace bonedry::proxy {

/// Counts of HTTP/2 on clients' connections.
struct Http2Totals {
  std::uint64_t streams = 0;          ///< begun
  std::uint64_t resets_received = 0;  ///< of streams, by clients
  std::uint64_t resets_sent = 0;      ///< of streams, by us
  std::uint64_t goaways_sent = 0;     ///< a connection that ends gently has two
  std::uint64_t stalls = 0;           ///< bodies that had to wait for a window

  void add(const Http2Totals& other) {
    streams += other.streams;
    resets_received += other.resets_received;
    resets_sent += other.resets_sent;
    goaways_sent += other.goaways_sent;
    stalls += other.stalls;
  }
};

/// One worker's; written on its thread, read on any.
struct Http2Counters {
  Counter streams;
  Counter streams_ended;
  Counter resets_received;
  Counter resets_sent;
  Counter goaways_sent;
  Counter stalls;

  [[nodiscard]] Http2Totals read() const {
    return {streams.read(), resets_received.read(), resets_sent.read(), goaways_sent.read(),
            stalls.read()};
  }
  [[nodiscard]] std::uint64_t open() const {
    const std::uint64_t ended = streams_ended.read();
    const std::uint64_t begun = streams.read();
    return begun > ended ? begun - ended : 0;
  }
};

}  // namespace bonedry::proxy
