#pragma once

#include "admin/command_line.h"

#include <optional>
#include <string>
#include <utility>

namespace bonedry::ctl {

/// Tells on standard output how a roll goes: a line for people, or a JSON object, for each event.
class RollReport {
 public:
  RollReport(std::string pool, admin::Format format) : pool_(std::move(pool)), format_(format) {}

  /// `kind`: one word ("begin", "bleeding", "dry", "updating", …, "failed", "end"); `node`: empty
  /// if it is about the pool; `text`: for people. `exit_code`: of the operator's command.
  void tell(const std::string& kind, const std::string& node, const std::string& text,
            std::optional<int> exit_code = std::nullopt) const;

  [[nodiscard]] admin::Format format() const { return format_; }

 private:
  std::string pool_;
  admin::Format format_;
};

}  // namespace bonedry::ctl
