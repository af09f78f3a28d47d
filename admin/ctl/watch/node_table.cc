#include "admin/ctl/watch/node_table.h"

#include "admin/ctl/watch/sparkline.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace bonedry::ctl {
namespace {

enum class ColumnId : std::uint8_t {
  name,
  state,
  health,
  dry,
  live,
  pending,
  curve,
  dry_in,
  click,
  open,
  websockets,
  rate,
};

struct Column {
  ColumnId id;
  std::string_view title;
  std::size_t width;
  Side side = Side::left;
  unsigned omitted = 0;  ///< columns of higher numbers are left out first
};

constexpr std::array<Column, 12> kColumns{{{ColumnId::name, "NODE", 8},
                                           {ColumnId::state, "STATE", 13},
                                           {ColumnId::health, "HEALTH", 7, Side::left, 3},
                                           {ColumnId::dry, "DRY", 3},
                                           {ColumnId::live, "LIVE", 5, Side::right, 1},
                                           {ColumnId::pending, "PEND", 4, Side::right, 4},
                                           {ColumnId::curve, "USERS LEFT", 10, Side::left, 2},
                                           {ColumnId::dry_in, "DRY IN", 6, Side::left, 5},
                                           {ColumnId::click, "CLICK", 5, Side::right, 6},
                                           {ColumnId::open, "OPEN", 4, Side::right, 7},
                                           {ColumnId::websockets, "WS", 4, Side::right, 8},
                                           {ColumnId::rate, "REQ/S", 6, Side::right, 9}}};
constexpr std::size_t kMark = 2;       // of the selected node
constexpr std::size_t kMostName = 32;  // longer ones are cut
constexpr std::size_t kMostCurve = 40;
constexpr std::size_t kRangeWidth = 21;  // "6m30s (3m30s to 1h5m)"

using Columns = std::vector<Column>;

std::size_t width_of(const Columns& columns) {
  std::size_t width = kMark;
  for (const Column& column : columns) width += column.width + 1;
  return width - 1;
}

Column* find(Columns& columns, ColumnId id) {
  const auto found = std::ranges::find(columns, id, &Column::id);
  return found == columns.end() ? nullptr : &*found;
}

/// Gives a column up to `most` columns of the space that is left.
void widen(Columns& columns, ColumnId id, std::size_t most, std::size_t width) {
  Column* const column = find(columns, id);
  const std::size_t used = width_of(columns);
  if (column == nullptr || used >= width || most <= column->width) return;
  column->width += std::min(width - used, most - column->width);
}

Columns fitting(const WatchedStatus& status, std::size_t width) {
  Columns columns(kColumns.begin(), kColumns.end());
  while (width_of(columns) > width) {
    const auto last = std::ranges::max_element(columns, {}, &Column::omitted);
    if (last->omitted == 0) break;
    columns.erase(last);
  }
  std::size_t longest = 0;
  for (const WatchedNode* node : status.nodes()) {
    longest = std::max(longest, display_width(node->name));
  }
  widen(columns, ColumnId::name, std::min(longest, kMostName), width);
  if (find(columns, ColumnId::rate) != nullptr) {
    widen(columns, ColumnId::dry_in, kRangeWidth, width);
  }
  widen(columns, ColumnId::curve, kMostCurve, width);
  return columns;
}

/// A sign and a word: the states differ without colour, too.
Span state_cell(const WatchedNode& node, Charset charset) {
  const bool utf8 = charset == Charset::utf8;
  switch (node.state) {
    case WatchedState::active:
      return {"  active", Style::good};
    case WatchedState::bleeding:
      return {utf8 ? "▼ bleeding" : "v bleeding", Style::warning};
    case WatchedState::maintenance:
      return {utf8 ? "■ maintenance" : "# maintenance", Style::calm};
  }
  return {};
}

Span health_cell(const WatchedNode& node) {
  switch (node.health) {
    case WatchedHealth::up:
      return {"up", Style::good};
    case WatchedHealth::down:
      return {"DOWN", Style::bad};
    case WatchedHealth::unknown:
      return {"unknown", Style::faint};
  }
  return {};
}

Span dry_cell(const WatchedNode& node) {
  if (node.dry) return {"DRY", Style::good};
  return {node.state == WatchedState::active ? "-" : "no"};
}

std::string dry_in(const WatchedNode& node, std::size_t width) {
  if (node.dry || !node.bleed || !node.bleed->forecast) return "-";
  return width >= kRangeWidth ? admin::range_text(*node.bleed->forecast)
                              : admin::likely_text(*node.bleed->forecast);
}

Span cell(const WatchedNode& node, const Column& column, Charset charset) {
  switch (column.id) {
    case ColumnId::name:
      return {node.name, Style::strong};
    case ColumnId::state:
      return state_cell(node, charset);
    case ColumnId::health:
      return health_cell(node);
    case ColumnId::dry:
      return dry_cell(node);
    case ColumnId::live:
      return {std::to_string(node.live)};
    case ColumnId::pending:
      return {std::to_string(node.pending)};
    case ColumnId::curve:
      return {node.bleed ? sparkline(node.bleed->curve, column.width, charset) : "",
              Style::warning};
    case ColumnId::dry_in:
      return {dry_in(node, column.width)};
    case ColumnId::click:
      return {age_text(node.last_click)};
    case ColumnId::open:
      return {std::to_string(node.exchanges_open)};
    case ColumnId::websockets:
      return {std::to_string(node.websockets_open)};
    case ColumnId::rate:
      return {rate_text(node.requests_per_second)};
  }
  return {};
}

/// A number that does not fit must not look like another one.
std::string aligned(const std::string& text, const Column& column, Charset charset) {
  // Signs of the table itself, which are ASCII where they have to be.
  return in_columns(text, column.width, charset, column.side);
}

enum class Selected : std::uint8_t { no, yes };

PictureLine node_line(const WatchedNode& node, Selected selected, const Columns& columns,
                      Charset charset) {
  PictureLine line{{selected == Selected::yes ? "> " : "  ", Style::strong}};
  for (const Column& column : columns) {
    const Span made = cell(node, column, charset);
    const bool last = &column == &columns.back();
    line.push_back({aligned(made.text, column, charset) + (last ? "" : " "), made.style});
  }
  if (selected == Selected::no) return line;
  std::string text;
  for (const Span& span : line) text += span.text;
  return {{text, Style::chosen}};
}

PictureLine pool_line(const WatchedPool& pool) {
  const auto active = std::ranges::count(pool.nodes, WatchedState::active, &WatchedNode::state);
  return {{"pool " + pool.name, Style::strong},
          {", " + std::to_string(active) + " of " + std::to_string(pool.nodes.size()) +
               (pool.nodes.size() == 1 ? " node active" : " nodes active"),
           Style::faint}};
}

}  // namespace

