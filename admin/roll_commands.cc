// Commands about rolls.

#include "admin/commands.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin {
namespace {

/// "alice,bob"
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

RollPlan plan_of(const CommandLine& line) {
  RollPlan plan;
  plan.command = line.text("command");
  plan.test = line.text("test");
  plan.only = split_list(line.text("only"));
  plan.deadline = line.duration("deadline");
  plan.settle = line.duration("settle").value_or(Millis{0});
  if (line.has("keep-going")) plan.on_failure = OnRollFailure::keep_going;
  return plan;
}

/// Holds a roll for as long as its client is connected.
class HoldTask final : public PendingCommand {
 public:
  HoldTask(Rolls& rolls, CommandClient& client) : rolls_(rolls), client_(client) {}
  ~HoldTask() override {
    if (id_) rolls_.release(*id_);
  }

  /// False: the client has been sent an error.
  bool begin(const PoolStatus& pool, const Rolls::Request& request) {
    const auto id = rolls_.hold(pool, request, [this](const CommandError& why) {
      id_.reset();
      client_.refuse(why);
    });
    if (!id) {
      client_.refuse(id.error());
      return false;
    }
    id_ = *id;
    client_.add(RollAnswer{*rolls_.find(*id), {}}, Format::json);
    return true;
  }

 private:
  Rolls& rolls_;
  CommandClient& client_;
  std::optional<Rolls::HoldId> id_;  ///< empty once the roll is no longer held
};

}  // namespace

void Commands::roll(const CommandLine& line, CommandClient& client) {
  const std::string& pool = line.positionals.front();
  if (const auto known = control_.status(pool); !known) return client.refuse(known.error());
  if (line.has("abandon")) {
    const auto done = rolls_.abandon(pool, client.author());
    if (!done) return client.refuse(done.error());
  }
  const Roll* const roll = rolls_.find(pool);
  if (roll == nullptr) {
    return client.refuse({ErrorCode::not_found, "pool " + pool + " was never rolled"});
  }
  client.respond(RollAnswer{*roll, clock_.wall()}, line.format);
}

Commands::PendingCommandPtr Commands::hold_roll(const CommandLine& line, CommandClient& client) {
  const auto status = control_.status(line.positionals.front());
  if (!status) {
    client.refuse(status.error());
    return nullptr;
  }
  Rolls::Request request{plan_of(line), line.text("holder"), client.author()};
  if (line.has("resume")) request.mode = Rolls::Request::Mode::resume;
  if (request.token.empty() || request.plan.command.empty()) {
    client.refuse({ErrorCode::invalid, "roll-hold needs --holder and --command"});
    return nullptr;
  }
  auto task = std::make_unique<HoldTask>(rolls_, client);
  if (!task->begin(status->pools.front(), request)) return nullptr;
  return task;
}

void Commands::note_roll_step(const CommandLine& line, CommandClient& client) {
  const auto step = roll_step(line.positionals[2]);
  if (!step) {
    return client.refuse({ErrorCode::invalid, "unknown step '" + line.positionals[2] + "'"});
  }
  const auto done = rolls_.note(line.positionals[0], line.text("holder"),
                                {line.positionals[1], *step, line.text("failed")});
  if (!done) return client.refuse(done.error());
  client.respond(MessageAnswer{"noted"}, line.format);
}

}  // namespace bonedry::admin
