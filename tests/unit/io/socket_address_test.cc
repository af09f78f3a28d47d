#include "proxy/io/socket.h"

#include <gtest/gtest.h>

namespace bonedry::io {
namespace {

TEST(SocketAddressTest, ItsEndpointIsTheSameInBothFamilies) {
  const Endpoint expected{*parse_ip("192.0.2.1"), 8080};
  EXPECT_EQ(endpoint_of(*make_address("192.0.2.1", 8080)), expected);
  EXPECT_EQ(endpoint_of(*make_address("::ffff:192.0.2.1", 8080)), expected);
  EXPECT_EQ(endpoint_of(*make_address("2001:db8::7", 443)),
            (Endpoint{*parse_ip("2001:db8::7"), 443}));
}

}  // namespace
}  // namespace bonedry::io
