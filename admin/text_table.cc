#include "admin/text_table.h"

#include "admin/printable.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace bonedry::admin {
namespace {

constexpr std::string_view kGap = "  ";

}  // namespace

TextTable::TextTable(std::vector<Column> titles) : columns_(std::move(titles)) {
  widths_.resize(columns_.size());
  std::vector<std::string> first;
  for (const Column& column : columns_) first.push_back(column.title);
  add(std::move(first));
}

void TextTable::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = printable(cells[i]);
    widths_[i] = std::max(widths_[i], columns(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string TextTable::str(std::size_t width) const {
  const Shown shown = fitting(width);
  std::string text;
  for (const auto& row : rows_) text += line(row, shown) + "\n";
  return text;
}

TextTable::Shown TextTable::fitting(std::size_t width) const {
  Shown shown(columns_.size(), true);
  while (width != 0 && width_of(shown) > width) {
    std::size_t last = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!shown[i] || columns_[i].omitted == 0) continue;
      if (last == columns_.size() || columns_[i].omitted > columns_[last].omitted) last = i;
    }
    if (last == columns_.size()) break;
    shown[last] = false;
  }
  return shown;
}

std::size_t TextTable::width_of(const Shown& shown) const {
  std::size_t width = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (shown[i]) width += (width > 0 ? kGap.size() : 0) + widths_[i];
  }
  return width;
}

std::string TextTable::line(const std::vector<std::string>& cells, const Shown& shown) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!shown[i]) continue;
    if (!text.empty()) text += kGap;
    const std::string padding(widths_[i] - columns(cells[i]), ' ');
    text += columns_[i].align == Align::left ? cells[i] + padding : padding + cells[i];
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace bonedry::admin
