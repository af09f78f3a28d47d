#include "proxy/tls/certificate.h"

#include "proxy/tls/openssl.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::tls {
namespace {

using test::CertificateAuthority;
using test::IssuedCertificate;
using test::self_signed;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kAllowedTypes =
    "; expected RSA with at least 2048 bits, ECDSA with P-256, P-384 or P-521, or Ed25519";
constexpr std::string_view kWrongOrder =
    "; expected the server's own certificate, then the one that issued it, and so on";
constexpr std::string_view kIncomplete =
    "\" is neither in it nor a root of this system; add the certificate of the issuer at the end";

/// Has OpenSSL take one authority of ours for the only root of the system. It looks once.
class SystemRoots : public testing::Environment {
 public:
  void SetUp() override {
    ::setenv("SSL_CERT_FILE", directory_.write("roots.pem", root_.certificate()).c_str(), 1);
    ::setenv("SSL_CERT_DIR", directory_.path().c_str(), 1);
  }
  [[nodiscard]] const CertificateAuthority& root() const { return root_; }

 private:
  test::TemporaryDirectory directory_;
  CertificateAuthority root_{"System Root"};
};
const auto* const kSystem =
    dynamic_cast<SystemRoots*>(testing::AddGlobalTestEnvironment(new SystemRoots));

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

X509Certificate parse(const std::string& pem) {
  return X509Certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
}

Pkey parse_key(const std::string& pem) {
  return Pkey(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, nullptr, nullptr));
}

