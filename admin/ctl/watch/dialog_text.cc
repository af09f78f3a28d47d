#include "admin/ctl/watch/dialog_text.h"

#include "admin/printable.h"

namespace bonedry::ctl {
namespace {

using Step = Dialog::Step;

std::string users_of(const WatchedNode& node) {
  return std::to_string(node.users()) + (node.users() == 1 ? " user" : " users");
}

std::string bleed_means(const Dialog& dialog, const WatchedNode& node) {
  const std::string stay = node.users() == 0 ? "Nobody is on it now."
                           : node.users() == 1
                               ? "Its 1 user stays until he leaves."
                               : "Its " + users_of(node) + " stay until they leave.";
  std::string text = "It gets no new users. " + stay;
  if (!dialog.deadline.empty()) {
    text += " After " + dialog.deadline + " those who are left are moved to other nodes.";
  }
  return text;
}

std::string maintain_means(const Dialog& dialog, const WatchedNode& node) {
  if (node.dry) return "It is dry: nobody is on it, and nobody will come to it.";
  if (dialog.step == Step::confirm_force) {
    return "It is not dry: its " + users_of(node) +
           " are moved to other nodes at their next request, and may lose what they did.";
  }
  return "It is not dry: " + (node.blocked_by.empty() ? users_of(node) : node.blocked_by) + ".";
}

std::string activate_means(const WatchedNode& node) {
  if (node.state == WatchedState::active) return "It is active already.";
  return "It gets new users again, and its bleed ends.";
}

std::string what_it_means(const Dialog& dialog, const WatchedNode& node) {
  switch (dialog.action) {
    case WatchAction::bleed:
      return bleed_means(dialog, node);
    case WatchAction::activate:
      return activate_means(node);
    case WatchAction::maintain:
      return maintain_means(dialog, node);
  }
  return "";
}

std::string question(const Dialog& dialog, const std::string& title) {
  switch (dialog.action) {
    case WatchAction::bleed:
      return "Bleed " + title + "?";
    case WatchAction::activate:
      return "Activate " + title + "?";
    case WatchAction::maintain:
      return "Put " + title + " in maintenance?";
  }
  return "";
}

}  // namespace

DialogText dialog_text(const Dialog& dialog, const WatchedNode* node) {
  const std::string title = admin::printable(dialog.key);
  if (node == nullptr) {
    return {{{title + " is gone from the config.", Style::bad}}, "", {"Esc back"}};
  }
  DialogText made;
  made.paragraphs.push_back({question(dialog, title), Style::strong});
  if (!dialog.wrong.empty()) {
    made.paragraphs.push_back({admin::printable(dialog.wrong), Style::bad});
  }
  switch (dialog.step) {
    case Step::reason:
      made.prompt = "Reason (may be empty): ";
      made.keys = {"Enter next", "Esc leave it"};
      break;
    case Step::deadline:
      made.prompt = "Move the users who are left after (30m, 2h; empty: never): ";
      made.keys = {"Enter next", "Esc leave it"};
      break;
    case Step::confirm:
      made.paragraphs.push_back({what_it_means(dialog, *node)});
      if (!dialog.reason.empty()) {
        made.paragraphs.push_back({"Reason: " + admin::printable(dialog.reason)});
      }
      made.keys = {"y yes", "n no"};
      break;
    case Step::sent:
      made.paragraphs.push_back({"Waiting for bonedry."});
      made.keys = {"Esc back"};
      break;
    case Step::refused:
      made.paragraphs.push_back({"bonedry refuses: " + dialog.refusal, Style::bad});
      made.keys = {"f force it", "n leave it"};
      break;
    case Step::confirm_force:
      made.paragraphs.push_back({"By force, against this: " + dialog.refusal, Style::bad});
      made.paragraphs.push_back(
          {what_it_means(dialog, *node) + " The events record that it was forced."});
      made.keys = {"y yes, force it", "n no"};
      break;
  }
  return made;
}

}  // namespace bonedry::ctl
