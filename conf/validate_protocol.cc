#include "conf/validate_protocol.h"

#include "conf/first_uses.h"

#include <string>

namespace bonedry::conf {
namespace {

void check_http1(const Pool& pool, const PoolSections& sections) {
  if (!pool.health.grpc) return;
  sections.health.error("grpc", "needs protocol = \"h2\" in the pool");
}

// A PROXY header says whose connection it is; with HTTP/2 users share them.
void check_http2(const Pool& pool, const PoolSections& sections) {
  if (pool.proxy_protocol != ProxyProtocol::off) {
    sections.pool.error("proxy_protocol",
                        "is not possible with protocol = \"h2\": users share connections; nodes "
                        "learn who asks from X-Forwarded-For");
  }
  if (pool.health.grpc && sections.health.has("path")) {
    sections.health.error("grpc", "the check is either this or path, which is at " +
                                      line_of(sections.health.place("path")));
  }
}

}  // namespace

void check_protocol(const Pool& pool, const PoolSections& sections) {
  if (!sections.pool.sound("protocol")) return;
  pool.protocol == NodeProtocol::h2 ? check_http2(pool, sections) : check_http1(pool, sections);
}

}  // namespace bonedry::conf
