#include "proxy/tls/certificate.h"

#include "conf/certificate_expiry.h"
#include "proxy/base/ascii.h"
#include "proxy/base/file.h"
#include "proxy/base/ip_address.h"
#include "proxy/base/utc.h"
#include "proxy/tls/asn1_time.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <new>
#include <optional>
#include <span>
#include <string_view>

namespace bonedry::tls {
namespace {

using Chain = std::vector<X509Certificate>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<&GENERAL_NAMES_free>>;
using Pkcs12 = std::unique_ptr<PKCS12, Freed<&PKCS12_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<&X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freed<&X509_STORE_CTX_free>>;

constexpr std::size_t kMaxFileBytes = 1024U * 1024;  // a chain and its key take about 10 KiB
constexpr int kMinRsaBits = 2048;                    // clients reject shorter ones

struct Paths {
  const std::string& certificate;
  const std::string& key;
};

/// Empties the error queue at the end of a scope.
struct NoErrorsLeft {
  NoErrorsLeft() = default;
  ~NoErrorsLeft() { ERR_clear_error(); }
  NoErrorsLeft(const NoErrorsLeft&) = delete;
  NoErrorsLeft& operator=(const NoErrorsLeft&) = delete;
};

/// OpenSSL fails here only for want of memory.
template <class T>
T* allocated(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

Result<std::string> read_nonempty(const std::string& path) {
  Result<std::string> content = read_file(path, kMaxFileBytes);
  if (content && content->empty()) return Failure{path + ": is empty"};
  return content;
}

bool is_key(const PemBlock& block) {
  return block.label.ends_with("PRIVATE KEY");
}

bool is_encrypted(const PemBlock& block) {
  return block.label == "ENCRYPTED PRIVATE KEY" ||
         block.text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
}

const unsigned char* bytes_of(const std::string& content) {
  return reinterpret_cast<const unsigned char*>(content.data());
}

/// Why a file in another format than PEM cannot be used; nothing if it is in none that is known.
std::optional<std::string> other_format(const std::string& path, const std::string& content) {
  const auto size = static_cast<long>(content.size());
  const std::string files = " -in " + path + " -out " + path + ".pem";
  const std::string der = path + ": is in DER; expected PEM. Convert it with openssl ";
  const unsigned char* at = bytes_of(content);
  if (X509Certificate(d2i_X509(nullptr, &at, size))) return der + "x509 -inform DER" + files;
  at = bytes_of(content);
  if (Pkey(d2i_AutoPrivateKey(nullptr, &at, size))) return der + "pkey -inform DER" + files;
  at = bytes_of(content);
  if (!Pkcs12(d2i_PKCS12(nullptr, &at, size))) return std::nullopt;
  return path + ": is in PKCS #12; expected PEM. Convert it with openssl pkcs12 -nodes" + files;
}

Failure<std::string> contains_no(const std::string& what, const std::string& begin,
                                 const std::string& path, const std::string& content) {
  if (const auto why = other_format(path, content)) return Failure{*why};
  return Failure{path + ": contains no " + what + "; expected PEM, which begins with -----BEGIN " +
                 begin + "-----"};
}

Result<Chain> parse_chain(const std::string& path, const std::string& content) {
  Result<Chain> chain = parse_certificates(content, nullptr);
  if (!chain) return Failure{path + ": " + chain.error()};
  if (chain->empty()) return contains_no("certificate", "CERTIFICATE", path, content);
  return chain;
}

Result<Pkey> parse_only_key(const std::string& path, const std::string& content) {
  std::vector<PemBlock> keys = split_pem(content);
  std::erase_if(keys, [](const PemBlock& block) { return !is_key(block); });
  if (keys.empty()) return contains_no("private key", "PRIVATE KEY", path, content);
  if (keys.size() > 1) {
    return Failure{path + ": contains " + std::to_string(keys.size()) +
                   " private keys; expected one"};
  }
  if (is_encrypted(keys.front())) {
    return Failure{path + ": the private key is encrypted; decrypt it with openssl pkey -in " +
                   path + " -out " + path + ".plain"};
  }
  Pkey key = parse_key(keys.front().text, nullptr);
  if (!key) return Failure{path + ": the private key is damaged, or of a type that is unknown"};
  return key;
}

bool fits(const Pkey& key, const X509Certificate& certificate) {
  return X509_check_private_key(certificate.get(), key.get()) == 1;
}

Result<> check_key_fits(const Paths& paths, const Chain& chain, const Pkey& key) {
  if (fits(key, chain.front())) return Done{};
  const auto later = std::ranges::find_if(
      chain, [&](const X509Certificate& certificate) { return fits(key, certificate); });
  if (later != chain.end()) {
    return Failure{paths.certificate +
                   ": out of order: the server's own certificate must come first; the private key "
                   "belongs to certificate " +
                   std::to_string(later - chain.begin() + 1)};
  }
  return Failure{paths.key + ": the private key does not belong to the certificate in " +
                 paths.certificate};
}

/// "P-256" for an elliptic curve that is allowed; for another one OpenSSL's name.
std::string curve_of(EVP_PKEY* key) {
  std::array<char, 64> buffer{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, buffer.data(), buffer.size(), &size) != 1) return "other curve";
  const std::string_view name(buffer.data(), size);
  if (name == "prime256v1") return "P-256";
  if (name == "secp384r1") return "P-384";
  return name == "secp521r1" ? "P-521" : std::string(name);
}

std::string type_of(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return "RSA " + std::to_string(EVP_PKEY_get_bits(key));
  if (EVP_PKEY_is_a(key, "EC") == 1) return "ECDSA " + curve_of(key);
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return "Ed25519";
  const char* const name = EVP_PKEY_get0_type_name(key);
  return name != nullptr ? name : "of an unknown type";
}

Result<std::string> check_key_type(const std::string& path, const Pkey& key) {
  std::string type = type_of(key.get());
  constexpr std::array<std::string_view, 4> kAllowed{"ECDSA P-256", "ECDSA P-384", "ECDSA P-521",
                                                     "Ed25519"};
  const bool rsa = EVP_PKEY_is_a(key.get(), "RSA") == 1;
  const bool strong = rsa ? EVP_PKEY_get_bits(key.get()) >= kMinRsaBits
                          : std::ranges::find(kAllowed, type) != kAllowed.end();
  if (strong) return type;
  return Failure{path + ": the private key is " + type +
                 "; expected RSA with at least 2048 bits, ECDSA with P-256, P-384 or P-521, or "
                 "Ed25519"};
}

bool issues(X509* issuer, X509* subject) {
  // The first compares names and identifiers, which also those of another key may have.
  return X509_check_issued(issuer, subject) == X509_V_OK &&
         X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
}

Result<> check_no_duplicates(const std::string& path, const Chain& chain) {
  for (std::size_t later = 1; later < chain.size(); ++later) {
    for (std::size_t one = 0; one < later; ++one) {
      if (X509_cmp(chain[one].get(), chain[later].get()) != 0) continue;
      return Failure{path + ": certificates " + std::to_string(one + 1) + " and " +
                     std::to_string(later + 1) + " are the same; remove one of them"};
    }
  }
  return Done{};
}

Result<> check_order(const std::string& path, const Chain& chain) {
  for (std::size_t later = 1; later < chain.size(); ++later) {
    if (issues(chain[later].get(), chain[later - 1].get())) continue;
    return Failure{path + ": certificate " + std::to_string(later + 1) +
                   " is not the issuer of certificate " + std::to_string(later) +
                   "; expected the server's own certificate, then the one that issued it, and so "
                   "on"};
  }
  return Done{};
}

/// The bytes of a DNS name or an IP address as text; empty for all other kinds of name.
std::string text_of(const GENERAL_NAME& name) {
  if (name.type != GEN_DNS && name.type != GEN_IPADD) return {};
  const ASN1_STRING* const value = name.type == GEN_DNS ? name.d.dNSName : name.d.iPAddress;
  const std::span bytes(ASN1_STRING_get0_data(value),
                        static_cast<std::size_t>(ASN1_STRING_length(value)));
  std::string text;
  if (name.type == GEN_DNS) {
    for (const unsigned char byte : bytes) text += ascii::to_lower(static_cast<char>(byte));
  } else if (std::array<std::uint8_t, 4> v4{}; bytes.size() == v4.size()) {
    std::ranges::copy(bytes, v4.begin());
    text = to_string(mapped(v4));
  } else if (IpAddress v6; bytes.size() == v6.bytes.size()) {
    std::ranges::copy(bytes, v6.bytes.begin());
    text = to_string(v6);
  }
  return text;
}

/// Without repetitions, in the order of the certificate.
std::vector<std::string> names_of(X509* certificate) {
  const Names all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int at = 0; at < sk_GENERAL_NAME_num(all.get()); ++at) {
    std::string text = text_of(*sk_GENERAL_NAME_value(all.get(), at));
    if (text.empty() || std::ranges::find(names, text) != names.end()) continue;
    names.push_back(std::move(text));
  }
  return names;
}

/// The certificate of an authority may also be a server's, as the self-signed ones of openssl req
/// are; but not if it names no server, or its key is for issuing certificates only.
bool is_only_authority(X509* certificate, const std::vector<std::string>& names) {
  if ((X509_get_extension_flags(certificate) & EXFLAG_CA) == 0) return false;
  return names.empty() || (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) == 0;
}

Result<std::vector<std::string>> check_names(const std::string& path, X509* leaf,
                                             CertificateUse use) {
  std::vector<std::string> names = names_of(leaf);
  if (use == CertificateUse::to_clients && is_only_authority(leaf, names)) {
    return Failure{path +
                   ": certificate 1 is an authority's; expected the server's own certificate "
                   "first, and its private key"};
  }
  if (names.empty() && use == CertificateUse::to_clients) {
    return Failure{path +
                   ": certificate 1 has no DNS name and no IP address in its subjectAltName, and "
                   "clients ignore its common name; have it issued with one"};
  }
  for (const std::string& name : names) {
    if (name.find('\0') == std::string::npos) continue;
    return Failure{path +
                   ": a name of certificate 1 contains a NUL character; have it issued "
                   "without"};
  }
  return names;
}

std::string date_of(WallTime at) {
  const UtcTime utc = to_utc(at);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc.date)};
}

