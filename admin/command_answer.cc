#include "admin/command_answer.h"

#include "admin/render_cluster.h"
#include "admin/render_json.h"
#include "admin/roll/render_roll.h"

namespace bonedry::admin {
namespace {

/// One overload for each kind of answer.
struct ToText {
  std::string operator()(const StatusAnswer& answer) const {
    return render_text(answer.status, answer.now, answer.width);
  }
  std::string operator()(const SessionsAnswer& answer) const {
    return render_text(answer.node, answer.page, answer.now);
  }
  std::string operator()(const ExplanationAnswer& answer) const {
    return render_text(answer.lines);
  }
  std::string operator()(const EventsAnswer& answer) const {
    std::string text;
    for (const Event& event : answer.events) text += render_text(event);
    return text;
  }
  std::string operator()(const Event& event) const { return render_text(event); }
  std::string operator()(const WaitResult& result) const { return render_text(result); }
  std::string operator()(const ChangeResult& result) const { return render_text(result); }
  std::string operator()(const PassAnswer& answer) const {
    return render_text(answer.pass, answer.form);
  }
  std::string operator()(const RollAnswer& answer) const {
    return render_text(answer.roll, answer.now);
  }
  std::string operator()(const MembersAnswer& answer) const {
    return members_text(answer.cluster, answer.now);
  }
  std::string operator()(const HelpAnswer& answer) const {
    return answer.command == nullptr ? help_overview() : help_page(*answer.command);
  }
  std::string operator()(const MessageAnswer& answer) const { return answer.text + "\n"; }
};

struct ToJson {
  std::string operator()(const StatusAnswer& answer) const { return render_json(answer.status); }
  std::string operator()(const SessionsAnswer& answer) const {
    return render_json(answer.node, answer.page, answer.now);
  }
  std::string operator()(const ExplanationAnswer& answer) const {
    return render_json(answer.node, answer.lines);
  }
  std::string operator()(const EventsAnswer& answer) const { return render_json(answer.events); }
  std::string operator()(const Event& event) const { return render_json(event); }
  std::string operator()(const WaitResult& result) const { return render_json(result); }
  std::string operator()(const ChangeResult& result) const { return render_json(result); }
  std::string operator()(const PassAnswer& answer) const { return render_json(answer.pass); }
  std::string operator()(const RollAnswer& answer) const { return render_json(answer.roll); }
  std::string operator()(const MembersAnswer& answer) const { return members_json(answer.cluster); }
  std::string operator()(const HelpAnswer& answer) const {
    return render_json(answer.command == nullptr ? command_table() : std::span(answer.command, 1));
  }
  std::string operator()(const MessageAnswer& answer) const {
    return render_json(std::string_view(answer.text));
  }
};

}  // namespace

std::string render_text(const CommandAnswer& answer) {
  return std::visit(ToText{}, answer);
}

std::string render_json(const CommandAnswer& answer) {
  return std::visit(ToJson{}, answer);
}

}  // namespace bonedry::admin
