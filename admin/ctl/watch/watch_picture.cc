#include "admin/ctl/watch/watch_picture.h"

#include "admin/ctl/watch/dialog_text.h"
#include "admin/ctl/watch/node_table.h"

#include <algorithm>
#include <utility>

namespace bonedry::ctl {
namespace {

using Lines = std::vector<PictureLine>;

/// Of the events, where there is room for them.
constexpr std::size_t kEventLines = 5;
/// The nodes keep at least so many lines; details and events go first.
constexpr std::size_t kLeastNodeLines = 5;

std::string plural(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// Builds one picture.
class Painter {
 public:
  Painter(const WatchView& view, ScreenSize size, Charset charset)
      : view_(view), size_(size), charset_(charset) {}

  Picture paint() {
    add(title());
    if (const auto* const pane = std::get_if<Pane>(&view_.state.open)) {
      add_pane(*pane);
    } else {
      add_nodes();
    }
    finish();
    return std::move(picture_);
  }

 private:
  void add(PictureLine line) { picture_.lines.push_back(std::move(line)); }
  void add_all(const Lines& lines) {
    for (const PictureLine& line : lines) add(line);
  }
  [[nodiscard]] std::size_t rows_left() const {
    return size_.rows - std::min(size_.rows, picture_.lines.size());
  }

  /// The first line, over the whole width.
  [[nodiscard]] PictureLine title() const {
    if (view_.stale) {
      const std::string text =
          "! figures are " + age_text(view_.stale->age) + " old, asking again: " + view_.stale->why;
      return {{in_columns(text, size_.columns, charset_), Style::bad}};
    }
    const std::string left = "bonedry watch" + (view_.heading.empty() ? "" : " " + view_.heading);
    const std::string right = rate_text(view_.status.requests_per_second) + " requests/s";
    const std::size_t used = display_width(left) + display_width(right);
    const std::string gap(used + 2 <= size_.columns ? size_.columns - used : 2, ' ');
    return {{left, Style::strong}, {gap}, {right}};
  }

  [[nodiscard]] PictureLine keys(const std::vector<std::string>& all) const {
    std::string text;
    for (const std::string& key : all) text += (text.empty() ? "" : "   ") + key;
    return {{text, Style::faint}};
  }

  [[nodiscard]] PictureLine rule(const std::string& text) const {
    const std::string dash = charset_ == Charset::utf8 ? "─" : "-";
    std::string line = dash + dash + (text.empty() ? "" : " " + text + " ");
    for (std::size_t width = display_width(line); width < size_.columns; ++width) line += dash;
    return {{line, Style::faint}};
  }

  void add_wrapped(Lines& lines, const Span& span) const {
    for (const std::string& part : wrapped_lines(span.text, size_.columns)) {
      lines.push_back({{part, span.style}});
    }
  }

  /// What is below the nodes, and the keys as the last line.
  [[nodiscard]] Lines lower_part(const WatchedNode* node) {
    const auto* const dialog = std::get_if<Dialog>(&view_.state.open);
    if (dialog != nullptr) return dialog_lines(*dialog);
    Lines lines = notice_lines();
    if (node != nullptr) {
      Lines details = detail_lines(*node);
      lines.insert(lines.end(), details.begin(), details.end());
    }
    const Lines events = event_lines();
    if (lines.size() + events.size() + kLeastNodeLines + 3 <= size_.rows) {
      lines.insert(lines.end(), events.begin(), events.end());
    }
    return lines;
  }

  [[nodiscard]] Lines notice_lines() const {
    Lines lines;
    if (!view_.state.notice) return lines;
    const bool failed = view_.state.notice->kind == Notice::Kind::failed;
    add_wrapped(lines, {(failed ? "! " : "") + view_.state.notice->text,
                        failed ? Style::bad : Style::good});
    return lines;
  }

  /// The dialog ends with the line for what is entered, if any, and the keys.
  [[nodiscard]] Lines dialog_lines(const Dialog& dialog) {
    const DialogText text = dialog_text(dialog, view_.status.find(dialog.key));
    Lines lines{rule("")};
    for (const Span& paragraph : text.paragraphs) add_wrapped(lines, paragraph);
    if (!text.prompt.empty()) {
      // The end of what is entered stays visible.
      Lines entered;
      add_wrapped(entered, {text.prompt + dialog.input + " "});
      lines.insert(lines.end(), entered.begin(), entered.end());
      const std::size_t column = display_width(entered.back().front().text);
      cursor_column_ = column > 0 ? column - 1 : 0;
      prompt_line_ = lines.size() - 1;
    }
    lines.push_back(keys(text.keys));
    return lines;
  }

  [[nodiscard]] Lines detail_lines(const WatchedNode& node) const {
    Lines lines{rule(node.title)};
    add_wrapped(lines, {state_text(node)});
    add_wrapped(lines, {figures_text(node)});
    if (node.dry) {
      add_wrapped(lines, {bone_dry_text(node), Style::good});
    } else if (node.bleed) {
      add_wrapped(lines, {"not dry: " + node.blocked_by, Style::warning});
      const auto& forecast = node.bleed->forecast;
      lines.push_back({{forecast ? admin::to_text(*forecast) : "no forecast yet"}});
    }
    return lines;
  }

  [[nodiscard]] static std::string state_text(const WatchedNode& node) {
    if (!node.bleed) return "active, health " + health_text(node);
    const WatchedBleed& bleed = *node.bleed;
    std::string text = node.state == WatchedState::bleeding ? "bleeding" : "in maintenance";
    text += " since " + bleed.since;
    if (!bleed.by.empty()) text += " by " + bleed.by;
    if (!bleed.reason.empty()) text += ", reason: " + bleed.reason;
    if (!bleed.deadline.empty()) text += ", users are moved at " + bleed.deadline;
    return text + ", health " + health_text(node);
  }

  [[nodiscard]] static std::string health_text(const WatchedNode& node) {
    switch (node.health) {
      case WatchedHealth::up:
        return "up";
      case WatchedHealth::down:
        return "down";
      case WatchedHealth::unknown:
        return "unknown";
    }
    return "";
  }

  [[nodiscard]] static std::string figures_text(const WatchedNode& node) {
    std::string text = std::to_string(node.live) + " live, " + std::to_string(node.pending) +
                       " pending; open: " + plural(node.exchanges_open, "exchange") + ", " +
                       plural(node.websockets_open, "WebSocket");
    if (node.requests_per_second) {
      text += "; " + rate_text(node.requests_per_second) + " requests/s";
    }
    if (node.last_click) text += "; last click " + age_text(node.last_click) + " ago";
    return text;
  }

  [[nodiscard]] Lines event_lines() const {
    Lines lines{rule("events")};
    const std::size_t count = std::min(view_.events.size(), kEventLines);
    for (std::size_t index = view_.events.size() - count; index < view_.events.size(); ++index) {
      lines.push_back({{in_columns(view_.events[index], size_.columns, charset_)}});
    }
    lines.resize(kEventLines + 1);  // the nodes do not jump when events come
    return lines;
  }

  void add_nodes() {
    const WatchedNode* const node = selected_node(view_.status, view_.state);
    const NodeTable table = node_table(view_.status, node, size_.columns, charset_);
    Lines lower = lower_part(node);
    const bool dialog = std::holds_alternative<Dialog>(view_.state.open);
    if (!dialog) {
      lower.push_back(
          keys({"q quit", "b bleed", "a activate", "m maintain", "s sessions", "w why", "? help"}));
    }
    add(table.heading);
    // A dialog is shown in full; the details of a node yield to the nodes.
    const std::size_t room = rows_left();
    const std::size_t nodes = std::min({table.lines.size(), kLeastNodeLines, room});
    if (!dialog) shorten(lower, room - nodes);
    if (lower.size() > room) drop_first(lower, lower.size() - room);
    add_table(table, room - lower.size());
    if (prompt_line_) {
      picture_.cursor = {cursor_column_, picture_.lines.size() + *prompt_line_};
    }
    add_all(lower);
  }

  /// The last line has the keys, and stays.
  static void shorten(Lines& lines, std::size_t size) {
    if (lines.size() <= size || lines.empty()) return;
    const PictureLine last = lines.back();
    lines.resize(std::max<std::size_t>(size, 1));
    lines.back() = last;
  }

  void drop_first(Lines& lines, std::size_t count) {
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count));
    if (!prompt_line_) return;
    if (*prompt_line_ < count) {
      prompt_line_.reset();
    } else {
      *prompt_line_ -= count;
    }
  }

