#include "admin/commands.h"

#include "admin/access/token_word.h"
#include "admin/access/tokens.h"
#include "admin/explain.h"
#include "admin/haproxy/cli_session.h"
#include "admin/printable.h"
#include "admin/render_text.h"
#include "session/pass.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <utility>

namespace bonedry::admin {
namespace {

/// Rows of `sessions` without --limit: a few screens.
constexpr std::size_t kDefaultSessions = 100;
/// Sessions that `why` names.
constexpr std::size_t kExplainedSessions = 3;
/// Highest session number that a page may reach: twice as many sessions are in memory, 16 MB, until
/// the response is sent.
constexpr std::size_t kMaxSessions = 100'000;

Result<session::SessionQuery, CommandError> session_query(const CommandLine& line) {
  session::SessionQuery query;
  const std::string order = line.text("sort");
  if (order == "age") query.order = session::SessionOrder::age;
  if (order == "exchanges") query.order = session::SessionOrder::exchanges;
  query.limit = line.count("limit").value_or(kDefaultSessions);
  const std::size_t page = line.count("page").value_or(1);
  query.offset = (page - 1) * query.limit;
  if (page * query.limit <= kMaxSessions) return query;
  return fail(ErrorCode::invalid,
              "page " + std::to_string(page) + " of " + std::to_string(query.limit) +
                  " sessions each reaches beyond the first " + std::to_string(kMaxSessions) +
                  ", which are all that can be listed; another --sort has others first");
}

/// The current status of a node; without figures when the node is gone.
NodeStatus node_status(const ControlPlane& control, const balancer::NodeId& id) {
  NodeStatus none;
  none.pool = id.pool;
  none.name = id.name;
  const auto status = control.status(id.pool);
  if (!status) return none;
  for (const PoolStatus& pool : status->pools) {
    const auto found = std::ranges::find(pool.nodes, id.name, &NodeStatus::name);
    if (found != pool.nodes.end()) return *found;
  }
  return none;
}

/// Waits for the result of a change.
class ChangeTask final : public PendingCommand {
 public:
  ChangeTask(CommandClient& client, Format format) : client_(client), format_(format) {}

  /// The callback for the control plane, which cannot cancel it. So the callback checks by itself
  /// whether the task still exists.
  ChangeCallback callback() {
    return [task = std::weak_ptr(self_)](const Result<ChangeResult, CommandError>& result) {
      if (const auto alive = task.lock()) (*alive)->on_answer(result);
    };
  }

 private:
  void on_answer(const Result<ChangeResult, CommandError>& result) {
    if (!result) return client_.refuse(result.error());
    client_.respond(*result, format_);
  }

  CommandClient& client_;
  Format format_;
  std::shared_ptr<ChangeTask*> self_ = std::make_shared<ChangeTask*>(this);
};

/// Waits until a node is dry or healthy, or cannot become so.
class WaitTask final : public PendingCommand {
 public:
  WaitTask(ControlPlane& control, CommandClient& client, balancer::NodeId id, Awaited awaited,
           std::optional<Millis> timeout, Format format)
      : control_(control), client_(client), format_(format) {
    result_.node = std::move(id);
    result_.awaited = awaited;
    result_.timeout = timeout;
    id_ = control_.wait(result_.node, awaited, timeout, [this](WaitEnd end) { on_end(end); });
  }

  ~WaitTask() override {
    if (id_) control_.cancel_wait(*id_);
  }

 private:
  void on_end(WaitEnd end) {
    id_.reset();
    const NodeStatus node = node_status(control_, result_.node);
    result_.end = end;
    result_.live = node.live;
    result_.pending = node.pending;
    result_.exchanges_open = node.exchanges_open;
    if (node.last_check) result_.last_check = to_text(*node.last_check);
    if (end == WaitEnd::timed_out) result_.dry_blocked_by = node.dry_blocked_by;
    if (end == WaitEnd::timed_out && node.bleeding) result_.forecast = node.bleeding->forecast;
    client_.respond(result_, format_);
  }

