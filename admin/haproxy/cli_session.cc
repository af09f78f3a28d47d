#include "admin/haproxy/cli_session.h"

#include "admin/printable.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <iterator>
#include <utility>

namespace bonedry::admin::haproxy {

CliSession::CliSession(RuntimeCommands& runtime, LineClient& client)
    : runtime_(runtime), client_(client), user_(client.author()) {}

void CliSession::on_line(std::string_view line) {
  auto commands = split_commands(line);
  if (!commands) return on_reply(error(commands.error()));
  if (commands->empty()) return on_reply(done());
  commands_.assign(std::make_move_iterator(commands->begin()),
                   std::make_move_iterator(commands->end()));
  run_next();
}

void CliSession::run_next() {
  if (commands_.empty()) {
    if (settings_.format.prompt == Prompt::off) return client_.finish();
    return client_.read_line(settings_.idle_timeout);
  }
  const Words words = std::move(commands_.front());
  commands_.pop_front();
  const auto done = [session = std::weak_ptr(self_)](const Reply& reply) {
    if (const auto alive = session.lock()) (*alive)->on_reply(reply);
  };
  const Command* const command = find_command(words);
  if (command != nullptr) {
    const Result<> allowed = client_.rights().check({std::string(command->name), command->need});
    if (!allowed) return on_reply(error(allowed.error()));
  }
  try {
    runtime_.run(words, user_, settings_, done);
  } catch (const std::exception& failure) {
    spdlog::error("admin: '{}' failed: {}", printable(to_line(words)), failure.what());
    on_reply(error(std::string("internal error: ") + failure.what()));
  }
}

void CliSession::on_reply(const Reply& reply) {
  if (settings_.quit == Quit::yes) return client_.finish();
  client_.write(to_wire(reply, settings_.format));
  client_.call_when_sent();
}

std::string CliSession::error_text(std::string_view why) const {
  return to_wire(error(std::string(why)), {settings_.format.severity, Prompt::off});
}

std::string error_for_line(std::string_view line, std::string_view why) {
  const Reply refusal = error(std::string(why));
  if (line.find("severity-output") == std::string_view::npos) return to_wire(refusal, {});
  // As if that command had been run, whose reply is an empty line.
  return to_wire(done(), {}) + to_wire(refusal, {SeverityOutput::number, Prompt::off});
}

}  // namespace bonedry::admin::haproxy
