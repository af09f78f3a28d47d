#include "proxy/proxy_header.h"

namespace bonedry::proxy {

std::string proxy_header(conf::ProxyProtocol protocol, const std::optional<EndpointPair>& endpoints,
                         const io::TlsInfo* tls) {
  switch (protocol) {
    case conf::ProxyProtocol::off:
      return {};
    case conf::ProxyProtocol::v1:
      return endpoints ? io::proxy_header_v1(*endpoints) : io::own_proxy_header_v1();
    case conf::ProxyProtocol::v2:
      return endpoints ? io::proxy_header_v2(*endpoints, tls) : io::own_proxy_header_v2();
  }
  return {};
}

}  // namespace bonedry::proxy