  ControlPlane& control_;
  CommandClient& client_;
  Format format_;
  WaitResult result_;
  std::optional<ControlPlane::WaitId> id_;  ///< empty once the wait has ended
};

/// Builds a page of sessions, one piece per tick, and responds with it.
class ListTask final : public PendingCommand {
 public:
  using ToAnswer = std::function<CommandAnswer(session::SessionPage)>;

  ListTask(ControlPlane& control, CommandClient& client, const balancer::NodeId& node,
           const session::SessionQuery& query, Format format, ToAnswer to_answer)
      : control_(control),
        client_(client),
        format_(format),
        to_answer_(std::move(to_answer)),
        listing_(control.list(node, query)) {}

  ~ListTask() override {
    if (id_) control_.cancel_task(*id_);
  }

  /// Most ledgers are scanned in one piece, so that the response is sent at once.
  ControlPlane::TaskProgress begin() {
    if (go_on() == ControlPlane::TaskProgress::done) return ControlPlane::TaskProgress::done;
    id_ = control_.add_task([this] {
      const ControlPlane::TaskProgress work = go_on();
      if (work == ControlPlane::TaskProgress::done) id_.reset();
      return work;
    });
    return ControlPlane::TaskProgress::more;
  }

 private:
  ControlPlane::TaskProgress go_on() {
    if (listing_.step() == session::SessionListing::Progress::more)
      return ControlPlane::TaskProgress::more;
    session::SessionPage page = std::move(listing_).take();
    control_.add_last_requests(page);
    client_.respond(to_answer_(std::move(page)), format_);
    return ControlPlane::TaskProgress::done;
  }

  ControlPlane& control_;
  CommandClient& client_;
  Format format_;
  ToAnswer to_answer_;
  session::SessionListing listing_;
  std::optional<ControlPlane::TaskId> id_;  ///< empty once it is done
};

/// Which events to show.
struct EventFilter {
  std::optional<WallTime> since;
  std::string node;         ///< "shop/alice" or "alice"; empty: all
  std::uint64_t after = 0;  ///< id of an event

  [[nodiscard]] bool accepts(const Event& event) const {
    if (event.id <= after || (since && event.at < *since)) return false;
    return node.empty() || event.node == node || event.node.ends_with("/" + node);
  }
};

/// Sends events to the client until it is destroyed.
class FollowTask final : public PendingCommand {
 public:
  FollowTask(EventLog& events, CommandClient& client, Format format, EventFilter filter)
      : events_(events), client_(client), format_(format), filter_(std::move(filter)) {
    for (const Event& event : events_.recent()) on_event(event);
    id_ = events_.follow([this](const Event& event) { on_event(event); });
  }

  ~FollowTask() override { events_.unfollow(id_); }

 private:
  void on_event(const Event& event) {
    if (filter_.accepts(event)) client_.add(event, format_);
  }

  EventLog& events_;
  CommandClient& client_;
  Format format_;
  EventFilter filter_;
  EventLog::FollowId id_ = 0;
};

}  // namespace

std::string PendingCommand::error_text(std::string_view why) const {
  return error_line(why);
}

std::string Commands::error_for_line(std::string_view line, std::string_view why) {
  return haproxy::is_haproxy_line(line) ? haproxy::error_for_line(line, why) : error_line(why);
}

std::unique_ptr<PendingCommand> Commands::run(std::string_view line, LineClient& client) {
  const access::Presented presented = access::split_token(line);
  const Result<> admitted = admit(presented.token, client);
  if (!admitted) {
    client.write_all(error_for_line(presented.command, admitted.error()));
    return nullptr;
  }
  return guarded(presented.command, client,
                 [&] { return run_admitted(presented.command, client); });
}

std::unique_ptr<PendingCommand> Commands::run(const CommandLine& line, CommandClient& client) {
  return guarded(line.command->name, client, [&] { return run_allowed(line, client); });
}

/// Nothing that a command meets may end the proxy.
std::unique_ptr<PendingCommand> Commands::guarded(
    std::string_view what, CommandClient& client,
    const std::function<std::unique_ptr<PendingCommand>()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    spdlog::error("admin: '{}' failed: {}", printable(what), error.what());
    client.refuse({ErrorCode::failed, std::string("internal error: ") + error.what()});
  }
  return nullptr;
}

