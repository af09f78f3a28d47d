// How nodes are spoken to: protocol, streams_per_connection, and checks of gRPC.
#include "config_text.h"

namespace bonedry::conf::test {
namespace {

const std::string kH2 = "protocol = 'h2'\n";

/// A config whose pool speaks HTTP/2 and contains `text`, starting in line 7.
std::string in_an_h2_pool(std::string_view text) {
  return in_a_pool(kH2 + std::string(text));
}

TEST(ProtocolTest, Defaults) {
  const Pool pool = load(in_a_pool("")).config.pools[0];
  EXPECT_EQ(pool.protocol, NodeProtocol::h1);
  EXPECT_EQ(pool.streams_per_connection, 8U);
  EXPECT_FALSE(pool.health.grpc);
}

TEST(ProtocolTest, Values) {
  EXPECT_EQ(load(in_a_pool("protocol = 'h1'")).config.pools[0].protocol, NodeProtocol::h1);
  EXPECT_EQ(load(in_a_pool(kH2)).config.pools[0].protocol, NodeProtocol::h2);
  for (const unsigned streams : {1U, 1'000U}) {
    const std::string text = "streams_per_connection = " + std::to_string(streams);
    EXPECT_EQ(load(in_an_h2_pool(text)).config.pools[0].streams_per_connection, streams);
  }
}

TEST(ProtocolTest, ValuesThatAreRefused) {
  expect_errors(
      in_a_pool,
      {{"protocol = 'http2'",
        R"(f:6:12: pool[shop].protocol: "http2" is not a valid value; expected one of: h1, h2)"},
       {"protocol = 'H2'",
        R"(f:6:12: pool[shop].protocol: "H2" is not a valid value; expected one of: h1, h2)"},
       {"protocol = 2", "f:6:12: pool[shop].protocol: expected a string, got an integer"},
       {"streams_per_connection = 0",
        "f:6:26: pool[shop].streams_per_connection: 0 is out of range; expected 1 to 1000"},
       {"streams_per_connection = 1001",
        "f:6:26: pool[shop].streams_per_connection: 1001 is out of range; expected 1 to 1000"},
       {"streams_per_connection = '8'",
        "f:6:26: pool[shop].streams_per_connection: expected an integer, got a string"},
       {"streams_per_conection = 8",
        "f:6:1: pool[shop].streams_per_conection: unknown key; did you mean "
        "\"streams_per_connection\"?"}});
}

TEST(ProtocolTest, NodesThatUsersShareGetNoProxyHeader) {
  const std::string error =
      ": pool[shop].proxy_protocol: is not possible with protocol = \"h2\": users share "
      "connections; nodes learn who asks from X-Forwarded-For";
  expect_errors(in_an_h2_pool, {{"proxy_protocol = 'v1'", "f:7:18" + error},
                                {"proxy_protocol = 'v2'", "f:7:18" + error}});
  EXPECT_THAT(errors_of(in_an_h2_pool("proxy_protocol = 'off'")), IsEmpty());
  EXPECT_THAT(errors_of(in_a_pool("proxy_protocol = 'v2'")), IsEmpty());
}

TEST(ProtocolTest, ChecksOfGrpc) {
  EXPECT_EQ(load(in_an_h2_pool("health.grpc = ''")).config.pools[0].health.grpc, "");
  EXPECT_EQ(load(in_an_h2_pool("health.grpc = 'shop.Orders'")).config.pools[0].health.grpc,
            "shop.Orders");
  const std::string longest(200, 's');
  EXPECT_EQ(load(in_an_h2_pool("health.grpc = '" + longest + "'")).config.pools[0].health.grpc,
            longest);
}

TEST(ProtocolTest, ServicesThatAreRefused) {
  const std::string expected =
      R"( is not a service of gRPC; expected a name such as "shop.Orders", or "" for the whole )"
      "server";
  const std::string place = "f:7:15: pool[shop].health.grpc: ";
  const std::string too_long(201, 's');
  expect_errors(in_an_h2_pool,
                {{"health.grpc = 'a b'", place + R"("a b")" + expected},
                 {"health.grpc = 'caf\xc3\xa9'", place + "\"caf\xc3\xa9\"" + expected},
                 {"health.grpc = '" + too_long + "'",
                  place + "\"" + std::string(60, 's') + "...\"" + expected},
                 {"health.grpc = true", place + "expected a string, got a boolean"}});
}

TEST(ProtocolTest, AServiceNeedsHttp2) {
  const Row row{"health.grpc = ''",
                "f:6:15: pool[shop].health.grpc: needs protocol = \"h2\" in "
                "the pool"};
  expect_errors(in_a_pool, {row});
  EXPECT_EQ(errors_of(in_a_pool("protocol = 'h1'\nhealth.grpc = ''")).size(), 1U);
}

TEST(ProtocolTest, ACheckIsOneOrTheOther) {
  expect_errors(in_an_h2_pool, {{"health.grpc = ''\nhealth.path = '/x'",
                                 "f:7:15: pool[shop].health.grpc: the check is either this or "
                                 "path, which is at line 8"}});
  EXPECT_THAT(errors_of(in_an_h2_pool("health.path = '/x'")), IsEmpty());
}

TEST(ProtocolTest, AnUnknownProtocolIsTheOnlyError) {
  expect_errors(in_a_pool,
                {{"protocol = 'h3'\nproxy_protocol = 'v2'\nhealth.grpc = ''",
                  R"(f:6:12: pool[shop].protocol: "h3" is not a valid value; expected one of: )"
                  "h1, h2"}});
}

}  // namespace
}  // namespace bonedry::conf::test
