#include "admin/http_door/openapi.h"

#include "admin/command_table.h"
#include "admin/http_door/command_request.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace bonedry::admin::http_door {
namespace {

using ApiJson = nlohmann::ordered_json;

ApiJson choices(std::string_view words) {
  ApiJson all = ApiJson::array();
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find('|'));
    all.push_back(word);
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return all;
}

ApiJson schema_of(const Option& option) {
  switch (option.kind) {
    case ValueKind::none:
      return {{"type", "boolean"}};
    case ValueKind::duration:
      return {{"type", "string"}, {"examples", {"90s", "20m", "12h"}}};
    case ValueKind::count:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxCount}};
    case ValueKind::number:
      return {{"type", "integer"}, {"minimum", 0}};
    case ValueKind::choice:
      return {{"type", "string"}, {"enum", choices(option.placeholder)}};
    case ValueKind::command:
      return {{"type", "string"}, {"maxLength", kMaxShownCommandBytes}};
    case ValueKind::text:
      return {{"type", "string"}, {"maxLength", kMaxTextBytes}};
  }
  return {{"type", "string"}};
}

/// Whether an option may be in a query.
bool may_be_read(const Option& option) {
  return !is_left_out(option) && option.need == access::Need::anything;
}

ApiJson responses(const Command& command, bool streams) {
  ApiJson content{{"application/json", {{"schema", {{"type", "object"}}}}}};
  if (streams) content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
  return {{"200", {{"description", command.help}, {"content", std::move(content)}}},
          {"default", {{"$ref", "#/components/responses/Problem"}}}};
}

ApiJson get_operation(const Command& command) {
  ApiJson parameters = ApiJson::array();
  for (const Positional& each : command.positionals) {
    parameters.push_back({{"name", argument_name(each)},
                          {"in", "query"},
                          {"required", each.presence == Presence::required},
                          {"description", each.help},
                          {"schema", {{"type", "string"}}}});
  }
  for (const Option& each : command.options) {
    if (!may_be_read(each)) continue;
    parameters.push_back({{"name", each.name},
                          {"in", "query"},
                          {"description", each.help},
                          {"schema", schema_of(each)}});
  }
  return {{"operationId", command.name},
          {"summary", command.help},
          {"parameters", std::move(parameters)},
          {"responses", responses(command, can_stream(command))}};
}

ApiJson post_operation(const Command& command) {
  ApiJson properties = ApiJson::object();
  ApiJson required = ApiJson::array();
  for (const Positional& each : command.positionals) {
    properties[argument_name(each)] = {{"type", "string"}, {"description", each.help}};
    if (each.presence == Presence::required) required.push_back(argument_name(each));
  }
  for (const Option& each : command.options) {
    if (is_left_out(each)) continue;
    ApiJson schema = schema_of(each);
    schema["description"] = each.help;
    properties[std::string(each.name)] = std::move(schema);
  }
  const ApiJson schema{{"type", "object"},
                       {"properties", std::move(properties)},
                       {"required", std::move(required)},
                       {"additionalProperties", false}};
  const std::string name(command.name);
  return {{"operationId", allows_get(command) ? name + "-change" : name},
          {"summary", command.help},
          {"requestBody",
           {{"required", true}, {"content", {{"application/json", {{"schema", schema}}}}}}},
          {"responses", responses(command, false)}};
}

ApiJson problem_response() {
  const ApiJson schema{{"type", "object"},
                       {"properties",
                        {{"type", {{"type", "string"}}},
                         {"title", {{"type", "string"}}},
                         {"status", {{"type", "integer"}}},
                         {"detail", {{"type", "string"}}},
                         {"code", {{"type", "string"}}}}}};
  return {{"description", "Why the request was not answered (RFC 9457)."},
          {"content", {{"application/problem+json", {{"schema", schema}}}}}};
}

ApiJson components() {
  return {{"responses", {{"Problem", problem_response()}}},
          {"securitySchemes",
           {{"token",
             {{"type", "http"},
              {"scheme", "bearer"},
              {"description", "A token of [[admin.token]] in the config."}}}}}};
}

}  // namespace

std::string openapi() {
  ApiJson paths = ApiJson::object();
  for (const Command& command : command_table()) {
    if (!has_request(command)) continue;
    ApiJson operations = ApiJson::object();
    if (allows_get(command)) operations["get"] = get_operation(command);
    if (allows_post(command)) operations["post"] = post_operation(command);
    paths[std::string(kApi) + std::string(command.name)] = std::move(operations);
  }
  const ApiJson description{{"openapi", "3.1.0"},
                            {"info",
                             {{"title", "bonedry"},
                              {"version", BONEDRY_VERSION},
                              {"description", "The commands of bonedry's admin interface."}}},
                            {"security", {ApiJson::object(), {{"token", ApiJson::array()}}}},
                            {"paths", std::move(paths)},
                            {"components", components()}};
  return description.dump() + "\n";
}

}  // namespace bonedry::admin::http_door