Result<> Commands::admit(std::optional<std::string_view> token, CommandClient& client) {
  auto rights = access::Tokens(control_.config().admin).rights_of(client.peer(), token);
  if (!rights) {
    wrong_tokens_.add(client.user_name());
    return Failure{rights.error()};
  }
  client.grant(std::move(*rights));
  return Done{};
}

Commands::PendingCommandPtr Commands::run_admitted(std::string_view command, LineClient& client) {
  if (haproxy::is_haproxy_line(command)) {
    auto session = std::make_unique<haproxy::CliSession>(haproxy_, client);
    session->on_line(command);
    return session;
  }
  const auto parsed = parse_command_line(command);
  if (parsed) return run_allowed(*parsed, client);
  client.write_all(error_line(parsed.error()));
  return nullptr;
}

Commands::PendingCommandPtr Commands::run_allowed(const CommandLine& line, CommandClient& client) {
  const auto allowed = check(line, client);
  if (allowed) return dispatch(line, client);
  client.refuse(allowed.error());
  return nullptr;
}

Result<Done, CommandError> Commands::check(const CommandLine& line,
                                           const CommandClient& client) const {
  const Result<> allowed = client.rights().check(asked_by(line));
  if (allowed) return Done{};
  return fail(ErrorCode::forbidden, allowed.error());
}

access::Asked Commands::asked_by(const CommandLine& line) const {
  access::Asked asked{std::string(line.command->name), line.command->need};
  for (const CommandLine::OptionValue& given : line.options) {
    if (given.option->need != access::Need::operate) continue;
    asked.command += " --" + std::string(given.option->name);
    asked.need = access::Need::operate;
  }
  const auto& takes = line.command->positionals;
  if (takes.empty() || takes.front().name != kNodeArgument) return asked;
  auto node = control_.resolve_node(line.positionals.front());
  if (node) asked.node = std::move(*node);  // that there is none, its command will say
  return asked;
}

Commands::PendingCommandPtr Commands::dispatch(const CommandLine& line, CommandClient& client) {
  switch (line.command->id) {
    case CommandId::status:
      show_status(line, client);
      return nullptr;
    case CommandId::why:
      return explain_node(line, client);
    case CommandId::sessions:
      return list_sessions(line, client);
    case CommandId::bleed:
    case CommandId::maintain:
    case CommandId::activate:
    case CommandId::switch_group:
    case CommandId::reload:
    case CommandId::upgrade:
      return change(line, client);
    case CommandId::reopen:
      return reopen(line, client);
    case CommandId::pass:
      return pass(line, client);
    case CommandId::wait:
      return wait(line, client);
    case CommandId::events:
      return show_events(line, client);
    case CommandId::roll:
      roll(line, client);
      return nullptr;
    case CommandId::roll_hold:
      return hold_roll(line, client);
    case CommandId::roll_step:
      note_roll_step(line, client);
      return nullptr;
    case CommandId::members:
      show_members(line, client);
      return nullptr;
    case CommandId::member:
      forget_member(line, client);
      return nullptr;
    case CommandId::start_alone:
      respond_done(control_.start_alone(client.author()), "this member serves its users now", line,
                   client);
      return nullptr;
    case CommandId::version:
      client.respond(MessageAnswer{"bonedry " BONEDRY_VERSION}, line.format);
      return nullptr;
    case CommandId::help:
      show_help(line, client);
      return nullptr;
  }
  return nullptr;
}

void Commands::show_status(const CommandLine& line, CommandClient& client) {
  std::optional<std::string_view> pool;
  if (!line.positionals.empty()) pool = line.positionals.front();
  auto status = control_.status(pool);
  if (!status) return client.refuse(status.error());
  client.respond(StatusAnswer{std::move(*status), clock_.wall(), line.count("width").value_or(0)},
                 line.format);
}

