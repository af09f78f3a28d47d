#include "proxy/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace bonedry::tls {
namespace {

/// OpenSSL calls this for a password. Without it, it would ask on the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

Bio reader(std::string_view text) {
  Bio bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!bio) throw std::bad_alloc();
  return bio;
}

/// A block may begin at the start of a line, after a byte order mark, or directly after the end of
/// another one, as when files without a last newline are joined.
bool may_begin(std::string_view pem, std::size_t at) {
  return at == 0 || std::string_view("\n-\xbf").find(pem[at - 1]) != std::string_view::npos;
}

std::size_t find_begin(std::string_view pem, std::size_t from) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  std::size_t at = pem.find(kBegin, from);
  while (at != std::string_view::npos && !may_begin(pem, at)) at = pem.find(kBegin, at + 1);
  return at;
}

bool is_certificate(const PemBlock& block) {
  return block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE" ||
         block.label == "TRUSTED CERTIFICATE";
}

/// Two ends in one block are what a damaged first line leaves of two certificates.
bool has_one_end(const PemBlock& block) {
  constexpr std::string_view kEnd = "-----END ";
  return block.text.find(kEnd) == block.text.rfind(kEnd);
}

/// Null if it is damaged.
X509Certificate parse_certificate(const PemBlock& block, OSSL_LIB_CTX* library) {
  if (!has_one_end(block)) return nullptr;
  const Bio text = reader(block.text);
  X509* certificate = X509_new_ex(library, nullptr);
  // _AUX also reads a TRUSTED CERTIFICATE.
  const bool read =
      PEM_read_bio_X509_AUX(text.get(), &certificate, &no_password, nullptr) != nullptr;
  X509Certificate owner(certificate);
  return read ? std::move(owner) : nullptr;
}

}  // namespace

std::vector<PemBlock> split_pem(std::string_view pem) {
  std::vector<PemBlock> blocks;
  std::size_t at = find_begin(pem, 0);
  while (at != std::string_view::npos) {
    const std::size_t next = find_begin(pem, at + 1);
    const std::string_view text = pem.substr(at, next == std::string_view::npos ? next : next - at);
    std::string_view label = text.substr(std::strlen("-----BEGIN "));
    label = label.substr(0, label.find('\n'));
    blocks.push_back({label.substr(0, label.find("-----")), text});
    at = next;
  }
  return blocks;
}

Result<std::vector<X509Certificate>> parse_certificates(std::string_view pem,
                                                        OSSL_LIB_CTX* library) {
  std::vector<X509Certificate> all;
  for (const PemBlock& block : split_pem(pem)) {
    if (!is_certificate(block)) continue;
    all.push_back(parse_certificate(block, library));
    ERR_clear_error();
    if (all.back()) continue;
    return Failure{"certificate " + std::to_string(all.size()) +
                   " is damaged; copy it again from where it was issued"};
  }
  return all;
}

Pkey parse_key(std::string_view pem, OSSL_LIB_CTX* library) {
  const Bio text = reader(pem);
  Pkey key{
      PEM_read_bio_PrivateKey_ex(text.get(), nullptr, &no_password, nullptr, library, nullptr)};
  ERR_clear_error();
  return key;
}

}  // namespace bonedry::tls
