#include "admin/command_result.h"

#include "admin/phrases.h"
#include "proxy/base/duration.h"

namespace bonedry::admin {

namespace {

struct TextVisitor {
  std::string operator()(const BleedResult& result) const {
    return result.node.text() + " is " + bleeding_text(result) + ": " +
           std::to_string(result.live) + " live and " + std::to_string(result.pending) +
           " pending sessions" + forced_text(result.guard_refusal);
  }
  std::string operator()(const MaintainResult& result) const {
    return result.node.text() + " is in maintenance" +
           (result.already == Already::yes ? " already" : "") + forced_text(result.guard_refusal);
  }
  std::string operator()(const ActivateResult& result) const {
    return result.node.text() + " is active" + (result.already == Already::yes ? " already" : "");
  }
  std::string operator()(const ReloadResult& result) const {
    std::string done = "reloaded" + who(result.by, "");
    if (result.removed == 0) return done;
    return done + "; " + counted(static_cast<std::int64_t>(result.removed), "node") +
           " no longer in the config will bleed until dry";
  }
  std::string operator()(const UpgradeResult& result) const {
    return "process " + std::to_string(result.process) + " has taken over";
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

std::string forced_text(const std::string& guard_refusal) {
  return guard_refusal.empty() ? "" : " [forced: " + guard_refusal + "]";
}

std::string to_text(const ChangeResult& result) {
  return std::visit(TextVisitor{}, result);
}

}  // namespace bonedry::admin
