#include "conf/network.h"

#include <algorithm>
#include <charconv>

namespace bonedry::conf {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kBitsBeforeV4 = 96;

/// The address with all bits after the first `prefix` cleared.
IpAddress masked(IpAddress address, unsigned prefix) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const unsigned before = static_cast<unsigned>(i) * 8;
    const unsigned kept = prefix <= before ? 0 : std::min(prefix - before, 8U);
    address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return address;
}

/// An address and a prefix length as written; host bits may be set.
struct Cidr {
  IpAddress address;
  unsigned prefix;
};

std::optional<unsigned> parse_prefix(std::string_view text, unsigned max) {
  unsigned prefix = 0;
  const bool padded = text.size() > 1 && text.front() == '0';
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  if (padded || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (prefix > max) return std::nullopt;
  return prefix;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const std::optional<IpAddress> address = parse_ip(host);
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr{*address, kBits};
  // The notation decides which bits the prefix counts: "::ffff:10.0.0.0/104" is "10.0.0.0/8".
  const bool v4 = host.find(':') == std::string_view::npos;
  const unsigned before = v4 ? kBitsBeforeV4 : 0;
  const auto prefix = parse_prefix(text.substr(slash + 1), kBits - before);
  if (!prefix) return std::nullopt;
  return Cidr{*address, before + *prefix};
}

}  // namespace

bool Network::contains(const IpAddress& address) const {
  return address.is_v4() == first.is_v4() && masked(address, prefix) == first;
}

bool Network::contains_all_of_family() const {
  return prefix == (first.is_v4() ? kBitsBeforeV4 : 0);
}

std::optional<Network> parse_network(std::string_view text) {
  const auto cidr = parse_cidr(text);
  if (!cidr || masked(cidr->address, cidr->prefix) != cidr->address) {
    return std::nullopt;
  }
  return Network{cidr->address, cidr->prefix};
}

std::optional<Network> enclosing_network(std::string_view text) {
  const auto cidr = parse_cidr(text);
  if (!cidr) return std::nullopt;
  return Network{masked(cidr->address, cidr->prefix), cidr->prefix};
}

std::string to_string(const Network& network) {
  const std::string host = bonedry::to_string(network.first);
  if (network.prefix == kBits) return host;
  const unsigned before = network.first.is_v4() ? kBitsBeforeV4 : 0;
  return host + "/" + std::to_string(network.prefix - before);
}

bool any_contains(std::span<const Network> networks, const IpAddress& address) {
  return std::ranges::any_of(
      networks, [&address](const Network& network) { return network.contains(address); });
}

}  // namespace bonedry::conf
