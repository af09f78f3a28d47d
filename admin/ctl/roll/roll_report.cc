#include "admin/ctl/roll/roll_report.h"

#include "admin/json_text.h"
#include "admin/printable.h"

#include <cstdio>

namespace bonedry::ctl {

void RollReport::tell(const std::string& kind, const std::string& node, const std::string& text,
                      std::optional<int> exit_code) const {
  std::string line;
  if (format_ == admin::Format::text) {
    line = admin::printable((node.empty() ? "" : node + ": ") + text) + "\n";
  } else {
    admin::Json event{{"event", kind},
                      {"pool", pool_},
                      {"node", node.empty() ? admin::Json(nullptr) : admin::Json(node)},
                      {"text", text}};
    if (exit_code) event["exit_code"] = *exit_code;
    line = admin::one_line(event);
  }
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace bonedry::ctl
