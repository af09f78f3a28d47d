#pragma once

#include "conf/problems.h"
#include "conf/toml_tree.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::conf {

/// Reads the keys of one table and notes errors in them. Reading a key makes it known; `finish`
/// reports all keys that are not known. Afterwards the reader still gives the places of its keys,
/// for rules that concern more than one. Refers to the document and to the Problems, which must
/// outlive it.
class TableReader {
 public:
  /// The root of a document.
  TableReader(const Value& root, Problems& problems);

  /// Reads `key` when it is written; otherwise, or when it is has_error, `target` keeps its value.
  /// `parse` takes a const Value& and returns a Result<T>.
  template <class T, class Parse>
  void read(std::string_view key, T& target, const Parse& parse) {
    if (const Entry* entry = find(key)) parse_into(place(key), entry->value, target, parse);
  }

  /// As read, but the key must be written.
  template <class T, class Parse>
  void require(std::string_view key, T& target, const Parse& parse) {
    read(key, target, parse);
    if (!has(key)) error(key, "required, but missing");
  }

  /// Reads an array, if it is written; its valid elements become `target`.
  template <class T, class Parse>
  void read_list(std::string_view key, std::vector<T>& target, const Parse& parse) {
    const std::vector<Element> all = elements(key, "an array");
    if (!has(key)) return;
    target.clear();
    for (const auto& [where, value] : all) {
      T element{};
      if (parse_into(where, *value, element, parse)) target.push_back(std::move(element));
    }
  }

  /// As read_list, but at least one value must be written.
  template <class T, class Parse>
  void read_each(std::string_view key, std::vector<T>& target, const Parse& parse) {
    read_list(key, target, parse);
    const bool empty = has(key) && sound(key) && elements(key, "an array").empty();
    if (empty) error(key, "empty; expected at least one element");
  }

  /// The table under `key`; an empty reader if it is not written.
  [[nodiscard]] TableReader table(std::string_view key);
  /// The tables of the array under `key`, each identified by its `name`, or "#1", "#2", ... when it
  /// has no usable name of its own.
  [[nodiscard]] std::vector<TableReader> tables(std::string_view key);

  /// Reports unknown keys.
  void finish() const;

  /// Whether this table has no keys.
  [[nodiscard]] bool empty() const { return table_ == nullptr || table_->empty(); }
  /// Whether this table is written at all.
  [[nodiscard]] bool written() const { return table_ != nullptr; }
  [[nodiscard]] bool has(std::string_view key) const;
  /// Whether no error was noted for `key` itself.
  [[nodiscard]] bool sound(std::string_view key) const;
  /// The place of the key's value, or of the table when the key is not written.
  [[nodiscard]] Place place(std::string_view key) const;

  /// An error of the table itself.
  void error(std::string_view what) const { problems_->error(place_, what); }
  void error(std::string_view key, std::string_view what) const;
  void warning(std::string_view key, std::string_view what) const;

 private:
  using Element = std::pair<Place, const Value*>;

  TableReader(const Table* table, Place place, Problems& problems);

  template <class T, class Parse>
  bool parse_into(const Place& where, const Value& value, T& target, const Parse& parse) {
    auto parsed = parse(value);
    if (parsed) {
      target = std::move(*parsed);
    } else {
      problems_->error(where, parsed.error());
    }
    return parsed.has_value();
  }

  /// Makes `key` known. Null when it is not written.
  const Entry* find(std::string_view key);
  [[nodiscard]] const Entry* lookup(std::string_view key) const;
  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] std::vector<Element> elements(std::string_view key, std::string_view expected);

  const Table* table_;  // null: not written
  Place place_;
  Problems* problems_;
  std::vector<std::string_view> known_;
};

}  // namespace bonedry::conf
