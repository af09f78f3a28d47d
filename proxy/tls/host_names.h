#pragma once

#include "conf/certificate.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::tls {

/// Which of a listener's certificates are for which name. A name has one certificate for each type
/// of key: the first that is for the name itself, or else for its wildcard, so that each client
/// gets one whose signature it can check. Names with the same certificates are one host. Immutable.
class HostNames {
 public:
  /// None at all.
  HostNames() = default;
  /// All certificates have contents.
  explicit HostNames(std::span<const conf::Certificate> certificates);

  /// A host is named by its index here; the first is the default.
  struct Host {
    std::vector<std::string> names;         ///< DNS names in lower case, numeric IP addresses
    std::vector<std::size_t> certificates;  ///< indexes; the first is the first that is listed
    std::vector<std::string> valid_for;     ///< all names of these certificates
  };
  [[nodiscard]] const std::vector<Host>& all() const { return hosts_; }

  /// The host for a client that asks for this name (SNI), in lower case. Nothing: no certificate
  /// has it.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view server_name) const;

  /// Whether one of the certificates for such a client is valid for `name`, a DNS name or an
  /// address without brackets, in any case. A wildcard stands for one label (RFC 9525,
  /// section 6.3).
  [[nodiscard]] bool covers(std::string_view server_name, std::string_view name) const;

 private:
  std::vector<Host> hosts_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  // "*.name" for wildcards
};

}  // namespace bonedry::tls
