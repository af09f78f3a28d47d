#include "conf/toml_reader.h"

#include "conf/spelling.h"
#include "conf/values.h"

#include <algorithm>
#include <set>

namespace bonedry::conf {
namespace {

// The `name` of a table, if it is valid in a key path.
std::string_view name_of(const Table& table) {
  for (const Entry& entry : table) {
    const auto* name = std::get_if<std::string>(&entry.value.data);
    if (entry.key == "name" && name != nullptr && is_name(*name)) return *name;
  }
  return {};
}

bool holds(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

TableReader::TableReader(const Value& root, Problems& problems)
    : TableReader(std::get_if<Table>(&root.data), Place{root.at, ""}, problems) {}

TableReader::TableReader(const Table* table, Place place, Problems& problems)
    : table_(table), place_(std::move(place)), problems_(&problems) {}

TableReader TableReader::table(std::string_view key) {
  const Entry* entry = find(key);
  const Table* table = entry == nullptr ? nullptr : std::get_if<Table>(&entry->value.data);
  if (entry != nullptr && table == nullptr) error(key, mismatch("a table", entry->value));
  return {table, place(key), *problems_};
}

std::vector<TableReader> TableReader::tables(std::string_view key) {
  std::vector<TableReader> readers;
  std::set<std::string_view> names;
  for (auto& [where, value] : elements(key, "an array of tables (double brackets)")) {
    const auto* table = std::get_if<Table>(&value->data);
    if (table == nullptr) {
      problems_->error(where, mismatch("a table", *value));
      continue;
    }
    const std::string_view name = name_of(*table);
    if (!name.empty() && names.insert(name).second) {
      where.key = path(key) + "[" + std::string{name} + "]";
    }
    readers.push_back(TableReader{table, std::move(where), *problems_});
  }
  return readers;
}

void TableReader::finish() const {
  if (table_ == nullptr) return;
  for (const Entry& entry : *table_) {
    if (holds(known_, entry.key)) continue;
    const std::optional<std::string_view> meant = nearest(entry.key, known_);
    const std::string advice =
        meant ? "did you mean " + quote(*meant) + "?" : "expected one of: " + join(known_);
    problems_->error({entry.at, path(entry.key)}, "unknown key; " + advice);
  }
}

bool TableReader::has(std::string_view key) const {
  return lookup(key) != nullptr;
}

bool TableReader::sound(std::string_view key) const {
  return !problems_->has_error(path(key));
}

Place TableReader::place(std::string_view key) const {
  const Entry* entry = lookup(key);
  return {entry == nullptr ? place_.at : entry->value.at, path(key)};
}

void TableReader::error(std::string_view key, std::string_view what) const {
  problems_->error(place(key), what);
}

void TableReader::warning(std::string_view key, std::string_view what) const {
  problems_->warning(place(key), what);
}

const Entry* TableReader::find(std::string_view key) {
  known_.push_back(key);
  return lookup(key);
}

const Entry* TableReader::lookup(std::string_view key) const {
  if (table_ == nullptr) return nullptr;
  const auto entry = std::ranges::lower_bound(*table_, key, {}, &Entry::key);
  return entry != table_->end() && entry->key == key ? &*entry : nullptr;
}

std::string TableReader::path(std::string_view key) const {
  const std::string last = is_name(key) ? std::string{key} : quote(key);
  return place_.key.empty() ? last : place_.key + "." + last;
}

std::vector<TableReader::Element> TableReader::elements(std::string_view key,
                                                        std::string_view expected) {
  const Entry* entry = find(key);
  if (entry == nullptr) return {};
  const auto* array = std::get_if<Array>(&entry->value.data);
  if (array == nullptr) {
    error(key, mismatch(expected, entry->value));
    return {};
  }
  std::vector<Element> elements;
  for (const Value& value : *array) {
    const std::string index = "[#" + std::to_string(elements.size() + 1) + "]";
    elements.push_back({Place{value.at, path(key) + index}, &value});
  }
  return elements;
}

}  // namespace bonedry::conf
