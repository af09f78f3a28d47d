#pragma once

#include "proxy/base/clock.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::conf {

/// What the files of a certificate contained when they were read and checked; see
/// proxy/tls/certificate.h. Immutable.
struct CertificateContents {
  std::string chain;  ///< PEM: the certificate first, then each issuer; no root is needed
  std::string key;    ///< PEM, not encrypted
  /// What it is valid for: DNS names in lower case, perhaps with a first label "*", and numeric IP
  /// addresses.
  std::vector<std::string> names;
  std::string key_type;  ///< for people: "ECDSA P-256", "RSA 2048"
  WallTime not_before;
  WallTime not_after;  ///< the earliest end of all in the chain

  friend bool operator==(const CertificateContents&, const CertificateContents&) = default;
};

/// A certificate and its key: the paths of the files, and their contents once they have been read.
struct Certificate {
  std::string certificate;
  std::string key;
  std::shared_ptr<const CertificateContents> contents;

  /// Compares the contents, not where they are in memory.
  friend bool operator==(const Certificate& one, const Certificate& other) {
    const bool same = one.contents == other.contents ||
                      (one.contents && other.contents && *one.contents == *other.contents);
    return same && one.certificate == other.certificate && one.key == other.key;
  }
};

}  // namespace bonedry::conf
