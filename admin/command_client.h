#pragma once

#include "admin/access/rights.h"
#include "admin/access/tokens.h"
#include "admin/command_result.h"
#include "admin/render_text.h"
#include "proxy/base/clock.h"

#include <string>
#include <string_view>
#include <utility>

namespace bonedry::admin {

/// The sender of a command, and the way to respond to it. Implemented by each transport of the
/// admin interface.
class CommandClient {
 public:
  virtual ~CommandClient() = default;
  /// Who is at the other end, for the rights of those who show no token.
  [[nodiscard]] virtual access::Peer peer() const = 0;
  /// The user at the other end: "root", or "uid 1234" when there is no name.
  [[nodiscard]] virtual std::string user_name() const = 0;
  /// Whom to record for a change: the user, and the token if there is one.
  [[nodiscard]] std::string author() const { return rights_.author(user_name()); }
  /// Sets what the client may do from now on; nothing before.
  void grant(access::Rights rights) { rights_ = std::move(rights); }
  [[nodiscard]] const access::Rights& rights() const { return rights_; }
  /// Adds whole lines to the response. Never calls back into the task.
  virtual void write(std::string_view lines) = 0;
  /// The response is complete. The task may still exist afterwards, but writes nothing more.
  virtual void finish() = 0;
  /// Calls the task's `on_sent` when all that was written has been sent, never from inside this
  /// call. Until then the task writes nothing more.
  virtual void call_when_sent() = 0;
  /// Calls the task's `on_line` with the next line of the client, never from inside this call. If
  /// none comes within `time_limit`, the connection is closed.
  virtual void read_line(Millis time_limit) = 0;

 private:
  access::Rights rights_;
};

/// The whole response.
inline void respond(CommandClient& client, std::string_view lines) {
  client.write(lines);
  client.finish();
}

/// On the socket an error is a line of text in both formats.
inline void refuse(CommandClient& client, const CommandError& error) {
  respond(client, render_text(error));
}

}  // namespace bonedry::admin
