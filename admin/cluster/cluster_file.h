#pragma once

#include "admin/cluster/roster.h"
#include "admin/cluster/shared_state.h"
#include "admin/cluster/statement.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <string>
#include <utility>

namespace bonedry::admin::cluster {

/// What holds where the ledger has sessions on a node that the others call dry. Since this member
/// left the cluster, others may have seen them end: the ledger is right when the store has been
/// asked about them.
enum class Trust : std::uint8_t { ledger, store };

/// What a member must know of the cluster after a restart.
struct Memory {
  std::string id;            ///< of the state directory: random, made once
  std::uint64_t starts = 0;  ///< of processes on it
  Roster roster;
  SharedStates states;
  Votes votes;  ///< answers that stand
  Trust trust = Trust::ledger;
};

/// Where a member keeps its memory: saved before what is in it is said to others.
class MemoryStore {
 public:
  virtual ~MemoryStore() = default;
  [[nodiscard]] virtual Result<> save(const Memory& memory) = 0;
};

/// A file of the state directory. Main thread only.
class ClusterFile final : public MemoryStore {
 public:
  explicit ClusterFile(std::string path) : path_(std::move(path)) {}

  /// No file: an empty Memory without id. A file that cannot be read is an error: a vote that is
  /// forgotten could let users onto a node that others call dry.
  [[nodiscard]] Result<Memory> load() const;
  [[nodiscard]] Result<> save(const Memory& memory) override;

 private:
  std::string path_;
};

}  // namespace bonedry::admin::cluster