std::string bone_dry_text(const WatchedNode& node) {
  return node.title + " is bone dry: it can be updated now";
}

std::string rate_text(const std::optional<double>& per_second) {
  if (!per_second) return "-";
  std::array<char, 32> buffer{};
  const double rate = std::clamp(*per_second, 0.0, 1e9);
  const int length =
      std::snprintf(buffer.data(), buffer.size(), rate < 99.95 ? "%.1f" : "%.0f", rate);
  return {buffer.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string age_text(const std::optional<Millis>& age) {
  if (!age) return "-";
  const auto whole = std::chrono::floor<std::chrono::seconds>(*age);
  return whole.count() <= 0 ? "0s" : format_duration(whole);
}

NodeTable node_table(const WatchedStatus& status, const WatchedNode* selected, std::size_t width,
                     Charset charset) {
  const Columns columns = fitting(status, width);
  NodeTable table;
  table.heading.push_back({"  "});
  for (const Column& column : columns) {
    table.heading.push_back(
        {in_columns(column.title, column.width, charset, column.side) + " ", Style::faint});
  }
  for (const WatchedPool& pool : status.pools) {
    table.lines.push_back(pool_line(pool));
    for (const std::string& problem : pool.problems) {
      table.lines.push_back({{"! " + problem, Style::bad}});
    }
    for (const WatchedNode& node : pool.nodes) {
      const Selected here = &node == selected ? Selected::yes : Selected::no;
      if (here == Selected::yes) table.selected = table.lines.size();
      table.lines.push_back(node_line(node, here, columns, charset));
      if (!node.dry || node.state != WatchedState::bleeding) continue;
      table.lines.push_back({{"    " + bone_dry_text(node), Style::good}});
    }
  }
  return table;
}

}  // namespace bonedry::ctl
