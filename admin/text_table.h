#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::admin {

/// Rows of text in aligned columns, two spaces apart, for people. All text is made printable.
class TextTable {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit TextTable(std::vector<Column> columns);

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);

  /// The titles and the rows, one line each, without trailing spaces.
  [[nodiscard]] std::string str() const;

 private:
  [[nodiscard]] std::string line(const std::vector<std::string>& cells) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace bonedry::admin
