#include "admin/commands.h"

#include "admin/haproxy_words.h"
#include "admin/printable.h"
#include "admin/render_json.h"
#include "admin/render_text.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace bonedry::admin {
namespace {

/// Rows of `sessions` without --limit: a few screens.
constexpr std::size_t kDefaultSessions = 100;
/// The last session that a page may reach: twice so many are in memory, 16 MB, until the answer.
constexpr std::size_t kMostSessions = 100'000;

Result<session::SessionQuery, CommandError> session_query(const CommandLine& line) {
  session::SessionQuery query;
  const std::string order = line.text("sort");
  if (order == "age") query.order = session::SessionOrder::age;
  if (order == "exchanges") query.order = session::SessionOrder::exchanges;
  query.limit = line.count("limit").value_or(kDefaultSessions);
  const std::size_t page = line.count("page").value_or(1);
  query.offset = (page - 1) * query.limit;
  if (page * query.limit <= kMostSessions) return query;
  return fail(ErrorCode::invalid,
              "page " + std::to_string(page) + " of " + std::to_string(query.limit) +
                  " sessions each reaches beyond the first " + std::to_string(kMostSessions) +
                  ", which are all that can be listed; another --sort has others first");
}

void answer(Asker& asker, std::string_view lines) {
  asker.say(lines);
  asker.finish();
}

/// On the socket an error is a line of text in either format.
void refuse(Asker& asker, const CommandError& error) {
  answer(asker, render_text(error));
}

/// A node as it is now; one without figures when it is gone.
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

/// Waits for the answer to a change.
class ChangeTask final : public Task {
 public:
  ChangeTask(Asker& asker, Format format) : asker_(asker), format_(format) {}

  /// What the control plane calls. It cannot take the call back, so this finds out by itself
  /// whether the task still exists.
  Answer answerer() {
    return [task = std::weak_ptr(self_)](const Result<ChangeResult, CommandError>& result) {
      if (const auto alive = task.lock()) (*alive)->on_answer(result);
    };
  }

 private:
  void on_answer(const Result<ChangeResult, CommandError>& result) {
    if (!result) return refuse(asker_, result.error());
    answer(asker_, format_ == Format::json ? render_json(*result) : render_text(*result));
  }

  Asker& asker_;
  Format format_;
  std::shared_ptr<ChangeTask*> self_ = std::make_shared<ChangeTask*>(this);
};

/// Waits until a node is dry, or cannot become so.
class WaitTask final : public Task {
 public:
  WaitTask(ControlPlane& control, Asker& asker, balancer::NodeId id, std::optional<Millis> timeout,
           Format format)
      : control_(control), asker_(asker), format_(format) {
    result_.node = std::move(id);
    result_.timeout = timeout;
    id_ = control_.wait(result_.node, timeout, [this](WaitEnd end) { on_end(end); });
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
    if (end == WaitEnd::timed_out) result_.dry_blocked_by = node.dry_blocked_by;
    if (end == WaitEnd::timed_out && node.bleeding) result_.forecast = node.bleeding->forecast;
    answer(asker_, format_ == Format::json ? render_json(result_) : render_text(result_));
  }

  ControlPlane& control_;
  Asker& asker_;
  Format format_;
  WaitResult result_;
  std::optional<ControlPlane::WaitId> id_;  ///< empty once it has ended
};

/// Makes a page of sessions, a piece each tick.
class ListTask final : public Task {
 public:
  ListTask(ControlPlane& control, Asker& asker, balancer::NodeId node,
           const session::SessionQuery& query, Format format, const Clock& clock)
      : control_(control),
        asker_(asker),
        node_(std::move(node)),
        format_(format),
        clock_(clock),
        listing_(control.list(node_, query)) {}

  ~ListTask() override {
    if (id_) control_.cancel_work(*id_);
  }

  /// Most ledgers are looked through in one piece, and answered at once.
  ControlPlane::Work begin() {
    if (go_on() == ControlPlane::Work::done) return ControlPlane::Work::done;
    id_ = control_.each_tick([this] {
      const ControlPlane::Work work = go_on();
      if (work == ControlPlane::Work::done) id_.reset();
      return work;
    });
    return ControlPlane::Work::more;
  }

 private:
  ControlPlane::Work go_on() {
    if (listing_.step() == session::SessionListing::Progress::more) return ControlPlane::Work::more;
    const session::SessionPage page = std::move(listing_).take();
    answer(asker_, format_ == Format::json ? render_json(node_, page, clock_.now())
                                           : render_text(node_, page, clock_.now()));
    return ControlPlane::Work::done;
  }

  ControlPlane& control_;
  Asker& asker_;
  balancer::NodeId node_;
  Format format_;
  const Clock& clock_;
  session::SessionListing listing_;
  std::optional<ControlPlane::WorkId> id_;  ///< empty once it is done
};

/// Passes on events until it is destroyed.
class FollowTask final : public Task {
 public:
  FollowTask(EventLog& events, Asker& asker, Format format)
      : events_(events), asker_(asker), format_(format) {
    for (const Event& event : events_.recent()) on_event(event);
    id_ = events_.follow([this](const Event& event) { on_event(event); });
  }

