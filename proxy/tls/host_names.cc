#include "proxy/tls/host_names.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <set>

namespace bonedry::tls {
namespace {

/// "example.org" of "www.example.org"; empty if there is no label before or nothing behind it.
std::string_view behind_first_label(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos || dot == 0 ? "" : name.substr(dot + 1);
}

bool matches(std::string_view pattern, std::string_view name) {
  if (ascii::equal_ignoring_case(pattern, name)) return true;
  if (!pattern.starts_with("*.")) return false;
  return ascii::equal_ignoring_case(pattern.substr(2), behind_first_label(name));
}

}  // namespace

HostNames::HostNames(std::span<const conf::Certificate> certificates) {
  std::map<std::set<std::string>, std::size_t> by_names;
  for (std::size_t index = 0; index < certificates.size(); ++index) {
    const std::vector<std::string>& names = certificates[index].contents->names;
    const auto [same, added] = by_names.try_emplace({names.begin(), names.end()}, hosts_.size());
    if (added) {
      hosts_.push_back({names, {}});
      for (const std::string& name : names) by_name_.try_emplace(name, same->second);
    }
    hosts_[same->second].certificates.push_back(index);
  }
}

std::optional<std::size_t> HostNames::find(std::string_view server_name) const {
  const auto exact = by_name_.find(server_name);
  if (exact != by_name_.end()) return exact->second;
  const std::string_view parent = behind_first_label(server_name);
  if (parent.empty()) return std::nullopt;
  const auto wildcard = by_name_.find("*." + std::string(parent));
  return wildcard == by_name_.end() ? std::nullopt : std::optional(wildcard->second);
}

bool HostNames::covers(std::string_view server_name, std::string_view name) const {
  if (hosts_.empty()) return false;
  if (name.ends_with('.')) name.remove_suffix(1);
  const Host& host = hosts_[find(server_name).value_or(0)];
  return std::ranges::any_of(host.names,
                             [name](const std::string& pattern) { return matches(pattern, name); });
}

}  // namespace bonedry::tls
