#include "conf/toml_tree.h"

#include "conf/spelling.h"
#include "conf/toml_bounds.h"
#include "conf/toml_text.h"
#include "proxy/base/ascii.h"

#include <toml++/toml.h>

#include <array>
#include <exception>

namespace bonedry::conf {
namespace {

Position position_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

Value copy(const toml::node& node);

Array copy_array(const toml::array& source) {
  Array array;
  array.reserve(source.size());
  for (const toml::node& element : source) array.push_back(copy(element));
  return array;
}

Table copy_table(const toml::table& source) {
  Table table;
  table.reserve(source.size());
  for (const auto& [key, node] : source) {
    table.push_back({std::string{key.str()}, position_of(key.source()), copy(node)});
  }
  return table;
}

Value copy(const toml::node& node) {
  const Position at = position_of(node.source());
  switch (node.type()) {
    case toml::node_type::table:
      return {at, copy_table(*node.as_table())};
    case toml::node_type::array:
      return {at, copy_array(*node.as_array())};
    case toml::node_type::string:
      return {at, node.as_string()->get()};
    case toml::node_type::integer:
      return {at, node.as_integer()->get()};
    case toml::node_type::floating_point:
      return {at, node.as_floating_point()->get()};
    case toml::node_type::boolean:
      return {at, node.as_boolean()->get()};
    case toml::node_type::date:
      return {at, Moment{"a date"}};
    case toml::node_type::time:
      return {at, Moment{"a time"}};
    case toml::node_type::none:
    case toml::node_type::date_time:
      break;
  }
  return {at, Moment{"a date and time"}};
}

// The library's messages quote numbers that it cannot represent; such a number may be a secret that
// the operator wrote without quotation marks.
std::string without_numbers(std::string_view description) {
  std::string text;
  while (!description.empty()) {
    text += description.front();
    const bool opening = description.front() == '\'';
    description.remove_prefix(1);
    if (!opening || description.empty() || !ascii::is_digit(description.front())) continue;
    const std::size_t closing = description.find('\'');
    if (closing == std::string_view::npos || closing == 1) continue;
    text += "...";
    description.remove_prefix(closing);
  }
  return text;
}

std::string_view kind_of(const Value& value) {
  if (const auto* moment = std::get_if<Moment>(&value.data)) return moment->kind;
  constexpr std::array<std::string_view, 7> kKinds{
      "a string", "an integer", "a float", "a boolean", "a date and time", "an array", "a table"};
  return kKinds[value.data.index()];
}

}  // namespace

std::string mismatch(std::string_view expected, const Value& value) {
  return "expected " + std::string{expected} + ", got " + std::string{kind_of(value)};
}

Result<Value, SyntaxError> parse_toml(std::string_view text) {
  if (auto foreign = first_foreign_character(text)) return Failure{*std::move(foreign)};
  if (const unsigned line = first_line_too_deep(text)) {
    return Failure{SyntaxError{{line, 1}, "nested too deeply"}};
  }
  try {
    const toml::table root = toml::parse(text, std::string_view{});
    return Value{{}, copy_table(root)};
  } catch (const toml::parse_error& error) {
    // The library also quotes the file's content unescaped, line ends included.
    return Failure{
        SyntaxError{position_of(error.source()), one_line(without_numbers(error.description()))}};
  } catch (const std::exception& error) {
    return Failure{SyntaxError{{}, error.what()}};
  }
}

}  // namespace bonedry::conf
