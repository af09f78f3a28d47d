#include "proxy/forwarded_client.h"

#include "proxy/base/ascii.h"
#include "proxy/base/ip_address.h"
#include "proxy/http/rules.h"

#include <algorithm>
#include <optional>

namespace bonedry::proxy {
namespace {

/// Removes and returns the last element of a list; empty elements do not count (RFC 9110, 5.6.1).
std::string_view take_last(std::string_view& list) {
  while (!list.empty()) {
    const std::size_t comma = list.rfind(',');
    const bool only = comma == std::string_view::npos;
    const std::string_view element = ascii::trimmed(only ? list : list.substr(comma + 1));
    list = list.substr(0, only ? 0 : comma);
    if (!element.empty()) return element;
  }
  return {};
}

/// An entry without its port: some proxies write "192.0.2.1:4711" and "[2001:db8::1]:4711". Any
/// other form is returned unchanged.
std::string_view without_port(std::string_view entry) {
  const bool bracketed = entry.starts_with('[');
  // An IPv6 address without brackets has no port.
  if (!bracketed && std::ranges::count(entry, ':') != 1) return entry;
  if (!http::is_host(entry)) return entry;
  return bracketed ? entry.substr(1, entry.find(']') - 1) : entry.substr(0, entry.find(':'));
}

}  // namespace

std::string_view forwarded_client(const http::Head& head, std::string_view peer,
                                  std::span<const conf::Network> trusted) {
  std::string_view client = peer;
  for (auto field = head.fields.rbegin(); field != head.fields.rend(); ++field) {
    if (field->id != http::FieldName::x_forwarded_for) continue;
    std::string_view list = head.value(*field);
    for (auto last = take_last(list); !last.empty(); last = take_last(list)) {
      const std::string_view name = without_port(last);
      const std::optional<IpAddress> address = parse_ip(name);
      if (!address) return client;
      client = name;
      if (!conf::any_contains(trusted, *address)) return client;
    }
  }
  return client;
}

}  // namespace bonedry::proxy