  /// `room` lines of the table, with the selected node in the middle if not all fit.
  void add_table(const NodeTable& table, std::size_t room) {
    const std::size_t all = table.lines.size();
    const std::size_t most = all - std::min(all, room);
    const std::size_t first = std::min(table.selected - std::min(table.selected, room / 2), most);
    for (std::size_t line = 0; line < room; ++line) {
      const std::size_t index = first + line;
      add(index < all ? table.lines[index] : PictureLine{});
    }
  }

  void add_pane(const Pane& pane) {
    add(rule(pane.title));
    const std::size_t room = rows_left() - std::min<std::size_t>(rows_left(), 1);
    Lines lines;
    for (std::size_t index = pane.first; index < pane.lines.size() && lines.size() < room;
         ++index) {
      add_wrapped(lines, {pane.lines[index]});
    }
    lines.resize(room);
    add_all(lines);
    add(keys({"q back", "j k scroll",
              std::to_string(std::min(pane.first + 1, pane.lines.size())) + " of " +
                  plural(static_cast<std::int64_t>(pane.lines.size()), "line")}));
  }

  /// Nothing is wider or longer than the screen.
  void finish() {
    if (picture_.lines.size() > size_.rows) picture_.lines.resize(size_.rows);
    for (PictureLine& line : picture_.lines) line = fitted_line(line, size_.columns, charset_);
    if (!picture_.cursor) return;
    auto& [column, row] = *picture_.cursor;
    if (column >= size_.columns || row >= size_.rows) picture_.cursor.reset();
  }

  const WatchView& view_;
  const ScreenSize size_;
  const Charset charset_;
  Picture picture_;
  std::optional<std::size_t> prompt_line_;  // of the lower part
  std::size_t cursor_column_ = 0;
};

}  // namespace

Picture watch_picture(const WatchView& view, ScreenSize size, Charset charset) {
  return Painter(view, size, charset).paint();
}

}  // namespace bonedry::ctl
