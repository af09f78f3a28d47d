#include "tests/support/certificates.h"

#include "proxy/base/ip_address.h"
#include "proxy/tls/openssl.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <stdexcept>

namespace bonedry::test {
namespace {

using tls::Bio;
using tls::Pkey;
using tls::X509Certificate;
using Extension = std::unique_ptr<X509_EXTENSION, tls::Freed<&X509_EXTENSION_free>>;

constexpr std::size_t kCommonNameLimit = 64;  // RFC 5280, ub-common-name
constexpr std::chrono::hours kYear{24 * 365};

/// What a certificate says of its owner.
struct Subject {
  std::string common_name;
  std::chrono::hours starts;
  std::chrono::hours ends;
  struct Item {
    int nid;
    std::string value;  ///< as in a config file of OpenSSL
  };
  std::vector<Item> extensions;
};

/// Who signs a certificate.
struct Signer {
  X509* certificate;
  EVP_PKEY* key;
};

template <class T>
T require(T result, const char* what) {
  if (!result) throw std::runtime_error(std::string("certificates: cannot ") + what);
  return result;
}

template <class Write>
std::string to_pem(Write write) {
  const Bio memory(require(BIO_new(BIO_s_mem()), "allocate"));
  require(write(memory.get()) == 1, "write PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

IssuedCertificate to_pem(X509* certificate, EVP_PKEY* key) {
  return {to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); }),
          to_pem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

Bio reader(const std::string& text) {
  return Bio(require(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), "allocate"));
}

Pkey new_key(KeyKind kind) {
  EVP_PKEY* const key = kind == KeyKind::rsa_2048 ? EVP_RSA_gen(2048U) : EVP_EC_gen("P-256");
  return Pkey(require(key, "generate a key"));
}

void set_serial(X509* certificate) {
  std::uint64_t number = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) == 1, "draw lots");
  number = (number >> 1U) | 1U;  // positive
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number), "set the serial");
}

void set_name(X509* certificate, const std::string& common_name) {
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text,
                                     static_cast<int>(common_name.size()), -1, 0),
          "set the name");
}

void set_times(X509* certificate, const Subject& subject) {
  const auto seconds = [](std::chrono::hours from_now) {
    return static_cast<long>(std::chrono::seconds(from_now).count());
  };
  require(X509_gmtime_adj(X509_getm_notBefore(certificate), seconds(subject.starts)), "set a time");
  require(X509_gmtime_adj(X509_getm_notAfter(certificate), seconds(subject.ends)), "set a time");
}

void add_extension(X509* certificate, X509* issuer, const Subject::Item& item) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(require(
      X509V3_EXT_conf_nid(nullptr, &context, item.nid, item.value.c_str()), "make an extension"));
  require(X509_add_ext(certificate, extension.get(), -1), "add an extension");
}

/// Without a signer the certificate is signed with its own key.
X509Certificate make_certificate(const Subject& subject, EVP_PKEY* key, const Signer* signer) {
  X509Certificate made(require(X509_new(), "allocate"));
  X509* const issuer = signer != nullptr ? signer->certificate : made.get();
  require(X509_set_version(made.get(), X509_VERSION_3), "set the version");
  set_serial(made.get());
  set_name(made.get(), subject.common_name);
  require(X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)), "set the issuer");
  set_times(made.get(), subject);
  require(X509_set_pubkey(made.get(), key), "set the key");
  // The identifier of its own key first: one that signs itself refers to it.
  add_extension(made.get(), issuer, {NID_subject_key_identifier, "hash"});
  add_extension(made.get(), issuer, {NID_authority_key_identifier, "keyid:always"});
  for (const Subject::Item& item : subject.extensions) add_extension(made.get(), issuer, item);
  require(X509_sign(made.get(), signer != nullptr ? signer->key : key, EVP_sha256()), "sign");
  return made;
}

