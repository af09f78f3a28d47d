#include "admin/ctl/watch/watch_operator.h"

#include "admin/command_line.h"
#include "admin/command_table.h"
#include "admin/ctl/admin_request.h"
#include "admin/printable.h"

#include <algorithm>
#include <utility>

namespace bonedry::ctl {
namespace {

using Kind = Key::Kind;
using DialogStep = Dialog::Step;

/// How the proxy says that a refusal can be overridden.
constexpr std::string_view kForceHint = "; --force overrides";

std::string_view command_of(WatchAction action) {
  switch (action) {
    case WatchAction::bleed:
      return "bleed";
    case WatchAction::activate:
      return "activate";
    case WatchAction::maintain:
      return "maintain";
  }
  return "";
}

std::string line_of(const Dialog& dialog) {
  std::string line = std::string(command_of(dialog.action)) + " " + admin::quote_word(dialog.key);
  if (!dialog.deadline.empty()) line += " --deadline " + dialog.deadline;
  if (!dialog.reason.empty()) line += " --reason " + admin::quote_word(dialog.reason);
  return line + (dialog.step == DialogStep::confirm_force ? " --force" : "");
}

/// What is wrong with a value that was entered; empty: nothing.
std::string wrong_with(std::string_view option, const std::string& value) {
  if (value.empty()) return "";
  return admin::value_error(*admin::find_command("bleed")->find_option(option), value);
}

bool is(const Key& key, char character) {
  return key.kind == Kind::character && key.text.size() == 1 && key.text.front() == character;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(admin::printable(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The last character is one to four bytes.
void drop_last_character(std::string& text) {
  while (!text.empty() && (static_cast<std::uint8_t>(text.back()) & 0xc0U) == 0x80U) {
    text.pop_back();
  }
  if (!text.empty()) text.pop_back();
}

}  // namespace

const WatchedNode* selected_node(const WatchedStatus& status, const WatchState& state) {
  const WatchedNode* const found = status.find(state.selected);
  if (found != nullptr) return found;
  const auto nodes = status.nodes();
  return nodes.empty() ? nullptr : nodes.front();
}

WatchOperator::Step WatchOperator::on_key(const Key& key, const WatchedStatus& status,
                                          std::size_t rows) {
  if (auto* const dialog = std::get_if<Dialog>(&state_.open)) return on_dialog_key(key, *dialog);
  if (auto* const pane = std::get_if<Pane>(&state_.open)) {
    on_pane_key(key, *pane, rows);
    return {};
  }
  return on_node_key(key, status, rows);
}

WatchOperator::Step WatchOperator::on_node_key(const Key& key, const WatchedStatus& status,
                                               std::size_t rows) {
  const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(rows / 2, 1));
  const auto all = static_cast<std::ptrdiff_t>(status.nodes().size());
  if (is(key, 'q')) return {Wish::quit};
  if (is(key, '?')) state_.open = Pane{"Keys", watch_help()};
  if (key.kind == Kind::up || is(key, 'k')) select(status, -1);
  if (key.kind == Kind::down || is(key, 'j')) select(status, 1);
  if (key.kind == Kind::page_up) select(status, -page);
  if (key.kind == Kind::page_down) select(status, page);
  if (key.kind == Kind::first) select(status, -all);
  if (key.kind == Kind::last) select(status, all);
  if (key.kind == Kind::escape) state_.notice.reset();
  const WatchedNode* const node = selected_node(status, state_);
  if (node == nullptr || command_ == Under::way) return {};
  if (is(key, 'b')) return begin(WatchAction::bleed, *node);
  if (is(key, 'a')) return begin(WatchAction::activate, *node);
  if (is(key, 'm')) return begin(WatchAction::maintain, *node);
  if (is(key, 's')) return ask("sessions", *node);
  if (is(key, 'w')) return ask("why", *node);
  return {};
}

void WatchOperator::select(const WatchedStatus& status, std::ptrdiff_t by) {
  const auto nodes = status.nodes();
  if (nodes.empty()) return;
  const auto now = std::ranges::find(nodes, selected_node(status, state_)) - nodes.begin();
  const auto last = static_cast<std::ptrdiff_t>(nodes.size()) - 1;
  state_.selected =
      nodes[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(now + by, 0, last))]->key;
}

WatchOperator::Step WatchOperator::begin(WatchAction action, const WatchedNode& node) {
  state_.notice.reset();
  state_.selected = node.key;  // a node that appears before it does not change what is meant
  state_.open = Dialog{
      action, action == WatchAction::bleed ? DialogStep::reason : DialogStep::confirm, node.key};
  return {};
}

WatchOperator::Step WatchOperator::ask(std::string_view command, const WatchedNode& node) {
  pane_title_ = std::string(command) + " " + node.title;
  return send(std::string(command) + " " + admin::quote_word(node.key));
}

WatchOperator::Step WatchOperator::send(std::string line) {
  command_ = Under::way;
  return {Wish::send, std::move(line)};
}

WatchOperator::Step WatchOperator::on_dialog_key(const Key& key, Dialog& dialog) {
  if (key.kind == Kind::escape) {
    state_.open = {};  // a response that is still to come becomes a notice
    return {};
  }
  switch (dialog.step) {
    case DialogStep::reason:
    case DialogStep::deadline:
      if (key.kind == Kind::enter) return on_entered(dialog);
      enter(key, dialog);
      return {};
    case DialogStep::confirm:
    case DialogStep::confirm_force: {
      if (is(key, 'n')) state_.open = {};
      if (!is(key, 'y')) return {};
      std::string line = line_of(dialog);
      dialog.step = DialogStep::sent;
      return send(std::move(line));
    }
    case DialogStep::refused:
      if (is(key, 'n')) state_.open = {};
      if (is(key, 'f')) dialog.step = DialogStep::confirm_force;
      return {};
    case DialogStep::sent:
      return {};
  }
  return {};
}

void WatchOperator::enter(const Key& key, Dialog& dialog) const {
  if (key.kind == Kind::clear) dialog.input.clear();
  if (key.kind == Kind::backspace) drop_last_character(dialog.input);
  const bool fits = dialog.input.size() + key.text.size() <= admin::kMaxTextBytes;
  if (key.kind == Kind::character && fits) dialog.input += key.text;
  dialog.wrong.clear();
}

/// A reason or a deadline is complete.
WatchOperator::Step WatchOperator::on_entered(Dialog& dialog) {
  const bool reason = dialog.step == DialogStep::reason;
  dialog.wrong = wrong_with(reason ? "reason" : "deadline", dialog.input);
  if (!dialog.wrong.empty()) return {};
  (reason ? dialog.reason : dialog.deadline) = std::exchange(dialog.input, {});
  dialog.step = reason ? DialogStep::deadline : DialogStep::confirm;
  return {};
}

void WatchOperator::on_pane_key(const Key& key, Pane& pane, std::size_t rows) {
  const std::size_t page = std::max<std::size_t>(rows / 2, 1);
  const std::size_t last = pane.lines.empty() ? 0 : pane.lines.size() - 1;
  const auto back = [&pane](std::size_t by) { pane.first -= std::min(by, pane.first); };
  if (key.kind == Kind::up || is(key, 'k')) back(1);
  if (key.kind == Kind::page_up) back(page);
  if (key.kind == Kind::first) pane.first = 0;
  if (key.kind == Kind::down || is(key, 'j')) pane.first += 1;
  if (key.kind == Kind::page_down || is(key, ' ')) pane.first += page;
  if (key.kind == Kind::last) pane.first = last;
  pane.first = std::min(pane.first, last);
  if (is(key, 'q') || key.kind == Kind::escape || key.kind == Kind::enter) state_.open = {};
}

void WatchOperator::on_response(std::string_view response) {
  command_ = Under::nothing;
  const bool error = is_error(response);
  auto* const dialog = std::get_if<Dialog>(&state_.open);
  const bool waits = dialog != nullptr && dialog->step == DialogStep::sent;
  if (const auto title = std::exchange(pane_title_, std::nullopt); title && !error) {
    if (dialog == nullptr) state_.open = Pane{*title, lines_of(response)};
    return;
  }
  std::string text = error_text(response);
  const std::size_t hint = text.rfind(kForceHint);
  if (error && waits && hint != std::string::npos) {
    dialog->refusal = text.substr(0, hint);
    dialog->step = DialogStep::refused;
    return;
  }
  finish({error ? Notice::Kind::failed : Notice::Kind::done, std::move(text)});
}

void WatchOperator::on_lost(std::string_view why) {
  command_ = Under::nothing;
  pane_title_.reset();
  finish({Notice::Kind::failed, admin::printable(why)});
}

void WatchOperator::finish(Notice notice) {
  state_.notice = std::move(notice);
  const auto* const dialog = std::get_if<Dialog>(&state_.open);
  if (dialog != nullptr && dialog->step == DialogStep::sent) state_.open = {};
}

std::vector<std::string> watch_help() {
  return {"up, down, k, j   select a node; page up and down, home and end as well",
          "b                bleed the node: no new users; those who are there stay",
          "a                activate the node: it gets new users again",
          "m                put the node in maintenance: out of rotation",
          "s                its sessions: who is left",
          "w                why: what it is doing, and what keeps it from being dry",
          "?                this page",
          "q                quit; what bleeds goes on bleeding",
          "",
          "Changes ask for a confirmation. Esc leaves every question.",
          "",
          "A node has three facts. Its state is what you want of it: active, bleeding, or in",
          "maintenance. Its health is what was measured. It is dry when nobody is on it and",
          "nobody will come back to it.",
          "",
          "USERS LEFT is the number of users from the beginning of the bleed until now.",
          "PEND are sessions whose cookie has not come back yet."};
}

}  // namespace bonedry::ctl
