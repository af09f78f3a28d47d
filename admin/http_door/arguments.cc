#include "admin/http_door/arguments.h"

#include "admin/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace bonedry::admin::http_door {
namespace {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at] == '+' ? ' ' : text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

/// Adds an argument to those that have been read.
Result<> add(Arguments& arguments, std::string name, std::string value) {
  const auto is_same = [&name](const auto& each) { return each.first == name; };
  if (std::ranges::any_of(arguments, is_same)) {
    return Failure{"'" + printable(name) + "' is given more than once"};
  }
  if (arguments.size() == kMaxArguments) {
    return Failure{"more than " + std::to_string(kMaxArguments) + " arguments"};
  }
  arguments.emplace_back(std::move(name), std::move(value));
  return Done{};
}

/// Takes the members of one object, and stops at anything else, however deep it is nested.
class ObjectReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  [[nodiscard]] Arguments take() { return std::move(arguments_); }
  [[nodiscard]] std::string error() const { return error_; }

  bool null() override { return in_object(); }
  bool boolean(bool value) override { return take_value(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override { return take_value(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) override { return take_value(std::to_string(value)); }
  bool number_float(double /*value*/, const std::string& text) override {
    return fail("'" + printable(key_) + "' is a number with a fraction: " + printable(text));
  }
  bool string(std::string& value) override { return take_value(std::move(value)); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return fail("expected an object"); }
  bool start_object(std::size_t /*size*/) override {
    if (depth_++ > 0) return fail("'" + printable(key_) + "' is an object; expected a value");
    return true;
  }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ == 0) return fail("expected a JSON object");
    return fail("'" + printable(key_) + "' is an array; expected a value");
  }
  bool end_array() override { return true; }
  bool parse_error(std::size_t at, const std::string& /*last*/,
                   const nlohmann::json::exception& /*why*/) override {
    return fail("not valid JSON at byte " + std::to_string(at));
  }

 private:
  bool fail(std::string why) {
    error_ = std::move(why);
    return false;
  }
  bool in_object() { return depth_ > 0 || fail("expected a JSON object"); }
  bool take_value(std::string value) {
    if (!in_object()) return false;
    const Result<> added = add(arguments_, key_, std::move(value));
    return added || fail(added.error());
  }

  Arguments arguments_;
  std::string key_;
  std::string error_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Arguments> arguments_of_query(std::string_view query) {
  Arguments arguments;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decoded(pair.substr(0, equals));
    auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return Failure{"'" + printable(pair) + "': '%' without two hex digits"};
    if (equals == pair.size()) value = "true";  // a flag
    const Result<> added = add(arguments, *std::move(name), *std::move(value));
    if (!added) return Failure{added.error()};
  }
  return arguments;
}

Result<Arguments> arguments_of_json(std::string_view body) {
  ObjectReader reader;
  const bool complete = nlohmann::json::sax_parse(body, &reader);
  if (!complete) return Failure{reader.error()};
  return reader.take();
}

}  // namespace bonedry::admin::http_door
