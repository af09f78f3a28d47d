#pragma once

#include "proxy/base/ip_address.h"
#include "proxy/io/tls_info.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The PROXY protocol, versions 1 and 2, as specified in HAProxy's proxy-protocol.txt: a header in
/// front of each forwarded connection that describes the connection it came by. Pure functions.
namespace bonedry::io {

/// Whose connection it is, according to a PROXY header.
enum class ProxySource : std::uint8_t {
  announced,  ///< of the client that the header names
  own,        ///< LOCAL: of the proxy itself
  unknown,    ///< of a client that the proxy cannot name (UNKNOWN, UNSPEC, Unix sockets, datagrams)
};

struct ProxyHeader {
  enum class Status : std::uint8_t { more, complete, failed };

  Status status = Status::more;
  const char* why = "";                       ///< failed: a literal for the log
  std::size_t size = 0;                       ///< complete: its length in bytes
  ProxySource source = ProxySource::unknown;  ///< complete
  EndpointPair endpoints;                     ///< announced
};

/// The longest header accepted, in bytes. Addresses need 232 bytes; the rest is room for TLVs, of
/// which the longest in use describe a client's certificate. Bounds the memory that a connection
/// can use.
inline constexpr std::size_t kMaxProxyHeader = 4096;

/// Parses the header at the start of the bytes received so far; while more is needed, call it again
/// with all bytes when more have arrived. Fails as soon as no further bytes could make it valid. Of
/// the TLVs only the checksum is checked.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view bytes);

/// The header to send at the start of a connection made for a client.
[[nodiscard]] std::string proxy_header_v1(const EndpointPair& endpoints);
/// `tls`: how the client's connection is encrypted, for TLVs that say so; null: it is not.
[[nodiscard]] std::string proxy_header_v2(const EndpointPair& endpoints,
                                          const TlsInfo* tls = nullptr);
/// The header to send at the start of a connection made for no client, such as a health check.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

}  // namespace bonedry::io