std::string rejected(CertificateUse use) {
  return use == CertificateUse::to_clients ? "clients will reject it" : "nodes will reject it";
}

/// What is wrong with the times of a certificate; empty if nothing is.
std::string fault_of_times(X509* certificate, WallTime now, CertificateUse use) {
  const WallTime start = to_wall(X509_get0_notBefore(certificate));
  const WallTime end = to_wall(X509_get0_notAfter(certificate));
  if (end < now) return "expired on " + date_of(end) + "; " + rejected(use);
  if (start > now) return "is not valid before " + date_of(start) + "; " + rejected(use);
  if (!conf::reached_warning(start, end, now)) return "";
  return "expires on " + date_of(end) + "; renew it";
}

void warn_of_times(const std::string& path, const Chain& chain, WallTime now, CertificateUse use,
                   std::vector<std::string>& warnings) {
  for (std::size_t at = 0; at < chain.size(); ++at) {
    const std::string fault = fault_of_times(chain[at].get(), now, use);
    if (fault.empty()) continue;
    std::string warning = path + ": ";
    if (at > 0) warning += "certificate " + std::to_string(at + 1) + " ";
    warnings.push_back(warning + fault);
  }
}

std::string text_of(const X509_NAME* name) {
  const Bio out(allocated(BIO_new(BIO_s_mem())));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);  // escapes control characters
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// The roots that the system trusts; read when they are first needed, and kept.
X509_STORE* system_roots() {
  static const Store roots = [] {
    Store store(allocated(X509_STORE_new()));
    X509_STORE_set_default_paths(store.get());  // those that do not exist are left out
    return store;
  }();
  return roots.get();
}

