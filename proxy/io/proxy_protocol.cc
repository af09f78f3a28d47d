#include "proxy/io/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace bonedry::io {
namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::size_t kMaxV1 = 107;  // including CR LF, by the specification

constexpr std::string_view kV2Signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kV2Fixed = 16;  // signature, version and command, family, length
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kTcpOverV4 = 0x11;
constexpr std::uint8_t kTcpOverV6 = 0x21;
constexpr std::size_t kV4Size = 4;
constexpr std::size_t kV6Size = 16;
constexpr std::size_t kTlvHead = 3;
constexpr std::uint8_t kChecksumType = 0x03;
constexpr char kAlpn = 0x01;
constexpr char kAuthority = 0x02;
constexpr char kSsl = 0x20;
constexpr char kSslVersion = 0x21;
constexpr char kSslCommonName = 0x22;
constexpr char kSslCipher = 0x23;

ProxyHeader failed(const char* why) {
  ProxyHeader header;
  header.status = Status::failed;
  header.why = why;
  return header;
}

ProxyHeader complete(std::size_t size, ProxySource source) {
  ProxyHeader header;
  header.status = Status::complete;
  header.size = size;
  header.source = source;
  return header;
}

ProxyHeader announced(std::size_t size, const EndpointPair& endpoints) {
  ProxyHeader header = complete(size, ProxySource::announced);
  header.endpoints = endpoints;
  return header;
}

bool begins_like(std::string_view bytes, std::string_view start) {
  return bytes.substr(0, start.size()) == start.substr(0, bytes.size());
}

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}

// -- Version 1 ------------------------------------------------------------------------------------

enum class Family : std::uint8_t { v4, v6 };

/// Removes the first word from a line whose words are separated by single spaces.
std::string_view take_word(std::string_view& line) {
  const std::size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
  return word;
}

std::optional<IpAddress> parse_address(std::string_view word, Family family) {
  const bool v6 = word.find(':') != std::string_view::npos;
  if (v6 != (family == Family::v6)) return std::nullopt;
  return parse_ip(word);
}

std::optional<std::uint16_t> parse_port(std::string_view word) {
  std::uint16_t port = 0;
  const bool padded = word.size() > 1 && word.front() == '0';
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (padded || error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return port;
}

/// "192.0.2.1 192.0.2.2 50000 80".
ProxyHeader parse_v1_endpoints(std::string_view line, Family family, std::size_t size) {
  // Otherwise anything after the second port would be ignored.
  if (std::ranges::count(line, ' ') != 3)
    return failed("the line does not have two addresses and two ports");
  const auto source = parse_address(take_word(line), family);
  const auto destination = parse_address(take_word(line), family);
  if (!source || !destination) return failed("an address does not match the family");
  const auto source_port = parse_port(take_word(line));
  const auto destination_port = parse_port(take_word(line));
  if (!source_port || !destination_port) return failed("a port is not a number up to 65535");
  return announced(size, {{*source, *source_port}, {*destination, *destination_port}});
}

ProxyHeader parse_v1(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, kMaxV1);
  const std::size_t end = start.find_first_of("\r\n");
  if (end == std::string_view::npos || end + 1 == start.size()) {
    const bool cr = end != std::string_view::npos && start[end] == '\r';
    if (end != std::string_view::npos && !cr) return failed("the line does not end with CR LF");
    // The missing CR LF must still fit.
    const bool fits = bytes.size() + (cr ? 1 : 2) <= kMaxV1;
    return fits ? ProxyHeader{} : failed("the line has more than 107 bytes");
  }
  if (start.substr(end, 2) != "\r\n") return failed("the line does not end with CR LF");
  std::string_view line = start.substr(kV1Start.size(), end - kV1Start.size());
  const std::string_view family = take_word(line);
  const std::size_t size = end + 2;
  if (family == "TCP4") return parse_v1_endpoints(line, Family::v4, size);
  if (family == "TCP6") return parse_v1_endpoints(line, Family::v6, size);
  // The specification says to ignore the rest of the line.
  if (family == "UNKNOWN") return complete(size, ProxySource::unknown);
  return failed("the family is not TCP4, TCP6 or UNKNOWN");
}

// -- Version 2 ------------------------------------------------------------------------------------

