#pragma once

#include "balancer/node.h"
#include "balancer/node_id.h"
#include "conf/config.h"
#include "proxy/base/boot_id.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/ledger.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Whether the sessions that a node had were taken off it by the operator.
enum class Displaced : std::uint8_t { no, yes };

/// Whether nobody is on a node and nobody will come back. Latched until the node is activated.
enum class Dry : std::uint8_t { no, yes };

/// What must be remembered of a node that is not simply active. Dates are for people and for what
/// comes after a reboot; within a boot only Instants count, which no jump of the calendar moves.
struct NodeRecord {
  balancer::NodeState state = balancer::NodeState::bleeding;
  WallTime since;
  std::string by;
  std::string reason;
  std::optional<WallTime> deadline;  ///< nothing: nobody is ever moved
  Dry dry = Dry::no;
  Displaced displaced = Displaced::no;
  /// Where the node was when the config lost it; kept until nobody is on it.
  std::optional<conf::Address> removed_from;
  std::optional<Instant> since_at = {};       ///< `since`, while the machine runs
  std::optional<Instant> deadline_at = {};    ///< `deadline`, while the machine runs
  std::optional<Millis> deadline_after = {};  ///< how long the operator gave; bounds the rest

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

/// A node that is not here is active.
using NodeRecords = std::map<balancer::NodeId, NodeRecord>;

/// Those of the config's pools that are bleeding, and that the ledger does not know although it
/// ought to.
[[nodiscard]] std::vector<balancer::NodeId> unknown_nodes(
    const NodeRecords& records, const std::vector<session::KnownNode>& known,
    const conf::Config& config);

/// Those that were marked when the ledger was used no more: it is older than the records, and need
/// not have everybody who came since. Goes by the clock that nobody sets where that is known.
[[nodiscard]] std::vector<balancer::NodeId> marked_since(const NodeRecords& records,
                                                         const session::LastUse& last_use);

/// The node records on disk: written before they take effect, in one step, so that a kill at any
/// instant leaves the old ones or the new. Main thread only.
class StateStore {
 public:
  /// `path`: the file; its folder must exist. `boot`: the one that Instants are of; those that were
  /// written in another, or in one that has no name, are not loaded.
  explicit StateStore(std::string path, std::string boot = boot_id())
      : path_(std::move(path)), boot_(std::move(boot)) {}

  /// No file: no records. A file that cannot be understood is an error, for starting without it
  /// would put bleeding nodes back into rotation.
  [[nodiscard]] Result<NodeRecords> load() const;
  [[nodiscard]] Outcome save(const NodeRecords& records);

 private:
  std::string path_;
  std::string boot_;
};

}  // namespace bonedry::admin
