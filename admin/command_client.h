#pragma once

#include "admin/access/rights.h"
#include "admin/access/tokens.h"
#include "admin/command_answer.h"
#include "admin/command_line.h"
#include "admin/command_result.h"
#include "proxy/base/clock.h"

#include <string>
#include <string_view>
#include <utility>

namespace bonedry::admin {

/// The sender of a command, and the way to respond to it. Implemented by each door of the admin
/// interface.
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

  /// Adds to the response; more may follow. Never calls back into the task. `format`: as the
  /// command asked for; a door that has only one ignores it.
  virtual void add(const CommandAnswer& answer, Format format) = 0;
  /// The response ends with this error.
  virtual void refuse(const CommandError& error) = 0;
  /// The response is complete. The task may still exist afterwards, but adds nothing more.
  virtual void finish() = 0;

  /// The whole response.
  void respond(const CommandAnswer& answer, Format format) {
    add(answer, format);
    finish();
  }

 private:
  access::Rights rights_;
};

/// A client whose commands and responses are lines of text.
class LineClient : public CommandClient {
 public:
  void add(const CommandAnswer& answer, Format format) override { write(render(answer, format)); }
  /// An error is a line of text in both formats.
  void refuse(const CommandError& error) override { write_all(render_text(error)); }

  /// Adds whole lines to the response. Never calls back into the task.
  virtual void write(std::string_view lines) = 0;
  /// The whole response.
  void write_all(std::string_view lines) {
    write(lines);
    finish();
  }
  /// Calls the task's `on_sent` when all that was written has been sent, never from inside this
  /// call. Until then the task writes nothing more.
  virtual void call_when_sent() = 0;
  /// Calls the task's `on_line` with the next line of the client, never from inside this call. If
  /// none comes within `time_limit`, the connection is closed.
  virtual void read_line(Millis time_limit) = 0;
};

}  // namespace bonedry::admin
