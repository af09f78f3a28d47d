#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry {

/// An IP address as a value. IPv4 is held as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that an
/// address is the same one however it came in.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] bool is_v4() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// From the four bytes of an IPv4 address, in network order.
[[nodiscard]] IpAddress mapped(const std::array<std::uint8_t, 4>& v4);

/// "192.0.2.1" or "2001:db8::1", and nothing around it.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
/// The shortest form; IPv4 in IPv6 as plain IPv4.
[[nodiscard]] std::string to_string(const IpAddress& address);

/// One end of a connection.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Both ends of a connection: who made it, and where to.
struct EndpointPair {
  Endpoint source;
  Endpoint destination;

  friend bool operator==(const EndpointPair&, const EndpointPair&) = default;
};

}  // namespace bonedry
