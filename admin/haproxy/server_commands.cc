#include "admin/haproxy/server_commands.h"

#include "conf/config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace bonedry::admin::haproxy {
namespace {

using balancer::NodeState;

std::string_view argument(Arguments arguments, std::size_t index) {
  return index < arguments.size() ? std::string_view(arguments[index]) : "";
}

Arguments without_first(Arguments arguments) {
  return arguments.empty() ? arguments : arguments.subspan(1);
}

Reply get_weight(const NodeStatus& node) {
  const std::string weight = std::to_string(node.weight);
  return data(weight + " (initial " + weight + ")\n");
}

/// The weight is the config's. What it already is can be set.
Reply set_weight(const NodeStatus& node, std::string_view wanted) {
  constexpr std::int64_t kMaxWeight = 256;  // HAProxy's
  if (wanted.empty()) return error("Require <weight> or <weight%>.");
  const bool relative = wanted.ends_with('%');
  const auto number = parse_number(relative ? wanted.substr(0, wanted.size() - 1) : wanted);
  if (!number) return error("'" + std::string(wanted) + "' is not a weight.");
  if (relative && *number < 0) return error("Relative weight must be positive.");
  if (*number == (relative ? 100 : static_cast<std::int64_t>(node.weight))) return done();
  if (!relative && (*number < 0 || *number > kMaxWeight)) {
    return error("Absolute weight can only be between 0 and 256 inclusive.");
  }
  return error("The weight of " + node.pool + "/" + node.name + " is " +
               std::to_string(node.weight) +
               ", as in the config file, and cannot be changed at run time. To send no new users "
               "to it, use 'set server " +
               node.pool + "/" + node.name + " state drain'.");
}

/// `set server … addr IP [port PORT]`
Reply set_address(const NodeStatus& node, Arguments arguments) {
  if (arguments.empty()) {
    return error("set server <b>/<s> addr requires an address and optionally a port.");
  }
  const auto now = conf::parse_address(node.address).value_or(conf::Address{});
  const bool same_port =
      argument(arguments, 1) != "port" || parse_number(argument(arguments, 2)) == now.port;
  if (arguments.front() == now.host && same_port) return info("no need to change the addr");
  return error("The address of " + node.pool + "/" + node.name + " is " + node.address +
               "; change it in the config file, then reload.");
}

Reply set_health(Arguments arguments) {
  constexpr std::array<std::string_view, 3> kStates{"up", "stopping", "down"};
  if (std::ranges::find(kStates, argument(arguments, 0)) == kStates.end()) {
    return error("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
  }
  return error("Health is what checks measure, and cannot be set.");
}

Reply enable_health(PoolChecks checks) {
  if (checks == PoolChecks::active) return done();
  return error("Health check was not configured on this server, cannot enable.");
}

Reply disable_health(PoolChecks checks) {
  if (checks == PoolChecks::none) return done();
  return error("Health checks cannot be disabled at run time.");
}

/// Only maintenance ends what is on a node: its users are moved, and its WebSockets are closed.
Reply shutdown_sessions(const NodeStatus& node) {
  const std::string name = node.pool + "/" + node.name;
  if (node.state != NodeState::maintenance) {
    return error("Sessions are not shut down while users are on " + name +
                 "; 'disable server' moves them and closes their WebSockets.");
  }
  if (node.exchanges_open == 0) return done();
  return error(std::to_string(node.exchanges_open) + " requests are still open on " + name +
               "; they are not cut off.");
}

Reply reply_to(const Result<ChangeResult, CommandError>& result) {
  if (result) return done();
  const CommandError& why = result.error();
  const bool can_be_forced =
      why.code == ErrorCode::guard_refused || why.code == ErrorCode::not_ready;
  return error(why.text + (can_be_forced ? " (with bonedryctl)" : ""));
}

}  // namespace

void ServerCommands::run(const Command& command, Arguments arguments, const std::string& user,
                         const ReplyCallback& done) {
  const auto server = find(arguments);
  if (!server) return done(error(server.error()));
  const NodeStatus& node = server->node;
  switch (command.id) {
    case CommandId::get_weight:
      return done(get_weight(node));
    case CommandId::set_weight:
      return done(set_weight(node, argument(arguments, 1)));
    case CommandId::set_server:
      return set(*server, without_first(arguments), user, done);
    case CommandId::enable_server:
      return set_state(*server, NodeState::active, {user, "HAProxy: enable server"}, done);
    case CommandId::disable_server:
      return set_state(*server, NodeState::maintenance, {user, "HAProxy: disable server"}, done);
    case CommandId::enable_health:
      return done(enable_health(server->checks));
    case CommandId::disable_health:
      return done(disable_health(server->checks));
    case CommandId::enable_agent:
      return done(error("Agent was not configured on this server, cannot enable."));
    case CommandId::disable_agent:
      return done(haproxy::done());
    case CommandId::shutdown_sessions:
      return done(shutdown_sessions(node));
    default:
      return done(error(unknown_command({std::string(command.name)})));
  }
}

Result<ServerCommands::Server> ServerCommands::find(Arguments arguments) const {
  const auto id = balancer::NodeId::parse(argument(arguments, 0));
  if (!id) return Failure{std::string("Require 'backend/server'.")};
  const auto status = control_.status(id->pool);
  if (!status) return Failure{std::string("No such backend.")};
  const PoolStatus& pool = status->pools.front();
  const auto node = std::ranges::find(pool.nodes, id->name, &NodeStatus::name);
  if (node == pool.nodes.end()) return Failure{std::string("No such server.")};
  return Server{pool.checks, *node};
}

void ServerCommands::set(const Server& server, Arguments arguments, const std::string& user,
                         const ReplyCallback& done) {
  const std::string_view what = argument(arguments, 0);
  const std::string_view value = argument(arguments, 1);
  if (what == "state") {
    const Author author{user, "HAProxy: set server state " + std::string(value)};
    if (value == "ready") return set_state(server, NodeState::active, author, done);
    if (value == "drain") return set_state(server, NodeState::bleeding, author, done);
    if (value == "maint") return set_state(server, NodeState::maintenance, author, done);
    return done(error("'set server <srv> state' expects 'ready', 'drain' and 'maint'."));
  }
  if (what == "weight") return done(set_weight(server.node, value));
  if (what == "addr") return done(set_address(server.node, without_first(arguments)));
  if (what == "health") return done(set_health(without_first(arguments)));
  constexpr std::array<std::string_view, 8> kConfigured{
      "agent", "agent-addr", "agent-port", "agent-send", "check-addr", "check-port", "fqdn", "ssl"};
  if (std::ranges::find(kConfigured, what) != kConfigured.end()) {
    return done(error("'" + std::string(what) + "' cannot be changed at run time."));
  }
  done(error("usage: set server <backend>/<server> addr | health | state | weight"));
}

/// A node whose users have left is taken out as by `maintain`: nothing is forced. Any other node is
/// taken out at once, as HAProxy does it, and its users are moved.
void ServerCommands::set_state(const Server& server, NodeState state, Author author,
                               const ReplyCallback& done) {
  const auto callback = [done](const Result<ChangeResult, CommandError>& result) {
    done(reply_to(result));
  };
  switch (state) {
    case NodeState::active:
      return control_.activate(server.id(), author, callback);
    case NodeState::maintenance:
      return control_.maintain(server.id(), server.node.dry ? Force::no : Force::yes, author,
                               callback);
    case NodeState::bleeding:
      break;
  }
  // A reason that an operator gave stays.
  const bool was_active = server.node.state == NodeState::active;
  const BleedRequest request{std::nullopt, was_active ? author.reason : "", Force::no,
                             std::move(author.by), FromMaintenance::bleed};
  control_.bleed(server.id(), request, callback);
}

}  // namespace bonedry::admin::haproxy
