#pragma once

#include "admin/ctl/watch/key.h"
#include "admin/ctl/watch/watch_status.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bonedry::ctl {

enum class WatchAction : std::uint8_t { bleed, activate, maintain };

/// A change that the operator has asked for, and how far it is.
struct Dialog {
  enum class Step : std::uint8_t {
    reason,         ///< is entered
    deadline,       ///< is entered
    confirm,        ///< yes or no
    sent,           ///< no response yet
    refused,        ///< bonedry refuses, and could be forced
    confirm_force,  ///< yes or no
  };
  WatchAction action = WatchAction::bleed;
  Step step = Step::confirm;
  std::string key;         ///< the node
  std::string input = {};  ///< what is being entered
  std::string reason = {};
  std::string deadline = {};
  std::string wrong = {};    ///< why what was entered is not taken
  std::string refusal = {};  ///< printable
};

/// A text in place of the nodes, to read and to close.
struct Pane {
  std::string title;
  std::vector<std::string> lines;  ///< printable
  std::size_t first = 0;           ///< the first line that is shown
};

/// How the last change ended.
struct Notice {
  enum class Kind : std::uint8_t { done, failed } kind = Kind::done;
  std::string text;  ///< printable
};

/// What the operator of `watch` sees beside the figures.
struct WatchState {
  std::string selected;  ///< key of a node; empty: the first one
  std::variant<std::monostate, Dialog, Pane> open = {};
  std::optional<Notice> notice = {};
};

/// The node that is selected, or the first one if that is gone; null: there is none.
[[nodiscard]] const WatchedNode* selected_node(const WatchedStatus& status,
                                               const WatchState& state);

/// Makes of keys what the operator wants, and commands for the proxy. Owned by Watch; no I/O.
class WatchOperator {
 public:
  [[nodiscard]] const WatchState& state() const { return state_; }

  enum class Wish : std::uint8_t { nothing, quit, send };
  struct Step {
    Wish wish = Wish::nothing;
    std::string line = {};  ///< the command to send
  };
  /// `rows`: of the screen. A command is only wanted when none is under way.
  [[nodiscard]] Step on_key(const Key& key, const WatchedStatus& status, std::size_t rows);

  /// The response to the last command, which may be an error of the proxy.
  void on_response(std::string_view response);
  /// There will be none.
  void on_lost(std::string_view why);

 private:
  [[nodiscard]] Step on_node_key(const Key& key, const WatchedStatus& status, std::size_t rows);
  [[nodiscard]] Step on_dialog_key(const Key& key, Dialog& dialog);
  [[nodiscard]] Step on_entered(Dialog& dialog);
  void on_pane_key(const Key& key, Pane& pane, std::size_t rows);
  void enter(const Key& key, Dialog& dialog) const;
  void select(const WatchedStatus& status, std::ptrdiff_t by);
  [[nodiscard]] Step begin(WatchAction action, const WatchedNode& node);
  [[nodiscard]] Step ask(std::string_view command, const WatchedNode& node);
  [[nodiscard]] Step send(std::string line);
  void finish(Notice notice);

  WatchState state_;
  std::optional<std::string> pane_title_;  // of the text that was asked for
  enum class Under : std::uint8_t { nothing, way } command_ = Under::nothing;
};

/// The words of the help.
[[nodiscard]] std::vector<std::string> watch_help();

}  // namespace bonedry::ctl
