#pragma once

#include "admin/roll/roll.h"
#include "proxy/base/result.h"

#include <map>
#include <string>
#include <utility>

namespace bonedry::admin {

/// The last roll of each pool, by the pool's name.
using RollMap = std::map<std::string, Roll, std::less<>>;

/// The rolls on disk: saved before they take effect, and atomically. Main thread only.
class RollStore {
 public:
  /// `path`: the file; its directory must exist.
  explicit RollStore(std::string path) : path_(std::move(path)) {}

  /// No file: no rolls. The error names the path and the reason.
  [[nodiscard]] Result<RollMap> load() const;
  [[nodiscard]] Result<> save(const RollMap& rolls);

 private:
  std::string path_;
};

}  // namespace bonedry::admin