  ~FollowTask() override { events_.unfollow(id_); }

 private:
  void on_event(const Event& event) {
    asker_.say(format_ == Format::json ? render_json(event) : render_text(event));
  }

  EventLog& events_;
  Asker& asker_;
  Format format_;
  EventLog::FollowId id_ = 0;
};

}  // namespace

std::unique_ptr<Task> Commands::run(std::string_view line, Asker& asker) {
  try {
    const auto parsed = parse_command_line(line);
    if (parsed) return dispatch(*parsed, asker);
    answer(asker, refusal_of(line, parsed.error()));
  } catch (const std::exception& error) {
    spdlog::error("admin: '{}' failed: {}", printable(line), error.what());
    refuse(asker, {ErrorCode::failed, std::string("internal error: ") + error.what()});
  }
  return nullptr;
}

Commands::TaskPtr Commands::dispatch(const CommandLine& line, Asker& asker) {
  switch (line.command->id) {
    case CommandId::status:
      show_status(line, asker);
      return nullptr;
    case CommandId::sessions:
      return list_sessions(line, asker);
    case CommandId::bleed:
    case CommandId::maintain:
    case CommandId::activate:
    case CommandId::reload:
    case CommandId::upgrade:
      return change(line, asker);
    case CommandId::wait:
      return wait(line, asker);
    case CommandId::events:
      if (line.has("follow")) return std::make_unique<FollowTask>(events_, asker, line.format);
      show_events(line, asker);
      return nullptr;
    case CommandId::version:
      answer(asker, line.format == Format::json ? render_json("bonedry " BONEDRY_VERSION)
                                                : "bonedry " BONEDRY_VERSION "\n");
      return nullptr;
    case CommandId::help:
      show_help(line, asker);
      return nullptr;
  }
  return nullptr;
}

void Commands::show_status(const CommandLine& line, Asker& asker) {
  std::optional<std::string_view> pool;
  if (!line.positionals.empty()) pool = line.positionals.front();
  const auto status = control_.status(pool);
  if (!status) return refuse(asker, status.error());
  answer(asker,
         line.format == Format::json ? render_json(*status) : render_text(*status, clock_.wall()));
}

Commands::TaskPtr Commands::list_sessions(const CommandLine& line, Asker& asker) {
  auto node = node_of(line, asker);
  if (!node) return nullptr;
  const auto query = session_query(line);
  if (!query) {
    refuse(asker, query.error());
    return nullptr;
  }
  auto task =
      std::make_unique<ListTask>(control_, asker, std::move(*node), *query, line.format, clock_);
  if (task->begin() == ControlPlane::Work::done) return nullptr;
  return task;
}

void Commands::show_events(const CommandLine& line, Asker& asker) {
  if (line.format == Format::json) return answer(asker, render_json(events_.recent()));
  for (const Event& event : events_.recent()) asker.say(render_text(event));
  asker.finish();
}

void Commands::show_help(const CommandLine& line, Asker& asker) {
  const Command* command = nullptr;
  if (!line.positionals.empty()) {
    command = find_command(line.positionals.front());
    if (command == nullptr) {
      return refuse(asker, {ErrorCode::not_found, unknown_command(line.positionals.front())});
    }
  }
  if (line.format == Format::json) {
    return answer(asker, render_json(command == nullptr ? command_table() : std::span(command, 1)));
  }
  answer(asker, command == nullptr ? help_overview() : help_page(*command));
}

Commands::TaskPtr Commands::change(const CommandLine& line, Asker& asker) {
  auto task = std::make_unique<ChangeTask>(asker, line.format);
  if (line.command->id == CommandId::reload) {
    control_.reload(asker.name(), task->answerer());
    return task;
  }
  if (line.command->id == CommandId::upgrade) {
    control_.upgrade(asker.name(), task->answerer());
    return task;
  }
  const auto node = node_of(line, asker);
  if (!node) return nullptr;
  const Insist insist = line.has("force") ? Insist::yes : Insist::no;
  if (line.command->id == CommandId::bleed) {
    const BleedRequest request{line.duration("deadline"), line.text("reason"), insist,
                               asker.name()};
    control_.bleed(*node, request, task->answerer());
  } else if (line.command->id == CommandId::maintain) {
    control_.maintain(*node, insist, asker.name(), task->answerer());
  } else {
    control_.activate(*node, asker.name(), task->answerer());
  }
  return task;
}

Commands::TaskPtr Commands::wait(const CommandLine& line, Asker& asker) {
  auto node = node_of(line, asker);
  if (!node) return nullptr;
  return std::make_unique<WaitTask>(control_, asker, std::move(*node), line.duration("timeout"),
                                    line.format);
}

std::optional<balancer::NodeId> Commands::node_of(const CommandLine& line, Asker& asker) const {
  auto node = control_.resolve_node(line.positionals.front());
  if (node) return std::move(*node);
  refuse(asker, node.error());
  return std::nullopt;
}

}  // namespace bonedry::admin
