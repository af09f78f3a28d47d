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
    /// 0: always shown. Where the width does not suffice, columns of higher numbers are left out
    /// first.
    unsigned omitted = 0;
  };

  explicit TextTable(std::vector<Column> columns);

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);

  /// The titles and the rows, one line each, without trailing spaces. `width`: of the terminal; 0:
  /// no limit.
  [[nodiscard]] std::string str(std::size_t width = 0) const;

 private:
  using Shown = std::vector<bool>;  // by column
  [[nodiscard]] Shown fitting(std::size_t width) const;
  [[nodiscard]] std::size_t width_of(const Shown& shown) const;
  [[nodiscard]] std::string line(const std::vector<std::string>& cells, const Shown& shown) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace bonedry::admin