Commands::PendingCommandPtr Commands::list_sessions(const CommandLine& line,
                                                    CommandClient& client) {
  auto node = node_of(line, client);
  if (!node) return nullptr;
  const auto query = session_query(line);
  if (!query) {
    client.refuse(query.error());
    return nullptr;
  }
  auto task = std::make_unique<ListTask>(control_, client, *node, *query, line.format,
                                         [this, id = *node](session::SessionPage page) {
                                           return SessionsAnswer{id, std::move(page), clock_.now()};
                                         });
  if (task->begin() == ControlPlane::TaskProgress::done) return nullptr;
  return task;
}

Commands::PendingCommandPtr Commands::explain_node(const CommandLine& line, CommandClient& client) {
  const auto node = node_of(line, client);
  if (!node) return nullptr;
  session::SessionQuery query;
  query.order = session::SessionOrder::age;
  query.limit = kExplainedSessions;
  auto task = std::make_unique<ListTask>(
      control_, client, *node, query, line.format,
      [this, id = *node](const session::SessionPage& oldest) {
        return ExplanationAnswer{
            id, explain(node_status(control_, id), oldest, clock_.wall(), clock_.now())};
      });
  if (task->begin() == ControlPlane::TaskProgress::done) return nullptr;
  return task;
}

Commands::PendingCommandPtr Commands::show_events(const CommandLine& line, CommandClient& client) {
  EventFilter filter{std::nullopt, line.text("node"), line.number("after").value_or(0)};
  // An id that was never given is of another state directory: nothing is known to be old.
  const auto& recent = events_.recent();
  if (recent.empty() || recent.back().id < filter.after) filter.after = 0;
  if (const auto since = line.duration("since")) filter.since = clock_.wall() - *since;
  if (line.has("follow")) {
    return std::make_unique<FollowTask>(events_, client, line.format, std::move(filter));
  }
  EventsAnswer shown;
  std::ranges::copy_if(events_.recent(), std::back_inserter(shown.events),
                       [&filter](const Event& event) { return filter.accepts(event); });
  client.respond(std::move(shown), line.format);
  return nullptr;
}

void Commands::show_help(const CommandLine& line, CommandClient& client) {
  const Command* command = nullptr;
  if (!line.positionals.empty()) {
    command = find_command(line.positionals.front());
    if (command == nullptr) {
      return client.refuse({ErrorCode::not_found, unknown_command(line.positionals.front())});
    }
  }
  client.respond(HelpAnswer{command}, line.format);
}

Commands::PendingCommandPtr Commands::change(const CommandLine& line, CommandClient& client) {
  if (line.command->id == CommandId::switch_group) return switch_group(line, client);
  auto task = std::make_unique<ChangeTask>(client, line.format);
  if (line.command->id == CommandId::reload) {
    const Force force = line.has("force") ? Force::yes : Force::no;
    control_.reload(force, client.author(), task->callback());
    return task;
  }
  if (line.command->id == CommandId::upgrade) {
    control_.upgrade(client.author(), task->callback());
    return task;
  }
  const auto node = node_of(line, client);
  if (!node) return nullptr;
  const Force force = line.has("force") ? Force::yes : Force::no;
  const AppliesTo applies_to = line.has("local") ? AppliesTo::this_member : AppliesTo::all_members;
  if (line.command->id == CommandId::bleed) {
    BleedRequest request{line.duration("deadline"), line.text("reason"), force, client.author()};
    request.applies_to = applies_to;
    control_.bleed(*node, request, task->callback());
  } else if (line.command->id == CommandId::maintain) {
    control_.maintain(*node, force, {client.author()}, task->callback(), applies_to);
  } else {
    control_.activate(*node, {client.author()}, task->callback(), applies_to);
  }
  return task;
}

