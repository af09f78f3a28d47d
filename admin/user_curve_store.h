#pragma once

#include "admin/user_curves.h"
#include "proxy/base/result.h"

#include <string>
#include <utility>

namespace bonedry::admin {

/// The curves of users on disk, replaced atomically. Main thread only.
class UserCurveStore {
 public:
  /// `path`: the file; its directory must exist.
  explicit UserCurveStore(std::string path) : path_(std::move(path)) {}

  /// No file: no curves. The error names the path and the reason.
  [[nodiscard]] Result<SavedCurves> load() const;
  [[nodiscard]] Result<> save(const SavedCurves& curves);

 private:
  std::string path_;
};

}  // namespace bonedry::admin