std::string written(const std::function<void(BIO*)>& write) {
  const Bio out(BIO_new(BIO_s_mem()));
  write(out.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  return written([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
  return written(
      [&](BIO* out) { PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

/// A certificate that an edit has changed before its key signed it.
IssuedCertificate edited(Pkey key, const std::function<void(X509*)>& edit) {
  const X509Certificate certificate = parse(self_signed().certificate);
  X509_set_pubkey(certificate.get(), key.get());
  edit(certificate.get());
  const bool hashes = EVP_PKEY_is_a(key.get(), "ED25519") != 1;
  X509_sign(certificate.get(), key.get(), hashes ? EVP_sha256() : nullptr);
  return {pem_of(certificate.get()), pem_of(key.get())};
}

IssuedCertificate edited(const std::function<void(X509*)>& edit) {
  return edited(Pkey(EVP_EC_gen("P-256")), edit);
}

IssuedCertificate with_key(EVP_PKEY* key) {
  return edited(Pkey(key), [](X509* /*certificate*/) {});
}

/// Removes an extension, and adds another value of it unless it is empty.
void set_extension(X509* certificate, int nid, const char* value) {
  X509_EXTENSION_free(X509_delete_ext(certificate, X509_get_ext_by_NID(certificate, nid, -1)));
  if (*value == '\0') return;
  X509V3_CTX context{};
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void set_name_with_nul(X509* certificate) {
  ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, "shop.example\0.evil.example", 26);
  GENERAL_NAME* const name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  GENERAL_NAMES* const names = GENERAL_NAMES_new();
  sk_GENERAL_NAME_push(names, name);
  X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE);
  GENERAL_NAMES_free(names);
}

/// From 2026-01-02 03:04:05 to 2026-07-01 00:00:00.
IssuedCertificate of_early_2026() {
  return edited([](X509* certificate) {
    ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20260102030405Z");
    ASN1_TIME_set_string(X509_getm_notAfter(certificate), "20260701000000Z");
  });
}

WallTime at(std::string_view date) {
  const auto* const text = date.data();
  const std::chrono::sys_days day{std::chrono::year{std::atoi(text)} / std::atoi(text + 5) /
                                  std::atoi(text + 8)};
  return WallTime{std::chrono::milliseconds(day.time_since_epoch()).count()};
}

WallTime now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return WallTime{std::chrono::duration_cast<Millis>(since).count()};
}

/// With a character in the middle that no base64 has.
std::string damaged(std::string pem) {
  pem[pem.size() / 2] = '!';
  return pem;
}

class CertificateTest : public testing::Test {
 protected:
  /// Writes a file that only its owner can read.
  std::string write(std::string_view name, std::string_view content) {
    std::string path = directory_.write(name, content);
    ::chmod(path.c_str(), 0600);
    return path;
  }

  /// Paths in texts are relative to the directory.
  std::string short_text(std::string text) const {
    const std::string prefix = directory_.path() + "/";
    for (auto found = text.find(prefix); found != std::string::npos; found = text.find(prefix)) {
      text.erase(found, prefix.size());
    }
    return text;
  }

  Result<ReadCertificate> read(const std::string& certificate_name, const std::string& key_name) {
    auto result = read_certificate(directory_ / certificate_name, directory_ / key_name, now_,
                                   CertificateUse::to_clients);
    EXPECT_EQ(ERR_peek_error(), 0U);
    return result;
  }

  Result<ReadCertificate> read_texts(const std::string& certificate, const std::string& key) {
    write("shop.pem", certificate);
    write("shop.key", key);
    return read("shop.pem", "shop.key");
  }

  std::string error_in(const std::string& certificate_name, const std::string& key_name) {
    const auto result = read(certificate_name, key_name);
    return result ? "no error" : short_text(result.error());
  }

  std::string error_of(const std::string& certificate, const std::string& key) {
    const auto result = read_texts(certificate, key);
    return result ? "no error" : short_text(result.error());
  }

  std::string error_of(const IssuedCertificate& issued) {
    return error_of(issued.certificate, issued.key);
  }

  std::vector<std::string> warnings_of(const std::string& certificate, const std::string& key) {
    const auto result = read_texts(certificate, key);
    if (!result) return {"error: " + short_text(result.error())};
    std::vector<std::string> warnings;
    for (const auto& warning : result->warnings) warnings.push_back(short_text(warning));
    return warnings;
  }

  test::TemporaryDirectory directory_;
  WallTime now_ = now();
  const CertificateAuthority root_;
};

TEST_F(CertificateTest, ReadsAChainAndItsKey) {
  const auto intermediate = root_.intermediate("Test Intermediate");
  const auto issued = intermediate.issue(
      {.names = {"Shop.Example", "*.shop.example", "192.0.2.1", "2001:db8::1", "shop.example"}});
  const std::string chain = issued.certificate + intermediate.certificate() + root_.certificate();
  const auto result = read_texts(chain, issued.key);
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->contents.chain, chain);
  EXPECT_EQ(result->contents.key, issued.key);
  EXPECT_THAT(result->contents.names,
              ElementsAre("shop.example", "*.shop.example", "192.0.2.1", "2001:db8::1"));
  EXPECT_EQ(result->contents.key_type, "ECDSA P-256");
  EXPECT_THAT(result->warnings, IsEmpty());
}

TEST_F(CertificateTest, ReadsBothFromOneFile) {
  const auto issued = self_signed();
  for (const std::string& content :
       {issued.certificate + issued.key, issued.key + issued.certificate}) {
    write("both.pem", content);
    const auto result = read("both.pem", "both.pem");
    ASSERT_TRUE(result) << result.error();
    EXPECT_EQ(result->contents.chain, issued.certificate);
    EXPECT_EQ(result->contents.key, issued.key);
  }
}

TEST_F(CertificateTest, NormalisesWhatEditorsAndToolsMakeOfAFile) {
  const auto issued = root_.issue();
  const std::string chain = issued.certificate + root_.certificate();
  std::string joined = issued.certificate;
  joined.pop_back();
  std::string windows;
  for (const char c : chain) windows += c == '\n' ? "\r\n" : std::string{c};
  const std::string trusted =
      written([&](BIO* out) { PEM_write_bio_X509_AUX(out, parse(issued.certificate).get()); });
  for (const std::string& content :
       {joined + root_.certificate(), windows, "\xef\xbb\xbf" + chain,
        trusted + root_.certificate(), "subject=CN = shop\n\n" + chain + "# from -----BEGIN x"}) {
    const auto result = read_texts(content, "-----BEGIN EC PARAMETERS-----\n" + issued.key);
    ASSERT_TRUE(result) << result.error();
    EXPECT_EQ(result->contents.chain, chain);
    EXPECT_EQ(result->contents.key, issued.key);
  }
}

TEST_F(CertificateTest, TellsTheTimesOfTheServersCertificateAndTheEarliestEnd) {
  const auto issued = of_early_2026();
  const auto result = read_texts(issued.certificate, issued.key);
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->contents.not_before.ms, 1'767'323'045'000);
  EXPECT_EQ(result->contents.not_after, at("2026-07-01"));

  const auto longer = root_.issue({.ends = std::chrono::hours{24 * 365 * 20}});
  const auto chained = read_texts(longer.certificate + root_.certificate(), longer.key);
  ASSERT_TRUE(chained) << chained.error();
  const Millis left = chained->contents.not_after - now_;
  EXPECT_NEAR(std::chrono::duration<double>(left).count(), 10 * 365 * 86400.0, 600);
}

TEST_F(CertificateTest, RefusesFilesThatItCannotRead) {
  const auto issued = root_.issue();
  write("shop.pem", issued.certificate);
  write("shop.key", issued.key);
  write("empty", "");
  write("large", std::string(1024 * 1024 + 1, '#'));
  const std::vector<std::pair<std::string, std::string>> errors{
      {"missing", "cannot read missing: No such file or directory"},
      {"empty", "empty: is empty"},
      {"large", "cannot read large: it is larger than 1 MiB"},
      {".", "cannot read .: Is a directory"}};
  for (const auto& [other, expected] : errors) {
    EXPECT_EQ(error_in(other, "shop.key"), expected);
    EXPECT_EQ(error_in("shop.pem", other), expected);
    EXPECT_EQ(error_in(other, other), expected);
  }
}

TEST_F(CertificateTest, RefusesFilesWithoutWhatTheyAreFor) {
  const auto issued = root_.issue();
  EXPECT_EQ(error_of("nothing\n", issued.key),
            "shop.pem: contains no certificate; expected PEM, which begins with -----BEGIN "
            "CERTIFICATE-----");
  EXPECT_EQ(error_of(issued.key, issued.key),
            "shop.pem: contains no certificate; expected PEM, which begins with -----BEGIN "
            "CERTIFICATE-----");
  EXPECT_EQ(error_of(issued.certificate, issued.certificate),
            "shop.key: contains no private key; expected PEM, which begins with -----BEGIN PRIVATE "
            "KEY-----");
  EXPECT_EQ(error_of(issued.certificate, issued.key + self_signed().key),
            "shop.key: contains 2 private keys; expected one");
}

TEST_F(CertificateTest, TellsHowToConvertOtherFormats) {
  const auto issued = root_.issue();
  const auto certificate = parse(issued.certificate);
  const auto key = parse_key(issued.key);
  const auto der = written([&](BIO* out) { i2d_X509_bio(out, certificate.get()); });
  const auto key_der = written([&](BIO* out) { i2d_PrivateKey_bio(out, key.get()); });
  const auto both = written([&](BIO* out) {
    PKCS12* const made =
        PKCS12_create("secret", "shop", key.get(), certificate.get(), nullptr, 0, 0, 0, 0, 0);
    i2d_PKCS12_bio(out, made);
    PKCS12_free(made);
  });
  EXPECT_EQ(error_of(der, issued.key),
            "shop.pem: is in DER; expected PEM. Convert it with openssl x509 -inform DER -in "
            "shop.pem -out shop.pem.pem");
  EXPECT_EQ(error_of(issued.certificate, key_der),
            "shop.key: is in DER; expected PEM. Convert it with openssl pkey -inform DER -in "
            "shop.key -out shop.key.pem");
  EXPECT_EQ(error_of(both, issued.key),
            "shop.pem: is in PKCS #12; expected PEM. Convert it with openssl pkcs12 -nodes -in "
            "shop.pem -out shop.pem.pem");
}

TEST_F(CertificateTest, RefusesDamagedParts) {
  const auto issued = root_.issue();
  const std::string& good = issued.certificate;
  const std::string half = good.substr(0, good.size() / 2);
  for (const std::string& bad : {damaged(good), half, half + "\n-----END CERTIFICATE-----\n",
                                 std::string("-----BEGIN CERTIFICATE-----")}) {
    EXPECT_EQ(error_of(bad + root_.certificate(), issued.key),
              "shop.pem: certificate 1 is damaged; copy it again from where it was issued");
    EXPECT_EQ(error_of(good + bad, issued.key),
              "shop.pem: certificate 2 is damaged; copy it again from where it was issued");
  }
  EXPECT_EQ(error_of(good, damaged(issued.key)),
            "shop.key: the private key is damaged, or of a type that is unknown");
  EXPECT_EQ(error_of(good, issued.key.substr(0, issued.key.size() / 2)),
            "shop.key: the private key is damaged, or of a type that is unknown");
}

TEST_F(CertificateTest, DoesNotOverlookACertificateWhoseFirstLineIsDamaged) {
  const auto issued = root_.issue();
  const std::string headless = root_.certificate().substr(1);
  EXPECT_EQ(error_of(issued.certificate + headless + root_.certificate(), issued.key),
            "shop.pem: certificate 1 is damaged; copy it again from where it was issued");
}

TEST_F(CertificateTest, ReadsTheCertificatesOfAuthorities) {
  const std::string two = root_.certificate() + CertificateAuthority("Other").certificate();
  const auto read = read_authorities(write("ca.pem", two));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, two);
}

TEST_F(CertificateTest, RefusesFilesOfAuthoritiesThatItCannotReadAsAWhole) {
  const std::string one = root_.certificate();
  const auto error = [this](const std::string& content) {
    const auto result = read_authorities(write("ca.pem", content));
    EXPECT_EQ(ERR_peek_error(), 0U);
    return result ? "no error" : short_text(result.error());
  };
  EXPECT_EQ(error(one + damaged(one) + one),
            "ca.pem: certificate 2 is damaged; copy it again from where it was issued");
  EXPECT_EQ(error(one + one.substr(1) + one),
            "ca.pem: certificate 1 is damaged; copy it again from where it was issued");
  EXPECT_EQ(error(""), "ca.pem: is empty");
  EXPECT_EQ(error(root_.issue().key),
            "ca.pem: contains no certificate; expected PEM, which begins with -----BEGIN "
            "CERTIFICATE-----");
}

TEST_F(CertificateTest, RefusesAnEncryptedKeyAndAsksForNoPassword) {
  const auto issued = root_.issue();
  const auto key = parse_key(issued.key);
  char password[] = "secret";
  auto* const bytes = reinterpret_cast<unsigned char*>(password);
  const auto modern = written([&](BIO* out) {
    PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
  });
  const auto traditional = written([&](BIO* out) {
    PEM_write_bio_PrivateKey_traditional(out, key.get(), EVP_aes_128_cbc(), bytes, 6, nullptr,
                                         nullptr);
  });
  for (const std::string& encrypted : {modern, traditional}) {
    EXPECT_EQ(error_of(issued.certificate, encrypted),
              "shop.key: the private key is encrypted; decrypt it with openssl pkey -in shop.key "
              "-out shop.key.plain");
  }
  // One that hides that it is encrypted is damaged.
  const auto body = modern.find("ENCRYPTED ");
  std::string hidden = modern;
  hidden.erase(body, 10).erase(hidden.find("ENCRYPTED "), 10);
  EXPECT_EQ(error_of(issued.certificate, hidden),
            "shop.key: the private key is damaged, or of a type that is unknown");
}

TEST_F(CertificateTest, RefusesTheKeyOfAnotherCertificate) {
  const auto issued = root_.issue();
  EXPECT_EQ(error_of(issued.certificate, root_.issue().key),
            "shop.key: the private key does not belong to the certificate in shop.pem");
  EXPECT_EQ(error_of(issued.certificate, root_.issue({.key = test::KeyKind::rsa_2048}).key),
            "shop.key: the private key does not belong to the certificate in shop.pem");
}

TEST_F(CertificateTest, RefusesAChainThatIsOutOfOrder) {
  const auto intermediate = root_.intermediate("Test Intermediate");
  const auto issued = intermediate.issue();
  const std::string& own = issued.certificate;
  const std::string& middle = intermediate.certificate();
  EXPECT_EQ(error_of(middle + own, issued.key),
            "shop.pem: out of order: the server's own certificate must come first; the private "
            "key belongs to certificate 2");
  EXPECT_EQ(
      error_of(own + root_.certificate() + middle, issued.key),
      "shop.pem: certificate 2 is not the issuer of certificate 1" + std::string(kWrongOrder));
  EXPECT_EQ(
      error_of(own + middle + CertificateAuthority().certificate(), issued.key),
      "shop.pem: certificate 3 is not the issuer of certificate 2" + std::string(kWrongOrder));
  EXPECT_EQ(
      error_of(own + self_signed().certificate, issued.key),
      "shop.pem: certificate 2 is not the issuer of certificate 1" + std::string(kWrongOrder));
}

TEST_F(CertificateTest, ComparesSignaturesAndNotOnlyNames) {
  const auto authority = [](X509* certificate) {
    set_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    set_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign");
    set_extension(certificate, NID_authority_key_identifier, "");
  };
  const auto one = edited(authority);
  EXPECT_EQ(
      error_of(one.certificate + edited(authority).certificate, one.key),
      "shop.pem: certificate 2 is not the issuer of certificate 1" + std::string(kWrongOrder));
}

TEST_F(CertificateTest, RefusesTheSameCertificateTwice) {
  const auto issued = root_.issue();
  EXPECT_EQ(error_of(issued.certificate + root_.certificate() + issued.certificate, issued.key),
            "shop.pem: certificates 1 and 3 are the same; remove one of them");
  EXPECT_EQ(error_of(issued.certificate + root_.certificate() + root_.certificate(), issued.key),
            "shop.pem: certificates 2 and 3 are the same; remove one of them");
}

TEST_F(CertificateTest, NamesTheTypesOfKeysThatItAllows) {
  const auto type_of = [this](EVP_PKEY* key) {
    const auto issued = with_key(key);
    const auto result = read_texts(issued.certificate, issued.key);
    return result ? result->contents.key_type : result.error();
  };
  EXPECT_EQ(type_of(EVP_RSA_gen(2048U)), "RSA 2048");
  EXPECT_EQ(type_of(EVP_RSA_gen(2056U)), "RSA 2056");
  EXPECT_EQ(type_of(EVP_EC_gen("P-384")), "ECDSA P-384");
  EXPECT_EQ(type_of(EVP_EC_gen("P-521")), "ECDSA P-521");
  EXPECT_EQ(type_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), "Ed25519");
}

