#pragma once

#include "admin/control_plane.h"
#include "admin/haproxy/command_table.h"
#include "admin/haproxy/reply.h"
#include "admin/haproxy/session_settings.h"
#include "admin/status.h"
#include "balancer/node.h"
#include "proxy/base/result.h"

#include <functional>
#include <string>

namespace bonedry::admin::haproxy {

/// Receives the reply to a command, once.
using ReplyCallback = std::function<void(const Reply&)>;

/// HAProxy's commands about one server, which is a node: `drain` is a bleed, `maint` is
/// maintenance, `ready` activates. Owned by RuntimeCommands, main thread only.
class ServerCommands {
 public:
  /// `control` must outlive this.
  explicit ServerCommands(ControlPlane& control) : control_(control) {}

  /// `arguments`: the server, and what comes after it. `user` is recorded for changes. `done` is
  /// called from inside this call, or later if workers have to acknowledge a change, which cannot
  /// be cancelled.
  void run(const Command& command, Arguments arguments, const std::string& user,
           const ReplyCallback& done);

 private:
  /// A node as it is now.
  struct Server {
    PoolChecks checks = PoolChecks::none;
    NodeStatus node;

    [[nodiscard]] balancer::NodeId id() const { return {node.pool, node.name}; }
  };

  /// The error is in HAProxy's words.
  [[nodiscard]] Result<Server> find(Arguments arguments) const;
  /// `set server`, with what comes after the server.
  void set(const Server& server, Arguments arguments, const std::string& user,
           const ReplyCallback& done);
  void set_state(const Server& server, balancer::NodeState state, Author author,
                 const ReplyCallback& done);

  ControlPlane& control_;
};

}  // namespace bonedry::admin::haproxy
