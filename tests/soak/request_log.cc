#include "tests/soak/request_log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <sstream>

namespace bonedry::soak {
namespace {

constexpr std::size_t kMaxPrintedFailures = 30;

std::optional<RequestLog::Id> id_in(const std::string& target) {
  const auto mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  return std::stoull(target.substr(mark + 1));
}

}  // namespace

RequestLog::Id RequestLog::add_request(std::string_view method) {
  const std::lock_guard lock{mutex_};
  records_.push_back({.sent = test::TestClock::now(), .idempotent = method != "POST"});
  return records_.size() - 1;
}

void RequestLog::finish_request(Id id, const RequestResult& result) {
  const std::lock_guard lock{mutex_};
  records_[id].finished = test::TestClock::now();
  records_[id].result = result;
}

void RequestLog::node_received(const std::string& target) {
  const std::lock_guard lock{mutex_};
  if (const auto id = id_in(target); id && *id < records_.size()) {
    ++records_[*id].received_by_nodes;
  }
}

void RequestLog::add_fault(const std::string& node, TestTime from, TestTime to) {
  const std::lock_guard lock{mutex_};
  faults_.push_back({node, from, to});
}

void RequestLog::report_failure(const std::string& what) {
  const std::lock_guard lock{mutex_};
  if (++failures_ <= kMaxPrintedFailures) std::cout << "FAILED: " << what << std::endl;
}

std::size_t RequestLog::requests() const {
  const std::lock_guard lock{mutex_};
  return records_.size();
}

std::size_t RequestLog::failures() const {
  const std::lock_guard lock{mutex_};
  return failures_;
}

RequestLog::Totals RequestLog::check_access_log(const std::string& access_log,
                                                const std::string& extra_node) {
  Totals totals;
  std::istringstream lines{access_log};
  for (std::string line; std::getline(lines, line);) check_line(line, extra_node, totals);
  for (Id id = 0; id < records_.size(); ++id) check_request(id, records_[id], totals);
  return totals;
}

/// Compares a line of the access log with what the client of its request knows.
void RequestLog::check_line(const std::string& line, const std::string& extra_node,
                            Totals& totals) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  const auto id =
      parsed.is_object() ? id_in(parsed.value("target", std::string{})) : std::optional<Id>{};
  if (!id || *id >= records_.size()) return report_failure("log line without a request: " + line);
  Record& record = records_[*id];
  ++totals.log_lines;
  ++record.log_lines;
  const std::string verdict = parsed.at("verdict");
  record.logged_end = parsed.at("end");
  const bool completed = record.logged_end == "completed";
  ++totals.verdicts[verdict];
  if (completed && record.received_by_nodes == 0) {
    report_failure("completed, but no node has seen it: " + line);
  }

  const RequestResult& result = record.result;
  const bool counted = !result.previous_node.empty() && result.previous_node != extra_node;
  if (completed && counted) ++totals.verdicts_completed[verdict];
  if (result.outcome == Outcome::complete) {
    const bool agrees = parsed.at("status") == result.status &&
                        (result.status != 200 || (completed && parsed.at("node") == result.node));
    if (!agrees) {
      report_failure("its client got status " + std::to_string(result.status) + " from '" +
                     result.node + "': " + line);
    }
  }
  if (result.outcome == Outcome::truncated && completed) {
    report_failure("its client got an incomplete response: " + line);
  }
  const bool changed = result.outcome == Outcome::complete && result.status == 200 &&
                       !result.previous_node.empty() && result.previous_node != result.node;
  // bonedry forgets a removed node: no user can be late for it.
  const bool forgotten = result.previous_node == extra_node && result.idle_time >= kIdleTimeout;
  if (changed && verdict != "moved" && verdict != "rescued" && verdict != "late" && !forgotten) {
    report_failure("its user was on " + result.previous_node + " " +
                   std::to_string(result.idle_time.count()) + " ms before: " + line);
  }
}

/// Checks what must hold for every request, with or without a log line.
void RequestLog::check_request(Id id, const Record& record, Totals& totals) {
  const std::string name = "request " + std::to_string(id);
  const RequestResult& result = record.result;
  ++totals.requests;
  if (!record.idempotent && record.received_by_nodes > 1) {
    report_failure(name + ": POST sent to nodes twice");
  }
  if (record.log_lines > 1) report_failure(name + " has several lines in the access log");
  if (result.outcome == Outcome::aborted) {
    ++totals.aborted;
    return;
  }
  if (result.outcome != Outcome::no_response && record.log_lines != 1) {
    report_failure(name + " got a response, but is not in the access log");
  }
  if (result.outcome == Outcome::complete && result.status == 200) {
    ++totals.complete;
    return;
  }
  ++totals.failed;
  if (!overlaps_fault(record)) {
    report_failure(name + " failed (status " + std::to_string(result.status) +
                   ") while all nodes were healthy: " + result.error + ", logged as '" +
                   record.logged_end + "'");
  }
}

bool RequestLog::overlaps_fault(const Record& record) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const Fault& fault) {
    return record.sent <= fault.to && record.finished >= fault.from;
  });
}

}  // namespace bonedry::soak
