#include "proxy/proxy_header.h"

namespace bonedry::proxy {

std::string proxy_header(conf::ProxyProtocol protocol, const EndpointPair& endpoints) {
  switch (protocol) {
    case conf::ProxyProtocol::off:
      return {};
    case conf::ProxyProtocol::v1:
      return io::proxy_header_v1(endpoints);
    case conf::ProxyProtocol::v2:
      return io::proxy_header_v2(endpoints);
  }
  return {};
}

std::string own_proxy_header(conf::ProxyProtocol protocol) {
  switch (protocol) {
    case conf::ProxyProtocol::off:
      return {};
    case conf::ProxyProtocol::v1:
      return io::own_proxy_header_v1();
    case conf::ProxyProtocol::v2:
      return io::own_proxy_header_v2();
  }
  return {};
}

}  // namespace bonedry::proxy
