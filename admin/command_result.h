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

/// What comes of commands, as values: `render_text.h` and `render_json.h` write them down.
namespace bonedry::admin {

/// Why a command was not carried out. The names are an interface: they are added, never renamed.
enum class ErrorCode : std::uint8_t {
  invalid,         ///< the command, or the config that it is to read, is not in order
  not_found,       ///< there is no such node, pool or command
  ambiguous,       ///< several nodes have this name
  guard_refused,   ///< the pool cannot do without the node; --force overrides
  not_ready,       ///< the node is not dry; --force overrides
  conflict,        ///< the config, or another command, says otherwise
  needs_restart,   ///< only a restart can change this
  no_room,         ///< the ledger has no place for another node
  storage_failed,  ///< it cannot be written down, so nothing was changed
  unavailable,     ///< this process does not decide now: another one does, or it is stopping
  unacknowledged,  ///< it holds here, but a worker or another process has not taken it over in time
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

/// Whether a command found what it asks for to be so already.
enum class Already : std::uint8_t { no, yes };

struct BleedResult {
  balancer::NodeId node;
  Already already = Already::no;   ///< already: what was asked for beside it was changed
  std::optional<Millis> deadline;  ///< from the command on, where it gave one
  std::int64_t live = 0;           ///< sessions, when all workers had acknowledged
  std::int64_t pending = 0;        ///< likewise
  std::string guard_refusal = {};  ///< what the guard said, where --force was needed
};
struct MaintainResult {
  balancer::NodeId node;
  Already already = Already::no;
  std::string guard_refusal = {};  ///< as above
};
struct ActivateResult {
  balancer::NodeId node;
  Already already = Already::no;
};
struct ReloadResult {
  std::string by;
  std::size_t removed = 0;  ///< nodes that the config has lost and that bleed until they are dry
};
struct UpgradeResult {
  std::int64_t process = 0;  ///< that has taken over
};

/// What a command that changes something comes to. To bleed a node in maintenance comes to a
/// MaintainResult.
using ChangeResult =
    std::variant<BleedResult, MaintainResult, ActivateResult, ReloadResult, UpgradeResult>;

/// The answer to such a command.
using ChangeCallback = std::function<void(Result<ChangeResult, CommandError>)>;

/// "bleeding, deadline in 30m", or "still bleeding".
[[nodiscard]] std::string bleeding_text(const BleedResult& result);
/// " [forced: …]", or nothing.
[[nodiscard]] std::string forced_text(const std::string& guard_refusal);
/// One line for people, without its end.
[[nodiscard]] std::string to_text(const ChangeResult& result);

}  // namespace bonedry::admin
