#include "admin/haproxy/runtime_commands.h"

#include "admin/haproxy/info_table.h"
#include "admin/haproxy/process_info.h"
#include "admin/haproxy/server_state_table.h"
#include "admin/haproxy/stat_table.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace bonedry::admin::haproxy {
namespace {

/// The number that `stat_table` gives a pool.
std::optional<std::int64_t> number_of_pool(const Status& status, std::string_view name) {
  const auto found = std::ranges::find(status.pools, name, &PoolStatus::name);
  if (found == status.pools.end()) return std::nullopt;
  return static_cast<std::int64_t>(status.listeners.size()) + (found - status.pools.begin()) + 1;
}

/// Nothing unless the arguments are "IID|POOL TYPE SID", with -1 for all.
std::optional<StatFilter> parse_filter(Arguments arguments, const Status& status) {
  StatFilter filter;
  if (arguments.empty()) return filter;
  if (arguments.size() != 3) return std::nullopt;
  auto proxy = parse_number(arguments[0]);
  if (!proxy) proxy = number_of_pool(status, arguments[0]);
  const auto types = parse_number(arguments[1]);
  const auto server = parse_number(arguments[2]);
  if (!proxy || !types || !server) return std::nullopt;
  if (*proxy != -1) filter.proxy = *proxy;
  if (*types != -1) filter.types = static_cast<std::uint64_t>(*types);
  if (*server != -1) filter.server = *server;
  return filter;
}

Reply clear_counters(Arguments arguments) {
  if (arguments.empty()) return done();  // there are no maxima to clear
  return error("Counters cannot be cleared: they count from the start of the process.");
}

}  // namespace

RuntimeCommands::RuntimeCommands(ControlPlane& control, const Clock& clock)
    : control_(control), clock_(clock), started_(clock.now()), servers_(control) {}

void RuntimeCommands::run(const Words& words, const std::string& user, SessionSettings& settings,
                          const ReplyCallback& done) {
  const Command* const command = find_command(words);
  if (command == nullptr) return done(error(unknown_command(words)));
  const Arguments arguments = Arguments(words).subspan(command->words);
  switch (command->id) {
    case CommandId::show_stat:
      return done(show_stat(arguments));
    case CommandId::show_info:
      return done(show_info(arguments));
    case CommandId::show_servers_state:
      return done(show_servers_state(arguments));
    case CommandId::show_version:
      return done(info(std::string(kVersion)));
    case CommandId::clear_counters:
      return done(clear_counters(arguments));
    case CommandId::set_severity_output:
      return done(set_severity_output(arguments, settings));
    case CommandId::set_timeout:
      return done(set_timeout(arguments, settings));
    case CommandId::help:
      return done(info(help_text()));
    case CommandId::prompt:
      return done(toggle_prompt(settings));
    case CommandId::quit:
      settings.quit = Quit::yes;
      return done(haproxy::done());
    case CommandId::get_weight:
    case CommandId::set_weight:
    case CommandId::set_server:
    case CommandId::enable_server:
    case CommandId::enable_health:
    case CommandId::enable_agent:
    case CommandId::disable_server:
    case CommandId::disable_health:
    case CommandId::disable_agent:
    case CommandId::shutdown_sessions:
      return servers_.run(*command, arguments, user, done);
  }
}

Reply RuntimeCommands::show_stat(Arguments arguments) const {
  const Status all = status();
  const auto filter = parse_filter(arguments, all);
  if (!filter) {
    return error(
        "'show stat' takes nothing, or the number or name of a proxy, a type and the number of a "
        "server, each -1 for all; other forms than CSV are not supported.");
  }
  return data(stat_table(all, clock_.wall(), *filter));
}

Reply RuntimeCommands::show_info(Arguments arguments) const {
  const bool typed = arguments.size() == 1 && arguments.front() == "typed";
  if (!arguments.empty() && !typed) return error("'show info' takes nothing, or 'typed'.");
  const ProcessInfo process = read_process_info(control_.config(), clock_.now() - started_);
  return data(info_table(process, status(), typed ? InfoStyle::typed : InfoStyle::plain));
}

Reply RuntimeCommands::show_servers_state(Arguments arguments) const {
  const Status all = status();
  std::optional<std::string_view> pool;
  if (!arguments.empty()) {
    pool = arguments.front();
    if (!number_of_pool(all, *pool)) return error("Can't find backend.");
  }
  return data(server_state_table(all, pool, clock_.wall()));
}

Status RuntimeCommands::status() const {
  return *control_.status(std::nullopt);  // only an unknown pool is an error
}

}  // namespace bonedry::admin::haproxy
