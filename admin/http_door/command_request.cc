#include "admin/http_door/command_request.h"

#include "admin/http_door/arguments.h"
#include "admin/printable.h"
#include "conf/spelling.h"
#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <vector>

namespace bonedry::admin::http_door {
namespace {

using access::Need;

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kStreamType = "text/event-stream";

Failure<Problem> bad(std::string why) {
  return {problem(400, ErrorCode::invalid, std::move(why))};
}

bool is_json(const Request& request) {
  const std::string type = request.field("content-type");
  return bonedry::http::equal_ignoring_case(
      ascii::trimmed(std::string_view(type).substr(0, type.find(';'))), kJsonType);
}

Result<Arguments, Problem> read_arguments(const Request& request) {
  if (request.method == Method::post && !is_json(request)) {
    return Failure{
        problem(415, ErrorCode::invalid, "a change is sent with Content-Type: application/json")};
  }
  if (request.method == Method::post && !request.query.empty()) {
    return bad("the arguments of a change are members of the JSON object, not a query");
  }
  auto read = request.method == Method::post ? arguments_of_json(request.body)
                                             : arguments_of_query(request.query);
  if (!read) return bad(read.error());
  return std::move(*read);
}

/// Puts arguments where the table has them.
class Binder {
 public:
  Binder(const Command& command, Method method) : command_(command), method_(method) {
    line_.command = &command;
    line_.format = Format::json;
    words_.resize(command.positionals.size());
  }

  Result<> take(const std::string& name, std::string value) {
    for (std::size_t at = 0; at < words_.size(); ++at) {
      if (argument_name(command_.positionals[at]) != name) continue;
      if (value.empty()) return Failure{"'" + name + "' is empty"};
      if (has_control(value)) return Failure{"'" + name + "' has a control character"};
      words_[at] = std::move(value);
      return Done{};
    }
    const Option* const option = command_.find_option(name);
    if (option == nullptr || is_left_out(*option)) return Failure{unknown(name)};
    if (option->need != Need::anything && allows_get(command_) && method_ != Method::post) {
      return Failure{"'" + name + "' changes something: it takes a POST"};
    }
    return take_option(*option, std::move(value));
  }

  /// The line, when all has been taken.
  Result<CommandLine> finish() {
    for (std::size_t at = 0; at < words_.size(); ++at) {
      const Positional& positional = command_.positionals[at];
      if (!words_[at].empty()) {
        line_.positionals.push_back(std::move(words_[at]));
      } else if (positional.presence == Presence::required) {
        return Failure{std::string(command_.name) + " needs '" + argument_name(positional) +
                       "': " + std::string(positional.help)};
      }
    }
    return std::move(line_);
  }

 private:
  Result<> take_option(const Option& option, std::string value) {
    const std::string name(option.name);
    if (option.kind == ValueKind::none) {
      if (value != "true" && value != "false") return Failure{"'" + name + "' is true or false"};
      if (value == "true") line_.options.push_back({&option, ""});
      return Done{};
    }
    // The table's errors name the option as it is written on a command line.
    const std::string wrong = value_error(option, value);
    if (!wrong.empty()) return Failure{wrong.substr(std::string_view("--").size())};
    line_.options.push_back({&option, std::move(value)});
    return Done{};
  }

  [[nodiscard]] std::string unknown(const std::string& name) const {
    std::vector<std::string> known;
    for (const Positional& each : command_.positionals) known.push_back(argument_name(each));
    for (const Option& each : command_.options) {
      if (!is_left_out(each)) known.emplace_back(each.name);
    }
    std::string text = std::string(command_.name) + " has no argument '" + printable(name) + "'";
    const std::vector<std::string_view> names(known.begin(), known.end());
    if (const auto near = conf::nearest(name, names)) {
      return text + "; did you mean '" + std::string(*near) + "'?";
    }
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    return text + (all.empty() ? "; it has none" : "; it has " + all);
  }

  const Command& command_;
  Method method_;
  CommandLine line_;
  std::vector<std::string> words_;
};

Result<const Command*, Problem> find_requested(const Request& request) {
  const std::string name = request.path.substr(kApi.size());
  const Command* const command = find_command(name);
  if (command != nullptr && has_request(*command)) return command;
  return Failure{problem(404, ErrorCode::not_found, unknown_command(name))};
}

}  // namespace

bool has_request(const Command& command) {
  return command.audience == Audience::people;
}

bool allows_get(const Command& command) {
  return command.need == Need::anything || command.need == Need::read ||
         command.need == Need::read_node;
}

bool allows_post(const Command& command) {
  if (!allows_get(command)) return true;
  return std::ranges::any_of(command.options,
                             [](const Option& each) { return each.need != Need::anything; });
}

bool can_stream(const Command& command) {
  return command.id == CommandId::status || command.id == CommandId::events ||
         command.id == CommandId::wait;
}

bool is_left_out(const Option& option) {
  constexpr std::array<std::string_view, 3> kLeftOut{"width", "header", "follow"};
  return std::ranges::find(kLeftOut, option.name) != kLeftOut.end();
}

std::string argument_name(const Positional& positional) {
  std::string name(positional.name);
  for (char& c : name) c = ascii::to_lower(c);
  return name;
}

std::string allowed_methods(const Command& command) {
  std::string methods = allows_get(command) ? "GET, HEAD" : "";
  if (allows_post(command)) methods += methods.empty() ? "POST" : ", POST";
  return methods;
}

Result<CommandRequest, Problem> to_command(const Request& request) {
  const auto command = find_requested(request);
  if (!command) return Failure{command.error()};
  const bool posts = request.method == Method::post;
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (!(posts && allows_post(**command)) && !(reads && allows_get(**command))) {
    return Failure{problem(405, ErrorCode::invalid,
                           std::string((*command)->name) + " takes " + allowed_methods(**command))};
  }
  auto arguments = read_arguments(request);
  if (!arguments) return Failure{arguments.error()};
  Binder binder(**command, request.method);
  for (auto& [name, value] : *arguments) {
    const Result<> taken = binder.take(name, std::move(value));
    if (!taken) return bad(taken.error());
  }
  auto line = binder.finish();
  if (!line) return bad(line.error());
  CommandRequest found{std::move(*line)};
  if (request.method == Method::get && can_stream(**command) && request.accepts(kStreamType)) {
    found.delivery = Delivery::stream;
  }
  return found;
}

}  // namespace bonedry::admin::http_door
