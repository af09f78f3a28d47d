#include "proxy/redis/greeting.h"

#include "proxy/redis/reply_problem.h"
#include "proxy/redis/server_info.h"

#include <cstddef>
#include <optional>

namespace bonedry::redis {
namespace {

/// What an error reply to a command of the greeting means.
std::string refusal(const Words& command, const std::string& error) {
  const bool needs_no_login = command.front() == "AUTH" && error.starts_with("ERR ");
  if (needs_no_login) return "it has no password, but one is configured here: " + quoted(error);
  if (command.front() == "SELECT") return "no database " + command[1] + ": " + quoted(error);
  return "it refuses " + command.front() + ": " + quoted(error);
}

}  // namespace

Words login(const Settings& settings) {
  if (settings.username.empty() && settings.password.empty()) return {};
  if (settings.username.empty()) return {"AUTH", settings.password};
  return {"AUTH", settings.username, settings.password};
}

/// A server that cannot save its data refuses PING as it refuses writes. INFO without a list of
/// sections is understood by servers that are too old, too.
std::vector<Words> greeting(const Settings& settings) {
  std::vector<Words> commands;
  if (Words words = login(settings); !words.empty()) commands.push_back(std::move(words));
  commands.push_back({"INFO"});
  if (settings.database != 0) {
    commands.push_back({"SELECT", std::to_string(settings.database)});
  }
  commands.push_back({"PING"});
  return commands;
}

/// What the server says of itself explains its refusals, so it comes first.
Result<std::string> evaluate_greeting(const Settings& settings, const std::vector<Reply>& replies) {
  const std::vector<Words> commands = greeting(settings);
  std::string run_id;
  std::optional<std::string> refused;
  for (std::size_t at = 0; at < commands.size() && at < replies.size(); ++at) {
    const Reply& reply = replies[at];
    if (reply.kind == Reply::Kind::error) {
      if (!refused) refused = refusal(commands[at], reply.text);
    } else if (commands[at].front() == "INFO") {
      if (const auto problem = first_info_problem(reply.text)) return Failure{*problem};
      run_id = info_field(reply.text, "run_id");
    }
  }
  if (refused) return Failure{*refused};
  return run_id;
}

}  // namespace bonedry::redis
