#pragma once

#include "admin/cluster_status.h"
#include "admin/command_line.h"
#include "admin/command_result.h"
#include "admin/command_table.h"
#include "admin/event.h"
#include "admin/render_text.h"
#include "admin/roll/roll.h"
#include "admin/status.h"
#include "admin/wait_result.h"
#include "balancer/node_id.h"
#include "proxy/base/clock.h"
#include "session/session_listing.h"

#include <cstddef>
#include <deque>
#include <string>
#include <variant>
#include <vector>

/// What commands answer, as values. Each door of the admin interface renders them in its own way.
namespace bonedry::admin {

struct StatusAnswer {
  Status status;
  WallTime now;
  std::size_t width = 0;  ///< of the terminal, for text; 0: no limit
};
struct SessionsAnswer {
  balancer::NodeId node;
  session::SessionPage page;
  Instant now;
};
/// Of `why`.
struct ExplanationAnswer {
  balancer::NodeId node;
  std::vector<std::string> lines;
};
struct EventsAnswer {
  std::deque<Event> events;
};
struct PassAnswer {
  PassResult pass;
  PassForm form = PassForm::url;  ///< for text
};
struct RollAnswer {
  Roll roll;
  WallTime now;
};
struct MembersAnswer {
  ClusterStatus cluster;
  WallTime now;
};
struct HelpAnswer {
  const Command* command = nullptr;  ///< null: all
};
/// A command that is done and has nothing more to tell.
struct MessageAnswer {
  std::string text;  ///< one line, without its end
};

/// An Event by itself is one of a stream.
using CommandAnswer =
    std::variant<StatusAnswer, SessionsAnswer, ExplanationAnswer, EventsAnswer, Event, WaitResult,
                 ChangeResult, PassAnswer, RollAnswer, MembersAnswer, HelpAnswer, MessageAnswer>;

/// Whole lines for people.
[[nodiscard]] std::string render_text(const CommandAnswer& answer);
/// One line with one JSON object.
[[nodiscard]] std::string render_json(const CommandAnswer& answer);
[[nodiscard]] inline std::string render(const CommandAnswer& answer, Format format) {
  return format == Format::json ? render_json(answer) : render_text(answer);
}

}  // namespace bonedry::admin
