#include "proxy/tls/ocsp.h"

#include "proxy/base/file.h"
#include "proxy/tls/asn1_time.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/pem.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <array>
#include <optional>

namespace bonedry::tls {
namespace {

using Response = std::unique_ptr<OCSP_RESPONSE, Freed<&OCSP_RESPONSE_free>>;
using BasicResponse = std::unique_ptr<OCSP_BASICRESP, Freed<&OCSP_BASICRESP_free>>;
using CertId = std::unique_ptr<OCSP_CERTID, Freed<&OCSP_CERTID_free>>;

constexpr std::size_t kMaxFileBytes = 64U * 1024;  // one takes 0.5 to 3 KiB

/// What a response says of one certificate.
struct Statement {
  OCSP_SINGLERESP* single;
  std::size_t certificate;  // index
};

Failure<std::string> fault(const std::string& path, const std::string& what) {
  return Failure{path + ": " + what};
}

Result<BasicResponse> parse(const std::string& path, const std::string& content) {
  const auto* at = reinterpret_cast<const unsigned char*>(content.data());
  const unsigned char* const end = at + content.size();
  const Response response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(content.size())));
  if (!response || at != end) {
    return fault(path, "is not an OCSP response in DER; openssl ocsp -respout writes one");
  }
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return fault(path, std::string("the responder answered only \"") +
                           OCSP_response_status_str(status) + "\"; ask it again");
  }
  BasicResponse basic(OCSP_response_get1_basic(response.get()));
  if (!basic) return fault(path, "is of another type than a basic OCSP response");
  return basic;
}

/// By the serial number and the name of the issuer, and by the issuer's key if its certificate is
/// known.
bool is_for(OCSP_SINGLERESP* single, X509* certificate, X509* issuer_certificate) {
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_OCTET_STRING* issuer = nullptr;
  ASN1_INTEGER* serial = nullptr;
  auto* const id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
  OCSP_id_get0_info(&issuer, &algorithm, nullptr, &serial, id);
  const EVP_MD* const digest = EVP_get_digestbyobj(algorithm);
  if (digest == nullptr || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) != 0) {
    return false;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> name{};
  unsigned size = 0;
  if (X509_NAME_digest(X509_get_issuer_name(certificate), digest, name.data(), &size) != 1) {
    return false;
  }
  const unsigned char* const said = ASN1_STRING_get0_data(issuer);
  const bool named =
      std::equal(name.begin(), name.begin() + size, said, said + ASN1_STRING_length(issuer));
  if (!named || issuer_certificate == nullptr) return named;
  const CertId expected(OCSP_cert_to_id(digest, certificate, issuer_certificate));
  return expected && OCSP_id_cmp(expected.get(), id) == 0;
}

std::optional<Statement> find_statement(OCSP_BASICRESP* response,
                                        std::span<const conf::Certificate> certificates) {
  for (std::size_t index = 0; index < certificates.size(); ++index) {
    const auto chain = parse_certificates(certificates[index].contents->chain, nullptr);
    if (!chain || chain->empty()) continue;
    X509* const issuer = chain->size() > 1 ? (*chain)[1].get() : nullptr;
    for (int at = 0; at < OCSP_resp_count(response); ++at) {
      OCSP_SINGLERESP* const single = OCSP_resp_get0(response, at);
      if (is_for(single, chain->front().get(), issuer)) return Statement{single, index};
    }
  }
  return std::nullopt;
}

Result<conf::OcspFile> check(const std::string& path, const Statement& found) {
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int status =
      OCSP_single_get0_status(found.single, nullptr, nullptr, &this_update, &next_update);
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    return fault(path, std::string("says that the certificate is ") + OCSP_cert_status_str(status) +
                           "; expected \"good\"");
  }
  if (next_update == nullptr) {
    return fault(path,
                 "has no nextUpdate, so nobody can tell how long it is valid; expected a response "
                 "with one");
  }
  return conf::OcspFile{path, "", found.certificate, to_wall(this_update), to_wall(next_update)};
}

}  // namespace

Result<conf::OcspFile> read_ocsp_response(const std::string& path,
                                          std::span<const conf::Certificate> certificates) {
  Result<std::string> content = read_file(path, kMaxFileBytes);
  if (!content) return Failure{content.error()};
  const Result<BasicResponse> response = parse(path, *content);
  ERR_clear_error();
  if (!response) return Failure{response.error()};
  const auto found = find_statement(response->get(), certificates);
  if (!found) {
    conf::OcspFile none;
    none.path = path;
    return none;
  }
  Result<conf::OcspFile> file = check(path, *found);
  if (file) file->response = std::move(*content);
  return file;
}

std::string_view ocsp_fault(const conf::OcspFile& file, WallTime now) {
  if (file.response.empty()) return "is for none of the listener's certificates";
  if (now < file.this_update) return "is not valid yet";
  if (now >= file.next_update) return "is no longer valid (nextUpdate)";
  return {};
}

}  // namespace bonedry::tls
