#include "admin/hooks/hook_output.h"

#include "admin/printable.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace bonedry::admin {

void HookOutput::take(std::string_view bytes) {
  while (!bytes.empty() && !is_full()) {
    const std::size_t end = bytes.find('\n');
    add(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void HookOutput::end() {
  if (!line_.empty()) end_line();
}

void HookOutput::add(std::string_view part) {
  line_ += part.substr(0, kMaxLineBytes - line_.size());
}

void HookOutput::end_line() {
  ++lines_;
  if (lines_ <= kMaxLines) spdlog::info("hook {}: {}", printable(name_), printable(line_));
  if (lines_ == kMaxLines + 1) {
    spdlog::warn("hook {}: more than {} lines of output; the rest is not logged", printable(name_),
                 kMaxLines);
  }
  line_.clear();
}

}  // namespace bonedry::admin