Commands::PendingCommandPtr Commands::switch_group(const CommandLine& line, CommandClient& client) {
  SwitchRequest request{line.duration("deadline"), line.text("reason")};
  request.by = client.author();
  if (line.has("force")) request.force = Force::yes;
  if (line.has("local")) request.applies_to = AppliesTo::this_member;
  if (line.has("cut")) request.remaining = Remaining::moved;
  if (line.has("cut") && request.deadline) {
    client.refuse({ErrorCode::invalid, "--cut moves all sessions now: it takes no --deadline"});
    return nullptr;
  }
  const std::string& pool = line.positionals.front();
  const Roll* const roll = rolls_.find(pool);
  if (roll != nullptr && roll->holder && request.force == Force::no) {
    client.refuse({ErrorCode::conflict,
                   pool + " is being rolled by " + roll->holder->by + "; --force overrides"});
    return nullptr;
  }
  auto task = std::make_unique<ChangeTask>(client, line.format);
  control_.switch_group(pool, line.positionals[1], request, task->callback());
  return task;
}

void Commands::show_members(const CommandLine& line, CommandClient& client) {
  auto cluster = control_.cluster_status();
  if (!cluster) {
    return client.refuse(
        {ErrorCode::not_found, "this proxy is alone: its config has no [cluster]"});
  }
  client.respond(MembersAnswer{std::move(*cluster), clock_.wall()}, line.format);
}

void Commands::forget_member(const CommandLine& line, CommandClient& client) {
  const std::string& name = line.positionals[1];
  if (line.positionals[0] != "forget") {
    return client.refuse({ErrorCode::invalid, "'member " + printable(line.positionals[0]) +
                                                  "' is not known; expected 'member forget'"});
  }
  if (!line.has("ended")) {
    return client.refuse(
        {ErrorCode::invalid,
         "a member that still runs may have users on any node, whom nobody would count any more: "
         "make sure that its process has ended, and say so with --ended"});
  }
  respond_done(control_.forget_member(name, client.author()), name + " is forgotten", line, client);
}

void Commands::respond_done(const Result<Done, CommandError>& done, std::string text,
                            const CommandLine& line, CommandClient& client) {
  if (!done) return client.refuse(done.error());
  client.respond(MessageAnswer{std::move(text)}, line.format);
}

Commands::PendingCommandPtr Commands::reopen(const CommandLine& line, CommandClient& client) {
  auto task = std::make_unique<ChangeTask>(client, line.format);
  reopen_log_(task->callback());
  return task;
}

Commands::PendingCommandPtr Commands::wait(const CommandLine& line, CommandClient& client) {
  auto node = node_of(line, client);
  if (!node) return nullptr;
  const Awaited awaited = line.has("healthy") ? Awaited::healthy : Awaited::dry;
  return std::make_unique<WaitTask>(control_, client, std::move(*node), awaited,
                                    line.duration("timeout"), line.format);
}

Commands::PendingCommandPtr Commands::pass(const CommandLine& line, CommandClient& client) {
  const auto node = node_of(line, client);
  if (!node) return nullptr;
  if (line.has("revoke")) {
    if (line.has("ttl") || line.has("header")) {
      client.refuse({ErrorCode::invalid, "--revoke makes no pass: it takes no other option"});
      return nullptr;
    }
    auto task = std::make_unique<ChangeTask>(client, line.format);
    control_.revoke_passes(*node, client.author(), task->callback());
    return task;
  }
  const Millis ttl = line.duration("ttl").value_or(session::kDefaultPassTtl);
  const auto pass = control_.issue_pass(*node, ttl, client.author());
  if (!pass) {
    client.refuse(pass.error());
    return nullptr;
  }
  const PassForm form = line.has("header") ? PassForm::header : PassForm::url;
  client.respond(PassAnswer{*pass, form}, line.format);
  return nullptr;
}

std::optional<balancer::NodeId> Commands::node_of(const CommandLine& line,
                                                  CommandClient& client) const {
  auto node = control_.resolve_node(line.positionals.front());
  if (node) return std::move(*node);
  client.refuse(node.error());
  return std::nullopt;
}

}  // namespace bonedry::admin
