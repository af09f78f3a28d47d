#include "config_text.h"

namespace bonedry::conf::test {
namespace {

const char* const kCertificates = "certificates = [{ certificate = 'a.pem', key = 'a.key' }]\n";

std::string with_tls(std::string_view lines) {
  return with_listeners("[[listener]]\naddress = '127.0.0.1:443'\npool = 'shop'\n[listener.tls]\n" +
                        std::string(lines));
}

TEST(TlsConfigTest, WithoutATableThereIsNoTls) {
  const auto config =
      load(with_listeners("[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n")).config;
  EXPECT_FALSE(config.listeners[0].tls);
}

TEST(TlsConfigTest, Defaults) {
  const auto tls = load(with_tls(kCertificates)).config.listeners[0].tls;
  ASSERT_TRUE(tls);
  ASSERT_EQ(tls->certificates.size(), 1U);
  EXPECT_EQ(tls->certificates[0].certificate, "a.pem");
  EXPECT_EQ(tls->certificates[0].key, "a.key");
  EXPECT_EQ(tls->minimum_version, TlsVersion::tls_1_2);
  EXPECT_EQ(tls->client_certificates, ClientCertificates::none);
  EXPECT_EQ(tls->hsts, Millis{0});
  EXPECT_FALSE(tls->strict_sni);
  EXPECT_FALSE(tls->strict_host);
}

TEST(TlsConfigTest, AllKeys) {
  const auto tls =
      load(with_tls(std::string(kCertificates) +
                    "minimum_version = '1.3'\nciphers = 'A:B'\ncipher_suites = 'C'\ngroups = 'D'\n"
                    "alpn = ['http/1.1']\nclient_certificates = 'required'\nclient_ca = 'ca.pem'\n"
                    "client_cert_chain = true\nocsp_response = 'shop.ocsp'\nstrict_sni = "
                    "true\nstrict_host = true\nhsts = '365d'\n"))
          .config.listeners[0]
          .tls;
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->minimum_version, TlsVersion::tls_1_3);
  EXPECT_EQ(tls->ciphers, "A:B");
  EXPECT_EQ(tls->cipher_suites, "C");
  EXPECT_EQ(tls->groups, "D");
  EXPECT_EQ(tls->client_certificates, ClientCertificates::required);
  EXPECT_EQ(tls->client_ca.path, "ca.pem");
  EXPECT_TRUE(tls->client_cert_chain);
  EXPECT_EQ(tls->ocsp_response.path, "shop.ocsp");
  EXPECT_TRUE(tls->strict_sni);
  EXPECT_TRUE(tls->strict_host);
  EXPECT_EQ(tls->hsts, Millis{365LL * 24 * 3600 * 1000});
}

TEST(TlsConfigTest, Errors) {
  const std::string good = kCertificates;
  expect_errors(
      with_tls,
      {{"strict_sni = true",
        "f:9:1: listener[#1].tls.certificates: missing; expected at least one "
        "certificate and its key"},
       {"certificates = []",
        "f:10:16: listener[#1].tls.certificates: missing; expected at least "
        "one certificate and its key"},
       {"certificates = [{ certificate = 'a.pem' }]",
        "f:10:17: listener[#1].tls.certificates[#1].key: required, but missing"},
       {good + "minimum_version = '1.1'",
        R"(f:11:19: listener[#1].tls.minimum_version: "1.1" is not a valid value; expected one of: 1.2, 1.3)"},
       {good + "alpn = ['h3']",
        "f:11:9: listener[#1].tls.alpn[#1]: \"h3\" is not a valid value; expected one of: h2, "
        "http/1.1"},
       {good + "client_certificates = 'optional'",
        "f:11:23: listener[#1].tls.client_certificates: no CA is trusted to issue them; set "
        "client_ca"},
       {good + "ciphers = 'A B'",
        "f:11:11: listener[#1].tls.ciphers: \"A B\" is not a list for OpenSSL; "
        "expected names separated by \":\", or \"\" for the default"}});
}

TEST(TlsConfigTest, WhatIsEmptyIsAsIfItWereNotWritten) {
  const auto tls = load(with_tls(std::string(kCertificates) +
                                 "ciphers = ''\ncipher_suites = ''\ngroups = ''\nclient_ca = ''"));
  EXPECT_TRUE(tls.warnings.empty());
  EXPECT_EQ(tls.config.listeners[0].tls, load(with_tls(kCertificates)).config.listeners[0].tls);
}

std::string with_pool_tls(std::string_view lines) {
  return "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n[[pool]]\nname = 'shop'\n"
         "[[pool.node]]\nname = 'alice'\naddress = '127.0.0.1:9001'\n[pool.tls]\n" +
         std::string(lines);
}

TEST(PoolTlsConfigTest, AbsentMeansPlain) {
  EXPECT_FALSE(load(with_tls(kCertificates)).config.pools[0].tls);
}

TEST(PoolTlsConfigTest, NodesAreVerifiedByDefault) {
  for (const std::string lines :
       {"", "verify = true\nca = ''\nserver_name = ''\ncertificate = ''\nkey = ''"}) {
    const Loaded loaded = load(with_pool_tls(lines));
    ASSERT_TRUE(loaded.config.pools[0].tls);
    EXPECT_EQ(*loaded.config.pools[0].tls, PoolTls{});
    EXPECT_TRUE(loaded.config.pools[0].tls->verify);
    EXPECT_TRUE(loaded.warnings.empty());
  }
}

TEST(PoolTlsConfigTest, AllKeys) {
  const auto tls =
      load(with_pool_tls("ca = 'ca.pem'\nserver_name = 'shop.internal'\ncertificate = 'p.pem'\n"
                         "key = 'p.key'"))
          .config.pools[0]
          .tls;
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->ca.path, "ca.pem");
  EXPECT_EQ(tls->server_name, "shop.internal");
  ASSERT_TRUE(tls->certificate);
  EXPECT_EQ(tls->certificate->certificate, "p.pem");
  EXPECT_EQ(tls->certificate->key, "p.key");
}

