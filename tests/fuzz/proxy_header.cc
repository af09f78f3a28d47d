// The PROXY protocol header of a proxy in front of us.
#include "proxy/io/proxy_protocol.h"
#include "tests/fuzz/target.h"

#include <string>

namespace bonedry::fuzz {
namespace {

using io::ProxyHeader;
using Status = ProxyHeader::Status;

void require_same(const ProxyHeader& found, const ProxyHeader& wanted, const char* what) {
  require(found.status == wanted.status && found.size == wanted.size &&
              found.source == wanted.source && found.endpoints == wanted.endpoints,
          what);
}

/// A verdict is final: bytes after a header, or after a fault, do not change it.
void check_pieces(std::string_view bytes, const ProxyHeader& whole) {
  Status last = Status::more;
  for (std::size_t size = 0; size <= bytes.size() && size <= io::kMaxProxyHeader; ++size) {
    const ProxyHeader part = io::parse_proxy_header(bytes.substr(0, size));
    if (last != Status::more) require(part.status == last, "a verdict stands");
    if (part.status == Status::complete) require_same(part, whole, "and so does what it says");
    last = part.status;
  }
  if (bytes.size() <= io::kMaxProxyHeader) {
    require(last == whole.status, "all pieces make the whole");
  }
}

void check_written(const EndpointPair& endpoints) {
  for (const std::string& text : {io::proxy_header_v1(endpoints), io::proxy_header_v2(endpoints)}) {
    const ProxyHeader again = io::parse_proxy_header(text + "GET / HTTP/1.1\r\n");
    require(again.status == Status::complete && again.size == text.size(), "ours can be read");
    require(again.source == io::ProxySource::announced && again.endpoints == endpoints,
            "and says the same");
  }
}

}  // namespace

int fuzz_one(Input input) {
  const std::string_view bytes = text_of(input);
  const ProxyHeader header = io::parse_proxy_header(bytes);
  check_pieces(bytes, header);
  switch (header.status) {
    case Status::more:
      require(bytes.size() < io::kMaxProxyHeader, "what is kept is bounded");
      break;
    case Status::failed:
      require(header.why[0] != '\0', "a refusal says why");
      break;
    case Status::complete:
      require(header.size > 0 && header.size <= bytes.size() && header.size <= io::kMaxProxyHeader,
              "a header is no longer than what came");
      if (header.source == io::ProxySource::announced) check_written(header.endpoints);
      break;
  }
  return 0;
}

}  // namespace bonedry::fuzz