Subject authority_subject(const std::string& name) {
  return {name,
          -kYear,
          10 * kYear,
          {{NID_basic_constraints, "critical,CA:TRUE"},
           {NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"}}};
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    list += list.empty() ? "" : ",";
    list += (parse_ip(name) ? "IP:" : "DNS:") + name;
  }
  return list;
}

Subject leaf_subject(const CertificateSpec& spec) {
  const std::string usage = "critical,digitalSignature";
  Subject subject{
      spec.names.empty() ? "shop.example" : spec.names.front().substr(0, kCommonNameLimit),
      spec.starts,
      spec.ends,
      {{NID_basic_constraints, "critical,CA:FALSE"},
       {NID_key_usage, spec.key == KeyKind::rsa_2048 ? usage + ",keyEncipherment" : usage},
       {NID_ext_key_usage, "serverAuth,clientAuth"}}};
  if (!spec.names.empty()) {
    subject.extensions.push_back({NID_subject_alt_name, alternative_names(spec.names)});
  }
  return subject;
}

IssuedCertificate make_self_signed(const Subject& subject, KeyKind kind) {
  const Pkey key = new_key(kind);
  return to_pem(make_certificate(subject, key.get(), nullptr).get(), key.get());
}

X509Certificate read_certificate(const std::string& pem) {
  const Bio text = reader(pem);
  return X509Certificate(require(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), "read"));
}

Pkey read_key(const std::string& pem) {
  const Bio text = reader(pem);
  return Pkey(require(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr), "read"));
}

int to_openssl(OcspStatus status) {
  if (status == OcspStatus::good) return V_OCSP_CERTSTATUS_GOOD;
  return status == OcspStatus::revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_UNKNOWN;
}

IssuedCertificate make_issued(const Subject& subject, KeyKind kind,
                              const IssuedCertificate& authority) {
  const X509Certificate certificate = read_certificate(authority.certificate);
  const Pkey signing_key = read_key(authority.key);
  const Signer signer{certificate.get(), signing_key.get()};
  const Pkey key = new_key(kind);
  return to_pem(make_certificate(subject, key.get(), &signer).get(), key.get());
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name)
    : CertificateAuthority(make_self_signed(authority_subject(name), KeyKind::ecdsa_p256)) {}

IssuedCertificate CertificateAuthority::issue(const CertificateSpec& spec) const {
  return make_issued(leaf_subject(spec), spec.key, own_);
}

std::string CertificateAuthority::ocsp_response(const std::string& certificate,
                                                const OcspSpec& spec) const {
  using Time = std::unique_ptr<ASN1_TIME, tls::Freed<&ASN1_TIME_free>>;
  const auto time = [](std::chrono::seconds from_now) {
    return Time(
        require(X509_gmtime_adj(nullptr, static_cast<long>(from_now.count())), "set a time"));
  };
  const X509Certificate subject = read_certificate(certificate);
  const X509Certificate issuer = read_certificate(own_.certificate);
  const std::unique_ptr<OCSP_CERTID, tls::Freed<&OCSP_CERTID_free>> id(
      require(OCSP_cert_to_id(EVP_sha1(), subject.get(), issuer.get()), "identify"));
  const std::unique_ptr<OCSP_BASICRESP, tls::Freed<&OCSP_BASICRESP_free>> basic(
      require(OCSP_BASICRESP_new(), "allocate"));
  const Time revoked = time(std::chrono::hours{-2});
  const Time next = spec.next_update ? time(*spec.next_update) : nullptr;
  require(OCSP_basic_add1_status(basic.get(), id.get(), to_openssl(spec.status),
                                 OCSP_REVOKED_STATUS_UNSPECIFIED, revoked.get(),
                                 time(spec.this_update).get(), next.get()),
          "add a status");
  require(OCSP_basic_sign(basic.get(), issuer.get(), read_key(own_.key).get(), EVP_sha256(),
                          nullptr, 0) == 1,
          "sign");
  const std::unique_ptr<OCSP_RESPONSE, tls::Freed<&OCSP_RESPONSE_free>> response(require(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()), "make a response"));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &der);
  require(size > 0, "write DER");
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) const {
  return CertificateAuthority(make_issued(authority_subject(name), KeyKind::ecdsa_p256, own_));
}

IssuedCertificate self_signed(const CertificateSpec& spec) {
  return make_self_signed(leaf_subject(spec), spec.key);
}

}  // namespace bonedry::test
