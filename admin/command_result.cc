#include "admin/command_result.h"

#include "admin/phrases.h"
#include "proxy/base/duration.h"

namespace bonedry::admin {

namespace {

struct TextVisitor {
  std::string operator()(const BleedResult& result) const {
    return result.node.text() + " is " + bleeding_text(result) + ": " +
           std::to_string(result.live) + " live and " + std::to_string(result.pending) +
           " pending sessions" + forced_text(result.guard_refusal) + unheard_text(result.unheard);
  }
  std::string operator()(const MaintainResult& result) const {
    return result.node.text() + " is in maintenance" +
           (result.already == Already::yes ? " already" : "") + forced_text(result.guard_refusal) +
           unheard_text(result.unheard);
  }
  std::string operator()(const ActivateResult& result) const {
    return result.node.text() + " is active" + (result.already == Already::yes ? " already" : "") +
           unheard_text(result.unheard);
  }
  std::string operator()(const SwitchResult& result) const {
    return switched_text(result) + forced_text(result.guard_refusal) + unheard_text(result.unheard);
  }
  std::string operator()(const ReloadResult& result) const {
    // The answer and its event are one line each.
    constexpr std::size_t kMost = 20;
    std::vector<std::string> shown = result.changes;
    if (shown.size() > kMost) {
      const std::size_t more = shown.size() - kMost;
      shown.resize(kMost);
      shown.push_back("and " + std::to_string(more) + " more changes");
    }
    return "reloaded" + who(result.by, "") + ": " +
           (shown.empty() ? "nothing has changed" : joined(shown, "; ")) +
           forced_text(result.guard_refusal);
  }
  std::string operator()(const UpgradeResult& result) const {
    return "process " + std::to_string(result.process) + " has taken over";
  }
  std::string operator()(const ReopenResult& result) const {
    if (result.access == "off") return "nothing to reopen: the access log is off";
    if (result.access == "stdout") return "nothing to reopen: the access log is standard output";
    return "reopened the access log, " + result.access;
  }
  std::string operator()(const RevokeResult& result) const {
    return "all passes for " + result.node.text() + " are void";
  }
};

}  // namespace

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::ambiguous:
      return "ambiguous";
    case ErrorCode::guard_refused:
      return "guard_refused";
    case ErrorCode::not_ready:
      return "not_ready";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::needs_restart:
      return "needs_restart";
    case ErrorCode::no_room:
      return "no_room";
    case ErrorCode::storage_failed:
      return "storage_failed";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::unacknowledged:
      return "unacknowledged";
    case ErrorCode::failed:
      return "failed";
  }
  return "?";
}

std::string bleeding_text(const BleedResult& result) {
  return (result.already == Already::yes ? "still bleeding" : "bleeding") +
         (result.deadline ? ", deadline in " + format_duration(*result.deadline) : "");
}

std::string switched_text(const SwitchResult& result) {
  std::string text = "new users of pool " + result.pool + " go to group " + result.group;
  if (result.bled.empty()) return text + "; no node is in another group";
  std::vector<balancer::NodeId> names;
  std::int64_t live = 0;
  std::int64_t pending = 0;
  for (const BleedResult& one : result.bled) {
    names.push_back(one.node);
    live += one.live;
    pending += one.pending;
  }
  text += "; " + joined(names) + (names.size() == 1 ? " bleeds" : " bleed");
  if (result.cut) {
    return text + ": " + counted(static_cast<std::int64_t>(*result.cut), "session") +
           (*result.cut == 1 ? " is" : " are") + " moved, each at its next request";
  }
  if (result.deadline) text += ", deadline in " + format_duration(*result.deadline);
  return text + ": " + std::to_string(live) + " live and " + std::to_string(pending) +
         " pending sessions";
}

std::string unheard_text(const Unheard& unheard) {
  if (unheard.empty()) return "";
  return "; not heard: " + joined(unheard) + ", which may still route by the state before";
}

std::string forced_text(const std::string& guard_refusal) {
  return guard_refusal.empty() ? "" : " [forced: " + guard_refusal + "]";
}

std::string to_text(const ChangeResult& result) {
  return std::visit(TextVisitor{}, result);
}

}  // namespace bonedry::admin
