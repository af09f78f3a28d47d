#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry {

/// An IP address as a value. IPv4 is stored as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that an
/// address compares equal in whichever form it arrived.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] bool is_v4() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// From the four bytes of an IPv4 address, in network order.
[[nodiscard]] IpAddress mapped(const std::array<std::uint8_t, 4>& v4);

/// Parses "192.0.2.1" or "2001:db8::1", with nothing before or after it.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
/// The shortest form; IPv4-mapped IPv6 as plain IPv4.
[[nodiscard]] std::string to_string(const IpAddress& address);

/// One end of a connection.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Both ends of a connection: the one that opened it, and the one it was opened to.
struct EndpointPair {
  Endpoint source;
  Endpoint destination;

  friend bool operator==(const EndpointPair&, const EndpointPair&) = default;
};

}  // namespace bonedry
