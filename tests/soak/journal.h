#pragma once

#include "tests/support/bonedry_process.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::soak {

using test::TestTime;

/// The idle time-out of all sessions of the soak.
constexpr Millis kIdleTimeout = std::chrono::seconds{2};

/// How a request ended, as its client saw it.
enum class Fate : std::uint8_t {
  whole,      ///< a complete response
  cut,        ///< a response that was cut off
  none,       ///< no response
  abandoned,  ///< the client disconnected on its own; the head may not have been sent
};

/// Every request of the soak as its client and the nodes saw it, and when each node was faulty: the
/// proxy's log and counters are compared with this. Thread-safe until `settle`.
class Journal {
 public:
  using Id = std::size_t;

  /// Registers a request before it is sent; its target must end with "?" and the returned number.
  [[nodiscard]] Id asks(std::string_view method);
  /// `node_before`: the node that last served the same user, "" if none. `away`: the time between
  /// that and this request. `trouble`: the client's error when there was no response.
  struct Answer {
    Fate fate = Fate::none;
    int status = 0;
    std::string node = {};
    std::string node_before = {};
    Millis away = {};
    std::string trouble = {};
  };
  void answered(Id id, const Answer& answer);
  /// A node has read the head of a request for this target.
  void reached(const std::string& target);
  /// The node was faulty during this time: dead, or its connections were cut.
  void out_of_order(const std::string& node, TestTime from, TestTime to);
  /// Records a violation: it is printed immediately and counted, and the soak fails.
  void complain(const std::string& what);

  /// The totals, when no client is sending any more.
  struct Figures {
    std::size_t requests = 0;
    std::size_t whole = 0;
    std::size_t failed = 0;  ///< because of a faulty node
    std::size_t abandoned = 0;
    std::size_t lines = 0;
    std::map<std::string, std::int64_t> verdicts;  ///< over all lines
    /// Over completed requests whose user was not on the newcomer before.
    std::map<std::string, std::int64_t> verdicts_done;
  };
  /// `newcomer`: the node that joins and leaves, and takes its counters along when it leaves.
  [[nodiscard]] Figures settle(const std::string& access_log, const std::string& newcomer);

  [[nodiscard]] std::size_t requests() const;
  [[nodiscard]] std::size_t complaints() const;

 private:
  struct Entry {
    TestTime asked = {};
    TestTime ended = {};
    Answer answer = {};
    bool once = false;  ///< it must not reach nodes twice
    std::uint16_t reached = 0;
    std::uint16_t lines = 0;
    std::string end = {};  ///< `end` of its line in the access log
  };
  struct Outage {
    std::string node;
    TestTime from;
    TestTime to;
  };

  void take_line(const std::string& line, const std::string& newcomer, Figures& figures);
  void judge(Id id, const Entry& entry, Figures& figures);
  [[nodiscard]] bool excused(const Entry& entry) const;

  mutable std::mutex mutex_;  // guards everything below
  std::deque<Entry> entries_;
  std::vector<Outage> outages_;
  std::size_t complaints_ = 0;
};

}  // namespace bonedry::soak