TEST(PoolTlsConfigTest, Errors) {
  expect_errors(
      with_pool_tls,
      {{"key = 'p.key'", "f:10:7: pool[shop].tls.key: it has no certificate; set certificate, too"},
       {"certificate = 'p.pem'",
        "f:10:15: pool[shop].tls.certificate: it has no key; set key, too"},
       {"server_name = 'shop:443'",
        "f:10:15: pool[shop].tls.server_name: \"shop:443\" is not a host name; expected a name "
        "such "
        "as \"shop.internal\" or a numeric address, without a port; or \"\" for the node's "
        "address"},
       {"server_name = '*.internal'",
        "f:10:15: pool[shop].tls.server_name: \"*.internal\" is not a host name; expected a name "
        "such "
        "as \"shop.internal\" or a numeric address, without a port; or \"\" for the node's "
        "address"},
       {"verify = 'no'",
        "f:10:10: pool[shop].tls.verify: expected a boolean (true or false), got a string"},
       {"insecure = true",
        "f:10:1: pool[shop].tls.insecure: unknown key; expected one of: verify, ca, server_name, "
        "certificate, key"}});
}

TEST(PoolTlsConfigTest, NoVerificationIsAWarning) {
  EXPECT_THAT(
      load(with_pool_tls("verify = false\nca = 'ca.pem'")).warnings,
      ElementsAre("f:10:10: pool[shop].tls.verify: anyone who can answer for a node can read and "
                  "change what users send; set ca to what has issued the nodes' certificates, and "
                  "remove this key",
                  "f:11:6: pool[shop].tls.ca: ignored: verify is false"));
}

TEST(TlsConfigTest, IssuersOfClientsWithoutCertificatesAreAWarning) {
  EXPECT_THAT(load(with_tls(std::string(kCertificates) + "client_cert_chain = true")).warnings,
              ElementsAre("f:11:21: listener[#1].tls.client_cert_chain: ignored: "
                          "client_certificates is \"none\""));
}

TEST(TlsConfigTest, ACaThatNothingUsesIsAWarning) {
  EXPECT_THAT(load(with_tls(std::string(kCertificates) + "client_ca = 'ca.pem'")).warnings,
              ElementsAre("f:11:13: listener[#1].tls.client_ca: ignored: client_certificates is "
                          "\"none\""));
}

}  // namespace
}  // namespace bonedry::conf::test
