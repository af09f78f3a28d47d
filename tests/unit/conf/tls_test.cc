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
}

TEST(TlsConfigTest, AllKeys) {
  const auto tls =
      load(with_tls(std::string(kCertificates) +
                    "minimum_version = '1.3'\nciphers = 'A:B'\ncipher_suites = 'C'\ngroups = 'D'\n"
                    "alpn = ['http/1.1']\nclient_certificates = 'required'\nclient_ca = 'ca.pem'\n"
                    "strict_sni = true\nhsts = '365d'\n"))
          .config.listeners[0]
          .tls;
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->minimum_version, TlsVersion::tls_1_3);
  EXPECT_EQ(tls->ciphers, "A:B");
  EXPECT_EQ(tls->cipher_suites, "C");
  EXPECT_EQ(tls->groups, "D");
  EXPECT_EQ(tls->client_certificates, ClientCertificates::required);
  EXPECT_EQ(tls->client_ca.path, "ca.pem");
  EXPECT_TRUE(tls->strict_sni);
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
       {good + "alpn = ['h2']",
        "f:11:9: listener[#1].tls.alpn[#1]: \"h2\" is not a protocol that "
        "clients can choose here; expected \"http/1.1\""},
       {good + "client_certificates = 'optional'",
        "f:11:23: listener[#1].tls.client_certificates: no CA is trusted to issue them; set "
        "client_ca"},
       {good + "ciphers = ''",
        "f:11:11: listener[#1].tls.ciphers: \"\" is not a list for OpenSSL; "
        "expected names separated by \":\""}});
}

TEST(TlsConfigTest, ACaThatNothingUsesIsAWarning) {
  EXPECT_THAT(load(with_tls(std::string(kCertificates) + "client_ca = 'ca.pem'")).warnings,
              ElementsAre("f:11:13: listener[#1].tls.client_ca: ignored: client_certificates is "
                          "\"none\""));
}

}  // namespace
}  // namespace bonedry::conf::test
