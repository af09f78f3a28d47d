#include "admin/ctl/admin_request.h"
#include "admin/ctl/arguments.h"
#include "admin/ctl/colour.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/follower.h"
#include "admin/ctl/interrupts.h"
#include "admin/ctl/progress.h"
#include "admin/ctl/roll/roller.h"
#include "admin/ctl/switch_wait.h"
#include "admin/ctl/waiter.h"
#include "admin/ctl/watch/watch.h"
#include "admin/printable.h"
#include "proxy/base/standard_descriptors.h"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace bonedry::ctl {
namespace {

using admin::CommandId;
using admin::Format;

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_error(std::string_view text) {
  std::fputs(admin::error_line(text).c_str(), stderr);
}

std::string line_of(const Invocation& asked) {
  return asked.line + (asked.format == Format::json ? " json" : "");
}

/// Sends one command and prints the response.
ExitCode ask_once(const Invocation& asked) {
  const auto response = ask(asked.proxy, line_of(asked));
  if (!response) {
    print_error(response.error());
    return ExitCode::unreachable;
  }
  if (is_error(*response)) {
    std::fputs(response->c_str(), stderr);
    return ExitCode::refused;
  }
  const bool table = asked.command.command->id == CommandId::status && asked.format == Format::text;
  print(table && may_colour(STDOUT_FILENO) ? coloured(*response) : *response);
  return ExitCode::done;
}

ExitCode wait_for(const Invocation& asked, Waiter::ProxySeen seen) {
  Progress progress(Progress::style_of(STDERR_FILENO));
  const Goal goal = asked.command.has("healthy") ? Goal::healthy : Goal::dry;
  Interrupts interrupts;
  Waiter waiter({asked.proxy, asked.command.positionals.front(), goal, asked.timeout, seen},
                interrupts, progress);
  const Waiter::Result ending = waiter.run();
  progress.clear();
  if (asked.format == Format::json && !ending.response.empty()) {
    print(ending.response);
  } else if (ending.code == ExitCode::done) {
    print(admin::printable(ending.explanation) + "\n");
  } else {
    print_error(ending.explanation);
  }
  return ending.code;
}

ExitCode bleed_and_wait(const Invocation& asked) {
  const auto response = ask(asked.proxy, asked.line);
  if (!response) {
    print_error(response.error());
    return ExitCode::unreachable;
  }
  if (is_error(*response)) {
    std::fputs(response->c_str(), stderr);
    return ExitCode::refused;
  }
  // Scripts want one JSON object on stdout: that of the wait.
  if (asked.format == Format::text) print(*response);
  return wait_for(asked, Waiter::ProxySeen::yes);
}

ExitCode carry_out(const Invocation& asked) {
  const bool waits = asked.after_bleed == AfterBleed::wait;
  if (waits && asked.command.command->id == CommandId::switch_group) return switch_and_wait(asked);
  if (waits) return bleed_and_wait(asked);
  if (asked.watch && asked.format == Format::text) {
    if (const auto code = watch({asked.proxy, asked.line, *asked.watch})) return *code;
  }
  if (asked.roll) return Roller(asked.proxy, *asked.roll, {asked.roll->pool, asked.format}).run();
  switch (asked.command.command->id) {
    case CommandId::wait:
      return wait_for(asked, Waiter::ProxySeen::no);
    case CommandId::events:
      return asked.command.has("follow") ? Follower(asked.proxy, line_of(asked)).run()
                                         : ask_once(asked);
    default:
      return ask_once(asked);
  }
}

}  // namespace
}  // namespace bonedry::ctl

int main(int argc, char** argv) {
  bonedry::fill_standard_descriptors();
  using namespace bonedry::ctl;
  try {
    const auto asked = read_arguments(argc, argv);
    if (const auto* code = std::get_if<ExitCode>(&asked)) return static_cast<int>(*code);
    const ExitCode code = carry_out(std::get<Invocation>(asked));
    if (std::ferror(stdout) == 0) return static_cast<int>(code);
    std::fputs("error: cannot write to stdout\n", stderr);
    return static_cast<int>(ExitCode::refused);
  } catch (const std::exception& error) {
    std::fputs(bonedry::admin::error_line(error.what()).c_str(), stderr);
    return static_cast<int>(ExitCode::refused);
  }
}
