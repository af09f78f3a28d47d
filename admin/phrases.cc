#include "admin/phrases.h"

namespace bonedry::admin {

std::string counted(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string first_few(const std::vector<std::string>& parts) {
  constexpr std::size_t kFew = 3;
  if (parts.size() <= kFew) return joined(parts);
  return joined(std::vector(parts.begin(), parts.begin() + kFew)) + " and " +
         std::to_string(parts.size() - kFew) + " more";
}

std::string joined(const std::vector<balancer::NodeId>& nodes) {
  std::vector<std::string> texts;
  texts.reserve(nodes.size());
  for (const balancer::NodeId& id : nodes) texts.push_back(id.text());
  return joined(texts);
}

std::string unknown_pool(std::string_view name, const std::vector<std::string>& known) {
  return "unknown pool '" + std::string(name) + "'; known pools: " + joined(known);
}

std::string who(const std::string& by, const std::string& reason) {
  return (by.empty() ? "" : " by " + by) + (reason.empty() ? "" : ", reason: " + reason);
}

}  // namespace bonedry::admin