TEST_F(CertificateTest, RefusesKeysThatAreWeakOrThatClientsDoNotKnow) {
  const auto expected = [](std::string_view type) {
    return "shop.key: the private key is " + std::string(type) + std::string(kAllowedTypes);
  };
  EXPECT_EQ(error_of(with_key(EVP_RSA_gen(1024U))), expected("RSA 1024"));
  EXPECT_EQ(error_of(with_key(EVP_RSA_gen(2040U))), expected("RSA 2040"));
  EXPECT_EQ(error_of(with_key(EVP_EC_gen("P-224"))), expected("ECDSA secp224r1"));
  EXPECT_EQ(error_of(with_key(EVP_EC_gen("secp256k1"))), expected("ECDSA secp256k1"));
  EXPECT_EQ(error_of(with_key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"))), expected("X25519"));
}

TEST_F(CertificateTest, RefusesACertificateWithoutNames) {
  const std::string expected =
      "shop.pem: certificate 1 has no DNS name and no IP address in its subjectAltName, and "
      "clients ignore its common name; have it issued with one";
  EXPECT_EQ(error_of(root_.issue({.names = {}})), expected);
  EXPECT_EQ(error_of(edited([](X509* certificate) {
              set_extension(certificate, NID_subject_alt_name, "email:admin@shop.example");
            })),
            expected);
}

TEST_F(CertificateTest, RefusesANameWithNul) {
  EXPECT_EQ(error_of(edited(&set_name_with_nul)),
            "shop.pem: a name of certificate 1 contains a NUL character; have it issued without");
}

TEST_F(CertificateTest, RefusesAnAuthoritysCertificate) {
  const std::string expected =
      "shop.pem: certificate 1 is an authority's; expected the server's own certificate first, and "
      "its private key";
  const auto with_usage = [](const char* names, const char* usage) {
    return edited([&](X509* certificate) {
      set_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
      set_extension(certificate, NID_subject_alt_name, names);
      set_extension(certificate, NID_key_usage, usage);
    });
  };
  EXPECT_EQ(error_of(with_usage("", "critical,digitalSignature,keyCertSign")), expected);
  EXPECT_EQ(error_of(with_usage("DNS:shop.example", "critical,keyCertSign")), expected);
  // As openssl req -x509 makes them for a server.
  EXPECT_EQ(error_of(with_usage("DNS:shop.example", "")), "no error");
}

TEST_F(CertificateTest, WarnsOfTimes) {
  const auto issued = of_early_2026();
  const auto warnings = [&](std::string_view date) {
    now_ = at(date);
    return warnings_of(issued.certificate, issued.key);
  };
  EXPECT_THAT(warnings("2026-01-02"),
              ElementsAre("shop.pem: is not valid before 2026-01-02; clients will reject it"));
  EXPECT_THAT(warnings("2026-01-03"), IsEmpty());
  EXPECT_THAT(warnings("2026-06-17"), IsEmpty());
  EXPECT_THAT(warnings("2026-06-18"), ElementsAre("shop.pem: expires on 2026-07-01; renew it"));
  EXPECT_THAT(warnings("2026-07-01"), ElementsAre("shop.pem: expires on 2026-07-01; renew it"));
  EXPECT_THAT(warnings("2026-07-02"),
              ElementsAre("shop.pem: expired on 2026-07-01; clients will reject it"));
}

TEST_F(CertificateTest, WarnsOfTheTimesOfIssuers) {
  const auto issued = root_.issue({.ends = std::chrono::hours{24 * 365 * 20}});
  now_ = now_ + std::chrono::hours{24 * 365 * 11};
  const auto warnings = warnings_of(issued.certificate + root_.certificate(), issued.key);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings.front(),
              testing::MatchesRegex("shop.pem: certificate 2 expired on ....-..-..; clients will "
                                    "reject it"));
}

TEST_F(CertificateTest, WarnsOfAnIncompleteChain) {
  const auto intermediate = root_.intermediate("Test Intermediate");
  const auto issued = intermediate.issue();
  const std::string& own = issued.certificate;
  EXPECT_THAT(warnings_of(own, issued.key),
              ElementsAre("shop.pem: is incomplete: the issuer \"CN=Test Intermediate" +
                          std::string(kIncomplete)));
  EXPECT_THAT(
      warnings_of(own + intermediate.certificate(), issued.key),
      ElementsAre("shop.pem: is incomplete: the issuer \"CN=Test Root" + std::string(kIncomplete)));
  EXPECT_THAT(warnings_of(own + intermediate.certificate() + root_.certificate(), issued.key),
              IsEmpty());
  const auto own_issuer = self_signed();
  EXPECT_THAT(warnings_of(own_issuer.certificate, own_issuer.key), IsEmpty());
}

TEST_F(CertificateTest, KnowsTheRootsOfTheSystem) {
  const auto intermediate = kSystem->root().intermediate("Known Intermediate");
  const auto issued = intermediate.issue();
  EXPECT_THAT(warnings_of(issued.certificate + intermediate.certificate(), issued.key), IsEmpty());
  EXPECT_THAT(warnings_of(issued.certificate, issued.key),
              ElementsAre("shop.pem: is incomplete: the issuer \"CN=Known Intermediate" +
                          std::string(kIncomplete)));
  const auto direct = kSystem->root().issue();
  EXPECT_THAT(warnings_of(direct.certificate, direct.key), IsEmpty());
}

TEST_F(CertificateTest, WarnsOfACertificateThatIsOnlyForClients) {
  const auto issued = edited(
      [](X509* certificate) { set_extension(certificate, NID_ext_key_usage, "clientAuth"); });
  EXPECT_THAT(warnings_of(issued.certificate, issued.key),
              ElementsAre("shop.pem: is not for servers: its extendedKeyUsage lacks serverAuth; "
                          "clients will reject it"));
  const auto any =
      edited([](X509* certificate) { set_extension(certificate, NID_ext_key_usage, ""); });
  EXPECT_THAT(warnings_of(any.certificate, any.key), IsEmpty());
}

TEST_F(CertificateTest, WarnsOfAKeyThatOthersCanRead) {
  const auto issued = self_signed();
  write("shop.pem", issued.certificate);
  const std::string key = write("shop.key", issued.key);
  for (const unsigned mode : {0600U, 0640U, 0660U}) {
    ::chmod(key.c_str(), mode);
    const auto result = read("shop.pem", "shop.key");
    ASSERT_TRUE(result);
    EXPECT_THAT(result->warnings, IsEmpty());
  }
  ::chmod(key.c_str(), 0644);
  const auto result = read("shop.pem", "shop.key");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_EQ(short_text(result->warnings.front()),
            "shop.key: the private key is readable by others; run chmod o= shop.key");
}

}  // namespace
}  // namespace bonedry::tls
