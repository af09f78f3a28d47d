#pragma once

#include "balancer/node_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Results of commands, as values; `render_text.h` and `render_json.h` format them.
namespace bonedry::admin {

/// Why a command was not carried out. The names are an interface: names are added, never renamed.
enum class ErrorCode : std::uint8_t {
  invalid,         ///< the command, or the config that it reads, is invalid
  not_found,       ///< there is no such node, pool or command
  ambiguous,       ///< several nodes have this name
  guard_refused,   ///< the pool cannot do without the node; --force overrides
  not_ready,       ///< the node is not dry; --force overrides
  conflict,        ///< contradicts the config or another command
  needs_restart,   ///< only a restart can change this
  no_room,         ///< the ledger has no free slot for another node
  storage_failed,  ///< the change cannot be saved, so nothing was changed
  forbidden,       ///< the sender's token, or its absence, does not allow it
  unavailable,     ///< another process decides now, or this one is stopping
  unacknowledged,  ///< in force here, but a worker or another process has not acknowledged in time
  failed,          ///< something else went wrong
};
/// "not_found"
[[nodiscard]] const char* to_string(ErrorCode code);

struct CommandError {
  ErrorCode code = ErrorCode::failed;
  std::string text;  ///< one line for people
};

[[nodiscard]] inline Failure<CommandError> fail(ErrorCode code, std::string text) {
  return {{code, std::move(text)}};
}

/// Whether the node was already in the state that the command asks for.
enum class Already : std::uint8_t { no, yes };

/// The members of the cluster that could not be heard, so that they may still route by the state
/// before.
using Unheard = std::vector<std::string>;

struct BleedResult {
  balancer::NodeId node;
  Already already = Already::no;   ///< yes: only its deadline, reason and user were updated
  std::optional<Millis> deadline;  ///< counted from the command; empty if it gave none
  std::int64_t live = 0;           ///< sessions, counted when all workers had acknowledged
  std::int64_t pending = 0;        ///< likewise
  std::string guard_refusal = {};  ///< what --force has overridden; empty: nothing
  Unheard unheard = {};
};
struct MaintainResult {
  balancer::NodeId node;
  Already already = Already::no;
  std::string guard_refusal = {};  ///< as above
  Unheard unheard = {};
};
struct ActivateResult {
  balancer::NodeId node;
  Already already = Already::no;
  Unheard unheard = {};
};
struct SwitchResult {
  std::string pool;
  std::string group;                        ///< the group that has the pool's new users now
  std::vector<balancer::NodeId> activated;  ///< those of it that were not active
  std::vector<BleedResult> bled;            ///< the nodes of all other groups, dry ones included
  std::optional<Millis> deadline;           ///< of the bleeds; empty if the command gave none
  /// Sessions that --cut moves off the other groups; empty: without --cut.
  std::optional<std::uint64_t> cut;
  std::string guard_refusal = {};  ///< what --force has overridden; empty: nothing
  Unheard unheard = {};
};
struct ReloadResult {
  std::string by;
  std::vector<std::string> changes;  ///< one line each, see changes_between
  std::string guard_refusal = {};    ///< what --force has overridden; empty: nothing
};
struct UpgradeResult {
  std::int64_t process = 0;  ///< pid of the process that has taken over
};
struct ReopenResult {
  std::string access;  ///< of [log]
};
struct RevokeResult {
  balancer::NodeId node;
};

/// Result of a command that changes something. Bleeding a node in maintenance gives a
/// MaintainResult.
using ChangeResult = std::variant<BleedResult, MaintainResult, ActivateResult, SwitchResult,
                                  ReloadResult, UpgradeResult, ReopenResult, RevokeResult>;

/// Receives the result of such a command.
using ChangeCallback = std::function<void(Result<ChangeResult, CommandError>)>;

/// A new pass.
struct PassResult {
  balancer::NodeId node;
  std::string token;
  Millis ttl{0};

  /// What to append to a URL: "bonedry-pass=TOKEN".
  [[nodiscard]] std::string query() const { return "bonedry-pass=" + token; }
  /// The request field: "Bonedry-Pass: TOKEN".
  [[nodiscard]] std::string header() const { return "Bonedry-Pass: " + token; }
};

/// "bleeding, deadline in 30m", or "still bleeding".
[[nodiscard]] std::string bleeding_text(const BleedResult& result);
/// "group green has the users of pool shop; 2 nodes of other groups bleed: …".
[[nodiscard]] std::string switched_text(const SwitchResult& result);
/// "; p3 cannot be heard, and …", or nothing.
[[nodiscard]] std::string unheard_text(const Unheard& unheard);
/// " [forced: …]", or nothing.
[[nodiscard]] std::string forced_text(const std::string& guard_refusal);
/// One line for people, without the line end.
[[nodiscard]] std::string to_text(const ChangeResult& result);

}  // namespace bonedry::admin
