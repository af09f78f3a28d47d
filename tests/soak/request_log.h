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

/// How a request ended for its client.
enum class Outcome : std::uint8_t {
  complete,     ///< a complete response
  truncated,    ///< a response that was cut off
  no_response,  ///< the connection failed before a response
  aborted,      ///< by the client, possibly before the request was sent completely
};

/// A finished request as its client saw it.
struct RequestResult {
  Outcome outcome = Outcome::no_response;
  int status = 0;
  std::string node = {};
  std::string previous_node = {};  ///< that last served the same user; "": none
  Millis idle_time = {};           ///< between that and this request
  std::string error = {};          ///< of the client, when there was no response
};

/// Every request of the soak as its client and the nodes saw it, and when each node was faulty. The
/// proxy's access log and counters are compared with this. Owned by the Soak. Thread-safe, except
/// `check_access_log`.
class RequestLog {
 public:
  using Id = std::size_t;

  /// Registers a request before it is sent; its target must end with "?" and the returned number.
  [[nodiscard]] Id add_request(std::string_view method);
  void finish_request(Id id, const RequestResult& result);
  /// A node has read the head of a request for this target.
  void node_received(const std::string& target);
  /// The node was faulty during this time: dead, or its connections were cut.
  void add_fault(const std::string& node, TestTime from, TestTime to);
  /// A check has failed: prints it immediately and counts it.
  void report_failure(const std::string& what);

  /// Over all requests.
  struct Totals {
    std::size_t requests = 0;
    std::size_t complete = 0;
    std::size_t failed = 0;  ///< because of a faulty node
    std::size_t aborted = 0;
    std::size_t log_lines = 0;
    std::map<std::string, std::int64_t> verdicts;  ///< the log lines with each verdict
    /// The same, but only of completed exchanges whose user had a previous node, and not the extra
    /// node.
    std::map<std::string, std::int64_t> verdicts_completed;
  };
  /// Compares the access log with all requests, once no client is sending any more. `extra_node`:
  /// the node that is added and removed again; its counters end with it.
  [[nodiscard]] Totals check_access_log(const std::string& access_log,
                                        const std::string& extra_node);

  [[nodiscard]] std::size_t requests() const;
  [[nodiscard]] std::size_t failures() const;

 private:
  struct Record {
    TestTime sent = {};
    TestTime finished = {};
    RequestResult result = {};
    bool idempotent = true;
    std::uint16_t received_by_nodes = 0;  ///< how often
    std::uint16_t log_lines = 0;
    std::string logged_end = {};  ///< `end` of its line in the access log
  };
  struct Fault {
    std::string node;
    TestTime from;
    TestTime to;
  };

  void check_line(const std::string& line, const std::string& extra_node, Totals& totals);
  void check_request(Id id, const Record& record, Totals& totals);
  [[nodiscard]] bool overlaps_fault(const Record& record) const;

  mutable std::mutex mutex_;  // guards everything below
  std::deque<Record> records_;
  std::vector<Fault> faults_;
  std::size_t failures_ = 0;
};

}  // namespace bonedry::soak
