#pragma once

#include "conf/config.h"
#include "conf/problems.h"
#include "conf/toml_reader.h"
#include "conf/toml_tree.h"

#include <vector>

namespace bonedry::conf {

/// Where the parts of a pool are written; `nodes` is parallel to Pool::nodes.
struct PoolSections {
  TableReader pool;
  TableReader session;
  TableReader health;
  TableReader tls;
  std::vector<TableReader> nodes;
};

/// Where the parts of a config are written, for rules that need more than one key; `tokens`,
/// `listeners`, `listener_tls` and `pools` are parallel to those of Config. Same lifetime rule as
/// TableReader.
struct Sections {
  TableReader root;
  TableReader server;
  TableReader admin;
  TableReader admin_tls;
  std::vector<TableReader> tokens;
  TableReader hooks;
  TableReader cluster;
  std::vector<TableReader> listeners;
  std::vector<TableReader> listener_tls;
  std::vector<PoolSections> pools;
};

/// The schema: every key, its type and its range. Fills `config`, in which has_error keys keep
/// their defaults, and notes every error and warning that one key alone can cause.
[[nodiscard]] Sections read_config(const Value& document, Config& config, Problems& problems);

}  // namespace bonedry::conf
