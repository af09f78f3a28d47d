#include "conf/config.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace bonedry::conf {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const bool padded = text.size() > 1 && text.front() == '0';
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (padded || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// The one shortest form of a numeric host, so that equal addresses compare equal.
std::optional<std::string> canonical(int family, const std::string& host) {
  in6_addr binary{};  // large enough for both families
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (host.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(family, host.c_str(), &binary) != 1) return std::nullopt;
  if (inet_ntop(family, &binary, text.data(), text.size()) == nullptr) return std::nullopt;
  return text.data();
}

}  // namespace

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

bool AdminHttp::is_loopback() const {
  return socket.empty() && (address.host == "::1" || address.host.starts_with("127."));
}

std::string to_string(const TokenScope& scope) {
  if (scope.kind == TokenScope::Kind::read) return "read";
  if (scope.kind == TokenScope::Kind::operate) return "operate";
  return "bleed:" + scope.pool + "/" + scope.node;
}

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto numeric = canonical(bracketed ? AF_INET6 : AF_INET, std::string{host});
  const auto port = parse_port(text.substr(colon + 1));
  if (!numeric || !port) return std::nullopt;
  return Address{*numeric, *port};
}

}  // namespace bonedry::conf
