#pragma once

#include "proxy/base/ip_address.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The PROXY protocol, versions 1 and 2, as HAProxy's proxy-protocol.txt has it: what a proxy that
/// forwards connections says in front of each about the one it came by. Pure functions.
namespace bonedry::io {

/// Whose connection a PROXY header says this is.
enum class ProxySource : std::uint8_t {
  announced,  ///< of the client that it names
  own,        ///< LOCAL: of the proxy itself
  unknown,    ///< of somebody whom the proxy cannot name (UNKNOWN, UNSPEC, Unix sockets, datagrams)
};

struct ProxyHeader {
  enum class Status : std::uint8_t { more, complete, failed };

  Status status = Status::more;
  const char* why = "";                       ///< failed: a literal for the log
  std::size_t size = 0;                       ///< complete: what of the bytes it took
  ProxySource source = ProxySource::unknown;  ///< complete
  EndpointPair endpoints;                     ///< announced
};

/// The longest header taken. Addresses need 232 bytes; the rest is room for TLVs, of which the
/// longest in use describe a client's certificate. Bounds what a connection can make us keep.
inline constexpr std::size_t kMaxProxyHeader = 4096;

/// Reads the header at the front of what has come so far; asked again with all of it when more has
/// come. Fails as soon as no more bytes could make it right. Of TLVs the checksum alone is looked
/// at.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view bytes);

/// What to send in front of a connection made for a client.
[[nodiscard]] std::string proxy_header_v1(const EndpointPair& endpoints);
[[nodiscard]] std::string proxy_header_v2(const EndpointPair& endpoints);
/// What to send in front of a connection made for nobody, such as a health check.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

}  // namespace bonedry::io
