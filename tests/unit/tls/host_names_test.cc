// Which certificate is for which host.
#include "proxy/tls/host_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::tls::test {
namespace {

using testing::ElementsAre;

conf::Certificate certificate_for(std::vector<std::string> names,
                                  const std::string& key_type = "ECDSA P-256") {
  auto contents = std::make_shared<conf::CertificateContents>();
  contents->names = std::move(names);
  contents->key_type = key_type;
  return {"shop.pem", "shop.key", std::move(contents)};
}

HostNames host_names(const std::vector<std::vector<std::string>>& names) {
  std::vector<conf::Certificate> certificates;
  for (const auto& one : names) certificates.push_back(certificate_for(one));
  return HostNames(certificates);
}

TEST(HostNamesTest, EachNameHasACertificateForEachTypeOfKey) {
  const HostNames hosts(
      {{certificate_for({"shop.example", "www.shop.example"}), certificate_for({"api.example"}),
        certificate_for({"shop.example"}, "RSA 2048"),
        certificate_for({"*.shop.example"}, "RSA 4096")}});
  ASSERT_EQ(hosts.all().size(), 4U);
  EXPECT_THAT(hosts.all()[0].names, ElementsAre("shop.example"));
  EXPECT_THAT(hosts.all()[0].certificates, ElementsAre(0U, 2U));
  EXPECT_THAT(hosts.all()[1].names, ElementsAre("www.shop.example"));
  EXPECT_THAT(hosts.all()[1].certificates, ElementsAre(0U, 3U)) << "the wildcard's key is RSA";
  EXPECT_THAT(hosts.all()[2].certificates, ElementsAre(1U));
  EXPECT_THAT(hosts.all()[3].names, ElementsAre("*.shop.example"));
  EXPECT_THAT(hosts.all()[3].certificates, ElementsAre(3U));
}

TEST(HostNamesTest, NamesWithTheSameCertificatesAreOneHost) {
  const HostNames hosts({{certificate_for({"shop.example", "example"}),
                          certificate_for({"example", "shop.example"}, "RSA 2048")}});
  ASSERT_EQ(hosts.all().size(), 1U);
  EXPECT_THAT(hosts.all()[0].names, ElementsAre("shop.example", "example"));
}

TEST(HostNamesTest, OfSeveralWithOneTypeOfKeyTheFirstIsUsed) {
  const HostNames hosts = host_names({{"shop.example"}, {"api.example", "shop.example"}});
  EXPECT_EQ(hosts.find("shop.example"), 0U);
  EXPECT_THAT(hosts.all()[0].certificates, ElementsAre(0U));
  EXPECT_EQ(hosts.find("api.example"), 1U);
}

TEST(HostNamesTest, AWildcardStandsForOneLabel) {
  const HostNames hosts = host_names({{"shop.example"}, {"*.shop.example"}});
  EXPECT_EQ(hosts.find("www.shop.example"), 1U);
  for (const char* name : {"", ".", "..", "www.", ".shop.example", "a.b.shop.example", "example",
                           "*.example", "*.shop.example", "w*.shop.example"}) {
    EXPECT_EQ(hosts.find(name), std::nullopt) << name;
  }
}

TEST(HostNamesTest, CoversTheNamesOfTheCertificateThatTheClientGot) {
  const HostNames hosts =
      host_names({{"shop.example", "192.0.2.1", "2001:db8::1"}, {"*.api.example", "api.example"}});
  EXPECT_TRUE(hosts.covers("shop.example", "shop.example"));
  EXPECT_TRUE(hosts.covers("shop.example", "SHOP.example."));
  EXPECT_TRUE(hosts.covers("", "192.0.2.1")) << "the first certificate is for who names nobody";
  EXPECT_TRUE(hosts.covers("unknown.example", "2001:DB8:0:0::1"));
  EXPECT_TRUE(hosts.covers("v1.api.example", "V2.api.example"));
  EXPECT_TRUE(hosts.covers("v1.api.example", "api.example"));
  const HostNames overlapping = host_names({{"shop.example"}, {"www.example", "shop.example"}});
  EXPECT_TRUE(overlapping.covers("www.example", "shop.example")) << "its certificate is for both";
  EXPECT_FALSE(overlapping.covers("shop.example", "www.example"));

  EXPECT_FALSE(hosts.covers("shop.example", "api.example")) << "there is another for that";
  EXPECT_FALSE(hosts.covers("api.example", "shop.example"));
  EXPECT_FALSE(hosts.covers("api.example", "a.b.api.example"));
  for (const char* name : {"", ".", ".api.example", "xapi.example", "192.0.2.2", "v1."}) {
    EXPECT_FALSE(hosts.covers("api.example", name)) << name;
  }
}

TEST(HostNamesTest, NoCertificateCoversNothing) {
  const HostNames hosts;
  EXPECT_EQ(hosts.find("shop.example"), std::nullopt);
  EXPECT_FALSE(hosts.covers("shop.example", "shop.example"));
}

}  // namespace
}  // namespace bonedry::tls::test
