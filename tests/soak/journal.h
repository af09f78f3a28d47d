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

/// Of all sessions of the soak.
constexpr Millis kIdleTimeout = std::chrono::seconds{2};

/// What a client knows of the end of a request.
enum class Fate : std::uint8_t {
  whole,      ///< an answer, to its end
  cut,        ///< an answer that broke off
  none,       ///< no answer came
  abandoned,  ///< the client went away by itself; the head may not have been sent
};

/// Every request of the soak as its client saw it, as the nodes did, and when which node was out of
/// order: what the proxy's log and counters are held against. Thread-safe until `settle`.
class Journal {
 public:
  using Id = std::size_t;

  /// A request that a client is about to send; its target must end with "?" and the number.
  [[nodiscard]] Id asks(std::string_view method);
  /// `node_before`: where the same user was served last, "" when that is nobody's, and how long
  /// before this request that was. `trouble`: what the client met when there was no answer.
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
  /// A node was not itself in this time: dead, or its connections were cut.
  void out_of_order(const std::string& node, TestTime from, TestTime to);
  /// Something that must not be: told at once, counted, and the soak has failed.
  void complain(const std::string& what);

  /// What all of it came to. Nobody may be asking any more.
  struct Figures {
    std::size_t requests = 0;
    std::size_t whole = 0;
    std::size_t failed = 0;  ///< by a node that was out of order
    std::size_t abandoned = 0;
    std::size_t lines = 0;
    std::map<std::string, std::int64_t> verdicts;  ///< of all lines
    /// Of those that were completed, and whose user was not on the newcomer before.
    std::map<std::string, std::int64_t> verdicts_done;
  };
  /// `newcomer`: the node that comes and goes, and takes its counters along.
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
    std::string end = {};  ///< as the access log has it
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