bool is_issued_by_system_root(X509* certificate) {
  const StoreContext search(allocated(X509_STORE_CTX_new()));
  if (X509_STORE_CTX_init(search.get(), system_roots(), certificate, nullptr) != 1) return false;
  X509* root = nullptr;
  const bool found = X509_STORE_CTX_get1_issuer(&root, search.get(), certificate) == 1;
  const X509Certificate owner(root);
  return found;
}

void warn_of_missing_issuer(const std::string& path, const Chain& chain,
                            std::vector<std::string>& warnings) {
  X509* const last = chain.back().get();
  if ((X509_get_extension_flags(last) & EXFLAG_SS) != 0) return;
  // Not only the last: a root that another one has signed may follow for the sake of old clients.
  const bool known = std::ranges::any_of(chain, [](const X509Certificate& certificate) {
    return is_issued_by_system_root(certificate.get());
  });
  if (known) return;
  warnings.push_back(path + ": is incomplete: the issuer \"" + text_of(X509_get_issuer_name(last)) +
                     "\" is neither in it nor a root of this system; add the certificate of the "
                     "issuer at the end");
}

void warn_of_usage(const std::string& path, X509* leaf, CertificateUse use,
                   std::vector<std::string>& warnings) {
  const bool server = use == CertificateUse::to_clients;
  // Without the extension OpenSSL sets all bits.
  if ((X509_get_extended_key_usage(leaf) & (server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) != 0) return;
  warnings.push_back(path +
                     (server ? ": is not for servers: its extendedKeyUsage lacks serverAuth; "
                             : ": is not for clients: its extendedKeyUsage lacks clientAuth; ") +
                     rejected(use));
}

void warn_of_mode(const std::string& path, std::vector<std::string>& warnings) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || (file.st_mode & S_IRWXO) == 0) return;
  warnings.push_back(path + ": the private key is readable by others; run chmod o= " + path);
}

