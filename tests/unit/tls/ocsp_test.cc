#include "proxy/tls/ocsp.h"

#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/tls/memory_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <chrono>
#include <string>
#include <vector>

namespace bonedry::tls::test {
namespace {

using bonedry::test::CertificateAuthority;
using bonedry::test::IssuedCertificate;
using bonedry::test::OcspSpec;
using bonedry::test::OcspStatus;
using bonedry::test::TemporaryDirectory;
using std::chrono::hours;
using std::chrono::seconds;

/// A listener with two certificates.
class OcspTest : public testing::Test {
 protected:
  OcspTest() {
    for (const IssuedCertificate* one : {&first_, &second_}) {
      certificates_.push_back(to_config(*one, {"shop.example"}));
    }
  }
  ~OcspTest() override { EXPECT_EQ(ERR_peek_error(), 0U); }

  [[nodiscard]] Result<conf::OcspFile> read(const std::string& content) const {
    return read_ocsp_response(files_.write("shop.ocsp", content), certificates_);
  }
  /// Without the name of the file, which it must begin with.
  [[nodiscard]] std::string error_of(const std::string& content) const {
    const auto file = read(content);
    if (file) return "no error";
    const std::string begin = (files_ / "shop.ocsp") + ": ";
    EXPECT_EQ(file.error().substr(0, begin.size()), begin);
    return file.error().substr(begin.size());
  }

  CertificateAuthority authority_;
  IssuedCertificate first_ = authority_.issue();
  IssuedCertificate second_ = authority_.issue({.key = bonedry::test::KeyKind::rsa_2048});
  std::vector<conf::Certificate> certificates_;
  TemporaryDirectory files_;
};

TEST_F(OcspTest, AGoodOneIsForOneOfTheCertificates) {
  const std::string der = authority_.ocsp_response(second_.certificate);
  const auto file = read(der);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(file->response, der);
  EXPECT_EQ(file->certificate, 1U);
  EXPECT_EQ(file->next_update - file->this_update, hours{25});
  EXPECT_EQ(read(authority_.ocsp_response(first_.certificate))->certificate, 0U);
}

TEST_F(OcspTest, ItIsValidFromItsUpdateToTheNext) {
  const conf::OcspFile file = *read(authority_.ocsp_response(first_.certificate));
  EXPECT_EQ(ocsp_fault(file, file.this_update - Millis{1}), "is not valid yet");
  EXPECT_EQ(ocsp_fault(file, file.this_update), "");
  EXPECT_EQ(ocsp_fault(file, file.next_update - Millis{1}), "");
  EXPECT_EQ(ocsp_fault(file, file.next_update), "is no longer valid (nextUpdate)");
}

TEST_F(OcspTest, OneThatHasEndedIsNoError) {
  const OcspSpec old{.this_update = hours{-48}, .next_update = hours{-24}};
  EXPECT_TRUE(read(authority_.ocsp_response(first_.certificate, old)));
}

TEST_F(OcspTest, WhatIsNoneIsRefused) {
  constexpr const char* kNone = "is not an OCSP response in DER; openssl ocsp -respout writes one";
  EXPECT_EQ(error_of(""), kNone);
  EXPECT_EQ(error_of("text"), kNone);
  EXPECT_EQ(error_of(first_.certificate), kNone);
  const std::string good = authority_.ocsp_response(first_.certificate);
  EXPECT_EQ(error_of(good + "x"), kNone);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    EXPECT_NE(error_of(good.substr(0, size)), "no error") << size;
  }
  EXPECT_EQ(read(std::string(64 * 1024 + 1, 'x')).error(),
            "cannot read " + (files_ / "shop.ocsp") + ": it is larger than 64 KiB");
}

TEST_F(OcspTest, ADamagedOneDoesNoHarm) {
  const std::string good = authority_.ocsp_response(first_.certificate);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    (void)read(damaged);
    ERR_clear_error();
  }
}

TEST_F(OcspTest, AnErrorOfTheResponderIsRefused) {
  const std::string try_later("\x30\x03\x0a\x01\x03", 5);
  EXPECT_EQ(error_of(try_later), "the responder answered only \"trylater\"; ask it again");
}

TEST_F(OcspTest, OneForAnotherCertificateIsNotTaken) {
  const CertificateAuthority other("Other");
  for (const std::string& response : {authority_.ocsp_response(authority_.issue().certificate),
                                      other.ocsp_response(other.issue().certificate)}) {
    const auto file = read(response);
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ(file->path, files_ / "shop.ocsp");
    EXPECT_EQ(file->response, "");
    EXPECT_EQ(ocsp_fault(*file, SystemClock().wall()),
              "is for none of the listener's certificates");
  }
}

TEST_F(OcspTest, OneOfAnotherAuthorityOfTheSameNameIsNotTaken) {
  first_.certificate += authority_.certificate();
  certificates_ = {to_config(first_, {"shop.example"})};
  EXPECT_NE(read(authority_.ocsp_response(first_.certificate))->response, "");
  EXPECT_EQ(read(CertificateAuthority().ocsp_response(first_.certificate))->response, "");
}

TEST_F(OcspTest, ACertificateThatIsNotGoodIsRefused) {
  const auto said = [this](OcspStatus status) {
    return error_of(authority_.ocsp_response(first_.certificate, {.status = status}));
  };
  EXPECT_EQ(said(OcspStatus::revoked), "says that the certificate is revoked; expected \"good\"");
  EXPECT_EQ(said(OcspStatus::unknown), "says that the certificate is unknown; expected \"good\"");
}

TEST_F(OcspTest, OneWithoutAnEndIsRefused) {
  EXPECT_EQ(error_of(authority_.ocsp_response(first_.certificate, {.next_update = std::nullopt})),
            "has no nextUpdate, so nobody can tell how long it is valid; expected a response with "
            "one");
}

TEST_F(OcspTest, AFileThatCannotBeReadIsAnError) {
  const auto file = read_ocsp_response(files_ / "missing", certificates_);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error(), testing::HasSubstr("missing: No such file or directory"));
}

}  // namespace
}  // namespace bonedry::tls::test