/// CRC-32C (RFC 3720, appendix B.4) of a header, with its own checksum, four bytes at `hole`, taken
/// as zeros.
std::uint32_t checksum(std::string_view header, std::size_t hole) {
  std::uint32_t crc = 0xffffffff;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (i - hole >= 4) crc ^= byte_at(header, i);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

bool checksum_right(std::string_view header, std::size_t at) {
  const std::uint32_t stated =
      static_cast<std::uint32_t>(number_at(header, at)) << 16U | number_at(header, at + 2);
  return checksum(header, at) == stated;
}

/// What is wrong with the TLVs from `at` on; null if nothing.
const char* fault_of_tlvs(std::string_view header, std::size_t at) {
  while (at < header.size()) {
    if (header.size() - at < kTlvHead) return "a TLV is truncated";
    const std::uint8_t type = byte_at(header, at);
    const std::size_t size = number_at(header, at + 1);
    at += kTlvHead;
    if (size > header.size() - at) return "a TLV is truncated";
    if (type == kChecksumType && (size != 4 || !checksum_right(header, at))) {
      return "the checksum is wrong";
    }
    at += size;
  }
  return nullptr;
}

IpAddress address_at(std::string_view bytes, std::size_t at, Family family) {
  std::array<std::uint8_t, kV4Size> v4{};
  IpAddress v6;
  if (family == Family::v4) {
    for (std::size_t i = 0; i < v4.size(); ++i) v4[i] = byte_at(bytes, at + i);
    return mapped(v4);
  }
  for (std::size_t i = 0; i < v6.bytes.size(); ++i) v6.bytes[i] = byte_at(bytes, at + i);
  return v6;
}

/// Both addresses, then both ports.
EndpointPair endpoints_in(std::string_view header, Family family) {
  const std::size_t size = family == Family::v4 ? kV4Size : kV6Size;
  const std::size_t ports = kV2Fixed + 2 * size;
  return {{address_at(header, kV2Fixed, family), number_at(header, ports)},
          {address_at(header, kV2Fixed + size, family), number_at(header, ports + 2)}};
}

/// The length of the addresses of `family` (high half of the byte); nothing if the family or the
/// transport (low half) is unknown.
std::optional<std::size_t> size_of_addresses(std::uint8_t family) {
  static constexpr std::array<std::size_t, 4> kSizes{0, 2 * kV4Size + 4, 2 * kV6Size + 4, 2 * 108};
  const std::size_t index = family >> 4U;
  if (index >= kSizes.size() || (family & 0xfU) > 2) return std::nullopt;
  return kSizes[index];
}

/// Parses a complete header of a forwarded connection.
ProxyHeader parse_v2_endpoints(std::string_view header, std::uint8_t family,
                               std::size_t addresses) {
  const bool unspecified = family >> 4U == 0;  // the rest is then ignored
  const char* const fault = unspecified ? nullptr : fault_of_tlvs(header, kV2Fixed + addresses);
  if (fault != nullptr) return failed(fault);
  if (family == kTcpOverV4) return announced(header.size(), endpoints_in(header, Family::v4));
  if (family == kTcpOverV6) return announced(header.size(), endpoints_in(header, Family::v6));
  return complete(header.size(), ProxySource::unknown);
}

ProxyHeader parse_v2(std::string_view bytes) {
  if (bytes.size() <= kV2Signature.size()) return {};
  const std::uint8_t command = byte_at(bytes, 12);
  if (command >> 4U != 2) return failed("the version is not 1 or 2");
  if (command != kLocal && command != kProxy) return failed("the command is not LOCAL or PROXY");
  if (bytes.size() < kV2Fixed) return {};
  const std::uint8_t family = byte_at(bytes, 13);
  const std::size_t length = number_at(bytes, 14);
  if (length > kMaxProxyHeader - kV2Fixed) return failed("the header has more than 4096 bytes");
  const auto addresses = size_of_addresses(family);
  if (command == kProxy && !addresses) return failed("unknown address family or transport");
  if (command == kProxy && length < *addresses)
    return failed("the length is too short for the addresses");
  const std::size_t size = kV2Fixed + length;
  if (bytes.size() < size) return {};
  // The content of a LOCAL header must be ignored.
  if (command == kLocal) return complete(size, ProxySource::own);
  return parse_v2_endpoints(bytes.substr(0, size), family, *addresses);
}

// -- Writing --------------------------------------------------------------------------------------

void append_number(std::string& header, std::size_t number) {
  header += static_cast<char>(number >> 8U & 0xffU);
  header += static_cast<char>(number & 0xffU);
}

/// Appends the last four bytes of an IPv4 address, or all bytes of an IPv6 address.
void append_address(std::string& header, const IpAddress& address, Family family) {
  const std::size_t skipped = family == Family::v4 ? kV6Size - kV4Size : 0;
  for (std::size_t i = skipped; i < address.bytes.size(); ++i) {
    header += static_cast<char>(address.bytes[i]);
  }
}

void append_tlv(std::string& to, char type, std::string_view value) {
  to += type;
  append_number(to, value.size());
  to += value;
}

// Section 2.2.6: which bits of PP2_TYPE_SSL's client field say what.
constexpr char kClientSpeaksTls = 0x01;
constexpr char kCertificateOnConnection = 0x02;
constexpr char kCertificateInSession = 0x04;

/// The value of PP2_TYPE_SSL (section 2.2.6). A listener accepts only certificates that it has
/// verified.
std::string ssl_tlv(const TlsInfo& tls) {
  const bool shown = !tls.peer_certificate.empty();
  const bool resumed = tls.resumed == TlsInfo::Resumed::yes;
  std::string value(1, kClientSpeaksTls);
  if (shown) value[0] |= kCertificateInSession;
  if (shown && !resumed) value[0] |= kCertificateOnConnection;
  value.append(3, '\0');  // the field that says whether it was verified: 0 if it was
  value += shown ? '\0' : '\1';
  append_tlv(value, kSslVersion, tls.version);
  if (!tls.peer_common_name.empty()) append_tlv(value, kSslCommonName, tls.peer_common_name);
  append_tlv(value, kSslCipher, tls.cipher);
  return value;
}

std::string tlvs_of(const TlsInfo& tls) {
  std::string tlvs;
  if (!tls.alpn.empty()) append_tlv(tlvs, kAlpn, tls.alpn);
  if (!tls.server_name.empty()) append_tlv(tlvs, kAuthority, tls.server_name);
  append_tlv(tlvs, kSsl, ssl_tlv(tls));
  return tlvs;
}

/// A header has one family: IPv4 together with IPv6 is sent as IPv4-mapped IPv6.
Family family_of(const EndpointPair& endpoints) {
  const bool v4 = endpoints.source.address.is_v4() && endpoints.destination.address.is_v4();
  return v4 ? Family::v4 : Family::v6;
}

std::string text_of(const IpAddress& address, Family family) {
  const bool as_mapped = family == Family::v6 && address.is_v4();
  return (as_mapped ? "::ffff:" : "") + to_string(address);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (begins_like(bytes, kV1Start)) {
    return bytes.size() < kV1Start.size() ? ProxyHeader{} : parse_v1(bytes);
  }
  if (begins_like(bytes, kV2Signature)) return parse_v2(bytes);
  return failed("no PROXY header");
}

std::string proxy_header_v1(const EndpointPair& endpoints) {
  const Family family = family_of(endpoints);
  return std::string(kV1Start) + (family == Family::v4 ? "TCP4 " : "TCP6 ") +
         text_of(endpoints.source.address, family) + " " +
         text_of(endpoints.destination.address, family) + " " +
         std::to_string(endpoints.source.port) + " " + std::to_string(endpoints.destination.port) +
         "\r\n";
}

std::string proxy_header_v2(const EndpointPair& endpoints, const TlsInfo* tls) {
  const Family family = family_of(endpoints);
  const std::string tlvs = tls == nullptr ? "" : tlvs_of(*tls);
  std::string header(kV2Signature);
  header += static_cast<char>(kProxy);
  header += static_cast<char>(family == Family::v4 ? kTcpOverV4 : kTcpOverV6);
  append_number(header, 2 * (family == Family::v4 ? kV4Size : kV6Size) + 4 + tlvs.size());
  append_address(header, endpoints.source.address, family);
  append_address(header, endpoints.destination.address, family);
  append_number(header, endpoints.source.port);
  append_number(header, endpoints.destination.port);
  header += tlvs;
  return header;
}

std::string own_proxy_header_v1() {
  return "PROXY UNKNOWN\r\n";
}

std::string own_proxy_header_v2() {
  std::string header(kV2Signature);
  header += static_cast<char>(kLocal);
  header.append(3, '\0');  // no family, no length
  return header;
}

}  // namespace bonedry::io
