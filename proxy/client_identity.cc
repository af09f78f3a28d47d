#include "proxy/client_identity.h"

#include <utility>

namespace bonedry::proxy {
namespace {

http::Trust trust_in(const IpAddress& address, std::span<const conf::Network> trusted) {
  return conf::any_contains(trusted, address) ? http::Trust::forwarded : http::Trust::none;
}

}  // namespace

ClientIdentity::ClientIdentity(const Endpoint& peer, std::string text,
                               std::span<const conf::Network> trusted)
    : source_(peer), text_(std::move(text)), trust_(trust_in(peer.address, trusted)) {}

void ClientIdentity::announce(const io::ProxyHeader& header,
                              std::span<const conf::Network> trusted) {
  switch (header.source) {
    case io::ProxySource::own:
      return;
    case io::ProxySource::unknown:
      // The proxy forwards an unknown client, which is not trusted just because the proxy is.
      trust_ = http::Trust::none;
      return;
    case io::ProxySource::announced:
      source_ = header.endpoints.source;
      destination_ = header.endpoints.destination;
      text_ = to_string(source_.address);
      trust_ = trust_in(source_.address, trusted);
  }
}

void ClientIdentity::set_local_address(const Endpoint& local) {
  if (!destination_) destination_ = local;
}

}  // namespace bonedry::proxy
