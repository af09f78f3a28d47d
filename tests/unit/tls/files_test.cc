// What is said of a listener's certificates together.
#include "proxy/tls/files.h"

#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateSpec;
using bonedry::test::KeyKind;

class ListenerFilesTest : public testing::Test {
 protected:
  conf::Certificate write(const std::string& name, const CertificateSpec& spec) {
    const auto issued = bonedry::test::self_signed(spec);
    conf::Certificate certificate;
    certificate.certificate = files_.write(name + ".pem", issued.certificate);
    certificate.key = files_.write(name + ".key", issued.key);
    std::filesystem::permissions(certificate.key, std::filesystem::perms::owner_read);
    return certificate;
  }

  bonedry::test::TemporaryDirectory files_;
};

TEST_F(ListenerFilesTest, ACertificateThatNoClientGetsIsAWarning) {
  conf::ListenerTls tls;
  tls.certificates = {write("first", {.names = {"shop.example", "www.shop.example"}}),
                      write("other-key", {.names = {"shop.example"}, .key = KeyKind::rsa_2048}),
                      write("unused", {.names = {"www.shop.example"}})};
  const auto warnings = read_files(tls, SystemClock().wall());
  ASSERT_TRUE(warnings) << warnings.error();
  EXPECT_THAT(*warnings, testing::ElementsAre(
                             (files_ / "unused.pem") +
                             ": no client gets it: certificates before it have all of its names "
                             "and the same type of key"));
}

}  // namespace
}  // namespace bonedry::tls::test
