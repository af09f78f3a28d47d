#include "admin/text_table.h"

#include "admin/printable.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace bonedry::admin {

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

std::string TextTable::str() const {
  std::string text;
  for (const auto& row : rows_) text += line(row) + "\n";
  return text;
}

std::string TextTable::line(const std::vector<std::string>& cells) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) text += "  ";
    const std::string padding(widths_[i] - columns(cells[i]), ' ');
    text += columns_[i].align == Align::left ? cells[i] + padding : padding + cells[i];
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace bonedry::admin
