#include "tests/soak/journal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <sstream>

namespace bonedry::soak {
namespace {

constexpr std::size_t kComplaintsTold = 30;

std::optional<Journal::Id> id_in(const std::string& target) {
  const auto mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  return std::stoull(target.substr(mark + 1));
}

}  // namespace

Journal::Id Journal::asks(std::string_view method) {
  const std::lock_guard lock{mutex_};
  entries_.push_back({.asked = test::TestClock::now(), .once = method == "POST"});
  return entries_.size() - 1;
}

void Journal::answered(Id id, const Answer& answer) {
  const std::lock_guard lock{mutex_};
  entries_[id].ended = test::TestClock::now();
  entries_[id].answer = answer;
}

void Journal::reached(const std::string& target) {
  const std::lock_guard lock{mutex_};
  if (const auto id = id_in(target); id && *id < entries_.size()) ++entries_[*id].reached;
}

void Journal::out_of_order(const std::string& node, TestTime from, TestTime to) {
  const std::lock_guard lock{mutex_};
  outages_.push_back({node, from, to});
}

void Journal::complain(const std::string& what) {
  const std::lock_guard lock{mutex_};
  if (++complaints_ <= kComplaintsTold) std::cout << "FAILED: " << what << std::endl;
}

std::size_t Journal::requests() const {
  const std::lock_guard lock{mutex_};
  return entries_.size();
}

std::size_t Journal::complaints() const {
  const std::lock_guard lock{mutex_};
  return complaints_;
}

Journal::Figures Journal::settle(const std::string& access_log, const std::string& newcomer) {
  Figures figures;
  std::istringstream lines{access_log};
  for (std::string line; std::getline(lines, line);) take_line(line, newcomer, figures);
  for (Id id = 0; id < entries_.size(); ++id) judge(id, entries_[id], figures);
  return figures;
}

/// Compares a line of the access log with what the client of its request knows.
void Journal::take_line(const std::string& line, const std::string& newcomer, Figures& figures) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  const auto id =
      parsed.is_object() ? id_in(parsed.value("target", std::string{})) : std::optional<Id>{};
  if (!id || *id >= entries_.size()) return complain("log line without a request: " + line);
  Entry& entry = entries_[*id];
  ++figures.lines;
  ++entry.lines;
  const std::string verdict = parsed.at("verdict");
  entry.end = parsed.at("end");
  const bool done = entry.end == "completed";
  ++figures.verdicts[verdict];
  if (done && entry.reached == 0) complain("completed, but no node has seen it: " + line);

  const Answer& answer = entry.answer;
  const bool counted = !answer.node_before.empty() && answer.node_before != newcomer;
  if (done && counted) ++figures.verdicts_done[verdict];
  if (answer.fate == Fate::whole) {
    const bool agrees = parsed.at("status") == answer.status &&
                        (answer.status != 200 || (done && parsed.at("node") == answer.node));
    if (!agrees) {
      complain("its client got status " + std::to_string(answer.status) + " from '" + answer.node +
               "': " + line);
    }
  }
  if (answer.fate == Fate::cut && done) complain("its client got an incomplete response: " + line);
  const bool changed = answer.fate == Fate::whole && answer.status == 200 &&
                       !answer.node_before.empty() && answer.node_before != answer.node;
  // bonedry forgets a removed node: no user can be late for it.
  const bool forgotten = answer.node_before == newcomer && answer.away >= kIdleTimeout;
  if (changed && verdict != "moved" && verdict != "rescued" && verdict != "late" && !forgotten) {
    complain("its user was on " + answer.node_before + " " + std::to_string(answer.away.count()) +
             " ms before: " + line);
  }
}

/// What must hold for every request, with or without a log line.
void Journal::judge(Id id, const Entry& entry, Figures& figures) {
  const std::string name = "request " + std::to_string(id);
  ++figures.requests;
  if (entry.once && entry.reached > 1) complain(name + ": POST sent to nodes twice");
  if (entry.lines > 1) complain(name + " has several lines in the access log");
  if (entry.answer.fate == Fate::abandoned) {
    ++figures.abandoned;
    return;
  }
  if (entry.answer.fate != Fate::none && entry.lines != 1) {
    complain(name + " was answered, but is not in the access log");
  }
  if (entry.answer.fate == Fate::whole && entry.answer.status == 200) {
    ++figures.whole;
    return;
  }
  ++figures.failed;
  if (!excused(entry)) {
    complain(name + " failed (status " + std::to_string(entry.answer.status) +
             ") while all nodes were healthy: " + entry.answer.trouble + ", logged as '" +
             entry.end + "'");
  }
}

bool Journal::excused(const Entry& entry) const {
  return std::any_of(outages_.begin(), outages_.end(), [&](const Outage& outage) {
    return entry.asked <= outage.to && entry.ended >= outage.from;
  });
}

}  // namespace bonedry::soak
