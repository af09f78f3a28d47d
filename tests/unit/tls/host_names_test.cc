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

conf::Certificate certificate_for(std::vector<std::string> names) {
  auto contents = std::make_shared<conf::CertificateContents>();
  contents->names = std::move(names);
  return {"shop.pem", "shop.key", std::move(contents)};
}

HostNames host_names(const std::vector<std::vector<std::string>>& names) {
  std::vector<conf::Certificate> certificates;
  for (const auto& one : names) certificates.push_back(certificate_for(one));
  return HostNames(certificates);
}

TEST(HostNamesTest, CertificatesWithTheSameNamesAreOneHost) {
  const HostNames hosts =
      host_names({{"shop.example", "example"}, {"api.example"}, {"example", "shop.example"}});
  ASSERT_EQ(hosts.all().size(), 2U);
  EXPECT_THAT(hosts.all()[0].certificates, ElementsAre(0U, 2U));
  EXPECT_THAT(hosts.all()[0].names, ElementsAre("shop.example", "example"));
  EXPECT_THAT(hosts.all()[1].certificates, ElementsAre(1U));
}

TEST(HostNamesTest, ANameOfSeveralHostsBelongsToTheFirst) {
  const HostNames hosts = host_names({{"shop.example"}, {"api.example", "shop.example"}});
  EXPECT_EQ(hosts.find("shop.example"), 0U);
  EXPECT_EQ(hosts.find("api.example"), 1U);
}

TEST(HostNamesTest, AWildcardStandsForOneLabel) {
  const HostNames hosts = host_names({{"shop.example"}, {"*.shop.example"}});
  EXPECT_EQ(hosts.find("www.shop.example"), 1U);
  for (const char* name :
       {"", ".", "..", "www.", ".shop.example", "a.b.shop.example", "example", "*.example"}) {
    EXPECT_EQ(hosts.find(name), std::nullopt) << name;
  }
}

TEST(HostNamesTest, CoversTheNamesOfTheCertificateThatTheClientGot) {
  const HostNames hosts =
      host_names({{"shop.example", "192.0.2.1", "2001:db8::1"}, {"*.api.example", "api.example"}});
  EXPECT_TRUE(hosts.covers("shop.example", "shop.example"));
  EXPECT_TRUE(hosts.covers("shop.example", "SHOP.example."));
  EXPECT_TRUE(hosts.covers("", "192.0.2.1")) << "the first certificate is for who names nobody";
  EXPECT_TRUE(hosts.covers("unknown.example", "2001:DB8::1"));
  EXPECT_TRUE(hosts.covers("v1.api.example", "V2.api.example"));
  EXPECT_TRUE(hosts.covers("v1.api.example", "api.example"));

  EXPECT_FALSE(hosts.covers("shop.example", "api.example")) << "there is another for that";
  EXPECT_FALSE(hosts.covers("api.example", "shop.example"));
  EXPECT_FALSE(hosts.covers("api.example", "a.b.api.example"));
  for (const char* name : {"", ".", ".api.example", "xapi.example", "192.0.2.2"}) {
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
