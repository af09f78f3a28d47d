// A certificate that we show to nodes.
#include "proxy/tls/certificate.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateAuthority;
using bonedry::test::IssuedCertificate;
using std::chrono::hours;

class ClientCertificateFileTest : public testing::Test {
 protected:
  [[nodiscard]] Result<ReadCertificate> read(const IssuedCertificate& issued) const {
    const std::string certificate = files_.write("own.pem", issued.certificate);
    const std::string key = files_.write("own.key", issued.key);
    std::filesystem::permissions(key, std::filesystem::perms::owner_read);
    return read_certificate(certificate, key, SystemClock().wall(), CertificateUse::to_servers);
  }

  CertificateAuthority authority_;
  bonedry::test::TemporaryDirectory files_;
};

/// Its authority is the nodes' own, which no system knows.
TEST_F(ClientCertificateFileTest, NeedsNoNameAndNoKnownIssuer) {
  const auto result = read(authority_.issue({.names = {}}));
  ASSERT_TRUE(result) << result.error();
  EXPECT_THAT(result->contents.names, testing::IsEmpty());
  EXPECT_THAT(result->warnings, testing::IsEmpty());
}

/// Such as `openssl req -x509 -subj /CN=proxy` makes.
TEST_F(ClientCertificateFileTest, MayBeItsOwnAuthority) {
  const auto result = read({authority_.certificate(), authority_.key()});
  EXPECT_TRUE(result) << result.error();
}

TEST_F(ClientCertificateFileTest, WarnsOfWhatNodesReject) {
  const auto result = read(authority_.issue({.starts = hours{-48}, .ends = hours{-24}}));
  ASSERT_TRUE(result) << result.error();
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_THAT(result->warnings[0], testing::EndsWith("; nodes will reject it"));
}

}  // namespace
}  // namespace bonedry::tls::test
