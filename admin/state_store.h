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

/// The bleeding nodes, in pools of the config, that the ledger ought to know but does not.
[[nodiscard]] std::vector<balancer::NodeId> nodes_missing_in_ledger(
    const NodeRecords& records, const std::vector<session::LedgerNode>& known,
    const conf::Config& config);

/// The nodes whose state was changed after the ledger was last used. Such a ledger is older than
/// the records and may not know all users who came since. Compares by the monotonic clock where
/// both times are known.
[[nodiscard]] std::vector<balancer::NodeId> changed_after(const NodeRecords& records,
                                                          const session::LastUse& last_use);

/// The node records on disk: saved before they take effect, and atomically, so that a kill at any
/// instant leaves either the old ones or the new. Main thread only.
class StateStore {
 public:
  /// `path`: the file; its directory must exist. `boot`: the boot that Instants belong to; those
  /// that were saved in another boot, or in one without a name, are not loaded.
  explicit StateStore(std::string path, std::string boot = boot_id())
      : path_(std::move(path)), boot_(std::move(boot)) {}

  /// No file: no records. A file that cannot be parsed is an error, because starting without it
  /// would put bleeding nodes back into rotation.
  [[nodiscard]] Result<NodeRecords> load() const;
  [[nodiscard]] Result<> save(const NodeRecords& records);

 private:
  std::string path_;
  std::string boot_;
};

}  // namespace bonedry::admin
