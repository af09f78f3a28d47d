#pragma once

#include "admin/node_record.h"
#include "balancer/node_id.h"
#include "conf/config.h"
#include "proxy/base/boot_id.h"
#include "proxy/base/result.h"
#include "session/ledger.h"

#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Those of the config's pools that are bleeding, and that the ledger does not know although it
/// ought to.
[[nodiscard]] std::vector<balancer::NodeId> nodes_missing_in_ledger(
    const NodeRecords& records, const std::vector<session::LedgerNode>& known,
    const conf::Config& config);

/// Those that were marked when the ledger was used no more: it is older than the records, and need
/// not have everybody who came since. Goes by the clock that nobody sets where that is known.
[[nodiscard]] std::vector<balancer::NodeId> changed_after(const NodeRecords& records,
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
  [[nodiscard]] Result<> save(const NodeRecords& records);

 private:
  std::string path_;
  std::string boot_;
};

}  // namespace bonedry::admin
