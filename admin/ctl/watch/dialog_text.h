#pragma once

#include "admin/ctl/watch/picture.h"
#include "admin/ctl/watch/watch_operator.h"
#include "admin/ctl/watch/watch_status.h"

#include <string>
#include <vector>

namespace bonedry::ctl {

/// What a dialog says and asks, from top to bottom.
struct DialogText {
  std::vector<Span> paragraphs;     ///< each may be longer than a line
  std::string prompt = {};          ///< what is entered follows it
  std::vector<std::string> keys{};  ///< what can be typed: "y yes"
};

/// `node`: as it is now; null: it is gone.
[[nodiscard]] DialogText dialog_text(const Dialog& dialog, const WatchedNode* node);

}  // namespace bonedry::ctl
