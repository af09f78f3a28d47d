#pragma once

#include "admin/command_result.h"
#include "admin/render_text.h"
#include "proxy/base/clock.h"

#include <string>
#include <string_view>

namespace bonedry::admin {

/// The sender of a command, and the way to respond to it. Implemented by each transport of the
/// admin interface.
class CommandClient {
 public:
  virtual ~CommandClient() = default;
  /// The user to record for the change: "root", or "uid 1234" when there is no name.
  [[nodiscard]] virtual std::string user_name() const = 0;
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
