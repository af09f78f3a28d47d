#include "proxy/tls/host_names.h"

#include "proxy/base/ascii.h"
#include "proxy/base/ip_address.h"

#include <algorithm>
#include <utility>

namespace bonedry::tls {
namespace {

/// "example.org" of "www.example.org"; empty if there is no label before or nothing behind it.
std::string_view behind_first_label(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos || dot == 0 ? "" : name.substr(dot + 1);
}

bool matches(std::string_view pattern, std::string_view name) {
  if (ascii::equal_ignoring_case(pattern, name)) return true;
  const std::string_view parent = behind_first_label(name);
  return !parent.empty() && pattern.starts_with("*.") &&
         ascii::equal_ignoring_case(pattern.substr(2), parent);
}

/// "*.example.org" for "www.example.org"; empty if nothing can stand for the name.
std::string wildcard_for(std::string_view name) {
  const std::string_view parent = behind_first_label(name);
  return parent.empty() ? "" : "*." + std::string(parent);
}

/// The certificates of each name, in the order of the list.
using ByName = std::map<std::string, std::vector<std::size_t>>;

ByName sort_by_name(std::span<const conf::Certificate> certificates) {
  ByName by_name;
  for (std::size_t index = 0; index < certificates.size(); ++index) {
    for (const std::string& name : certificates[index].contents->names) {
      by_name[name].push_back(index);
    }
  }
  return by_name;
}

/// "ECDSA" of "ECDSA P-256": OpenSSL has one certificate for each.
std::string_view kind_of_key(const conf::Certificate& certificate) {
  const std::string_view type = certificate.contents->key_type;
  return type.substr(0, type.find(' '));
}

/// One certificate for each type of key, in the order of the list.
std::vector<std::size_t> choose(const std::string& name, const ByName& by_name,
                                std::span<const conf::Certificate> certificates) {
  std::vector<std::size_t> chosen;
  for (const std::string& key : {name, wildcard_for(name)}) {
    const auto found = by_name.find(key);
    if (found == by_name.end()) continue;
    for (const std::size_t index : found->second) {
      const bool known = std::ranges::any_of(chosen, [&](std::size_t other) {
        return kind_of_key(certificates[other]) == kind_of_key(certificates[index]);
      });
      if (!known) chosen.push_back(index);
    }
  }
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<std::string> all_names(const std::vector<std::size_t>& chosen,
                                   std::span<const conf::Certificate> certificates) {
  std::vector<std::string> all;
  for (const std::size_t index : chosen) {
    const std::vector<std::string>& names = certificates[index].contents->names;
    all.insert(all.end(), names.begin(), names.end());
  }
  return all;
}

}  // namespace

HostNames::HostNames(std::span<const conf::Certificate> certificates) {
  const ByName by_name = sort_by_name(certificates);
  std::map<std::vector<std::size_t>, std::size_t> by_certificates;
  for (const conf::Certificate& certificate : certificates) {
    for (const std::string& name : certificate.contents->names) {
      if (by_name_.contains(name)) continue;
      std::vector<std::size_t> chosen = choose(name, by_name, certificates);
      const auto [host, added] = by_certificates.try_emplace(chosen, hosts_.size());
      if (added) hosts_.push_back({{}, std::move(chosen), {}});
      hosts_[host->second].names.push_back(name);
      by_name_.emplace(name, host->second);
    }
  }
  for (Host& host : hosts_) host.valid_for = all_names(host.certificates, certificates);
}

std::optional<std::size_t> HostNames::find(std::string_view server_name) const {
  if (server_name.find('*') != std::string_view::npos) return std::nullopt;  // no host's name
  const auto exact = by_name_.find(server_name);
  if (exact != by_name_.end()) return exact->second;
  const auto wildcard = by_name_.find(wildcard_for(server_name));
  return wildcard == by_name_.end() ? std::nullopt : std::optional(wildcard->second);
}

bool HostNames::covers(std::string_view server_name, std::string_view name) const {
  if (hosts_.empty()) return false;
  const Host& host = hosts_[find(server_name).value_or(0)];
  if (const auto address = parse_ip(name)) {
    return std::ranges::find(host.valid_for, to_string(*address)) != host.valid_for.end();
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::ranges::any_of(host.valid_for,
                             [name](const std::string& pattern) { return matches(pattern, name); });
}

}  // namespace bonedry::tls
