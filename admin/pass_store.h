#pragma once

#include "admin/pass_revocations.h"
#include "proxy/base/result.h"

#include <string>
#include <utility>

namespace bonedry::admin {

/// The revocations of passes on disk: saved before they take effect, and atomically. Main thread
/// only.
class PassStore {
 public:
  /// `path`: the file; its directory must exist.
  explicit PassStore(std::string path) : path_(std::move(path)) {}

  /// No file: no revocations. The error names the path and the reason.
  [[nodiscard]] Result<PassRevocations> load() const;
  [[nodiscard]] Result<> save(const PassRevocations& revocations);

 private:
  std::string path_;
};

}  // namespace bonedry::admin