template <class Write>
std::string to_pem(Write write) {
  const Bio out(allocated(BIO_new(BIO_s_mem())));
  if (write(out.get()) != 1) throw std::bad_alloc();  // what has been parsed can be written
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

conf::CertificateContents contents_of(const Chain& chain, EVP_PKEY* key) {
  conf::CertificateContents contents;
  contents.not_before = to_wall(X509_get0_notBefore(chain.front().get()));
  contents.not_after = to_wall(X509_get0_notAfter(chain.front().get()));
  for (const X509Certificate& each : chain) {
    contents.chain += to_pem([&](BIO* out) { return PEM_write_bio_X509(out, each.get()); });
    contents.not_after = std::min(contents.not_after, to_wall(X509_get0_notAfter(each.get())));
  }
  contents.key = to_pem([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  return contents;
}

Result<conf::CertificateContents> check(const Paths& paths, const Chain& chain, const Pkey& key,
                                        CertificateUse use) {
  const Result<> fit = check_key_fits(paths, chain, key);
  if (!fit) return Failure{fit.error()};
  Result<std::string> key_type = check_key_type(paths.key, key);
  if (!key_type) return Failure{key_type.error()};
  const Result<> unique = check_no_duplicates(paths.certificate, chain);
  if (!unique) return Failure{unique.error()};
  const Result<> order = check_order(paths.certificate, chain);
  if (!order) return Failure{order.error()};
  Result<std::vector<std::string>> names = check_names(paths.certificate, chain.front().get(), use);
  if (!names) return Failure{names.error()};
  conf::CertificateContents contents = contents_of(chain, key.get());
  contents.key_type = std::move(*key_type);
  contents.names = std::move(*names);
  return contents;
}

std::vector<std::string> warnings_of(const Paths& paths, const Chain& chain, WallTime now,
                                     CertificateUse use) {
  std::vector<std::string> warnings;
  warn_of_times(paths.certificate, chain, now, use, warnings);
  // Those who accept a client's certificate know who issues it.
  if (use == CertificateUse::to_clients) {
    warn_of_missing_issuer(paths.certificate, chain, warnings);
  }
  warn_of_usage(paths.certificate, chain.front().get(), use, warnings);
  warn_of_mode(paths.key, warnings);
  return warnings;
}

}  // namespace

Result<ReadCertificate> read_certificate(const std::string& certificate_path,
                                         const std::string& key_path, WallTime now,
                                         CertificateUse use) {
  const NoErrorsLeft cleared;
  const Paths paths{certificate_path, key_path};
  const Result<std::string> certificates = read_nonempty(certificate_path);
  if (!certificates) return Failure{certificates.error()};
  const Result<Chain> chain = parse_chain(certificate_path, *certificates);
  if (!chain) return Failure{chain.error()};
  const Result<std::string> keys =
      key_path == certificate_path ? certificates : read_nonempty(key_path);
  if (!keys) return Failure{keys.error()};
  const Result<Pkey> key = parse_only_key(key_path, *keys);
  if (!key) return Failure{key.error()};
  Result<conf::CertificateContents> contents = check(paths, *chain, *key, use);
  if (!contents) return Failure{contents.error()};
  return ReadCertificate{std::move(*contents), warnings_of(paths, *chain, now, use)};
}

Result<std::string> read_authorities(const std::string& path) {
  const NoErrorsLeft cleared;
  Result<std::string> content = read_nonempty(path);
  if (!content) return content;
  const Result<Chain> authorities = parse_chain(path, *content);
  if (!authorities) return Failure{authorities.error()};
  return content;
}

}  // namespace bonedry::tls
