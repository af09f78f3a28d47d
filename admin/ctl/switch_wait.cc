#include "admin/ctl/switch_wait.h"

#include "admin/ctl/admin_request.h"
#include "admin/ctl/interrupts.h"
#include "admin/ctl/progress.h"
#include "admin/ctl/status_parser.h"
#include "admin/ctl/waiter.h"
#include "admin/printable.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace bonedry::ctl {
namespace {

using admin::Format;
using OutputJson = nlohmann::ordered_json;

/// The waits of one switch, with one time limit for all.
class SwitchWait {
 public:
  explicit SwitchWait(const Invocation& asked)
      : asked_(asked), progress_(Progress::style_of(STDERR_FILENO)), began_(clock_.now()) {}

  ExitCode run(const ReportedSwitch& begun) {
    ExitCode code = ExitCode::done;
    for (const std::string& node : begun.bleeding) {
      code = wait_for(node);
      if (code != ExitCode::done) break;
    }
    if (asked_.format == Format::json) {
      const OutputJson all{{"message", begun.message},
                           {"dry", code == ExitCode::done},
                           {"waits", std::move(waits_)}};
      std::puts(all.dump(-1, ' ', false, OutputJson::error_handler_t::replace).c_str());
    }
    return code;
  }

 private:
  ExitCode wait_for(const std::string& node) {
    Waiter waiter({asked_.proxy, node, Goal::dry, time_left(), Waiter::ProxySeen::yes}, interrupts_,
                  progress_);
    const Waiter::Result end = waiter.run();
    progress_.clear();
    if (!end.response.empty()) waits_.push_back(OutputJson::parse(end.response, nullptr, false));
    if (end.code != ExitCode::done) {
      std::fputs(admin::error_line(end.explanation).c_str(), stderr);
    } else if (asked_.format == Format::text) {
      std::puts(admin::printable(end.explanation).c_str());
    }
    return end.code;
  }

  [[nodiscard]] std::optional<Millis> time_left() const {
    if (!asked_.timeout) return std::nullopt;
    return std::max(*asked_.timeout - (clock_.now() - began_), Millis{0});
  }

  SystemClock clock_;
  const Invocation& asked_;
  Interrupts interrupts_;
  Progress progress_;
  const Instant began_;
  OutputJson waits_ = OutputJson::array();
};

}  // namespace

ExitCode switch_and_wait(const Invocation& asked) {
  const auto response = ask(asked.proxy, asked.line + " json");
  if (!response) {
    std::fputs(admin::error_line(response.error()).c_str(), stderr);
    return ExitCode::unreachable;
  }
  if (is_error(*response)) {
    std::fputs(response->c_str(), stderr);
    return ExitCode::refused;
  }
  const auto begun = parse_switch_result(*response);
  if (!begun) {
    std::fputs(admin::error_line("cannot parse the response from bonedry").c_str(), stderr);
    return ExitCode::refused;
  }
  if (asked.format == Format::text) std::puts(admin::printable(begun->message).c_str());
  std::fflush(stdout);
  return SwitchWait(asked).run(*begun);
}

}  // namespace bonedry::ctl
