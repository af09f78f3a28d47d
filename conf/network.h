#pragma once

#include "proxy/base/ip_address.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bonedry::conf {

/// A range of addresses that share their first bits: "10.0.0.0/8". IPv4-mapped IPv6 counts as IPv4,
/// and no IPv6 network, not even "::/0", contains an IPv4 address.
struct Network {
  IpAddress first;
  unsigned prefix = 128;  ///< bits, 0 to 128; those of IPv4 are the last 32

  [[nodiscard]] bool contains(const IpAddress& address) const;
  /// Whether it is "0.0.0.0/0" or "::/0".
  [[nodiscard]] bool contains_all_of_family() const;
  friend bool operator==(const Network&, const Network&) = default;
};

/// Parses an address, or a CIDR block without host bits set: "127.0.0.1", "fd00::/8".
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);
/// As parse_network, but clears the host bits instead of refusing them: "10.1.2.3/8" is
/// "10.0.0.0/8".
[[nodiscard]] std::optional<Network> enclosing_network(std::string_view text);
[[nodiscard]] std::string to_string(const Network& network);

[[nodiscard]] bool any_contains(std::span<const Network> networks, const IpAddress& address);

}  // namespace bonedry::conf
