#include "proxy/tls/files.h"

#include "conf/tls_servers.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/host_names.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/server_context.h"

#include <memory>
#include <optional>
#include <utility>

namespace bonedry::tls {
namespace {

using Warnings = std::vector<std::string>;

Result<> read_one(conf::Certificate& certificate, WallTime now, CertificateUse use,
                  Warnings& warnings) {
  Result<ReadCertificate> read =
      read_certificate(certificate.certificate, certificate.key, now, use);
  if (!read) return Failure{read.error()};
  certificate.contents =
      std::make_shared<const conf::CertificateContents>(std::move(read->contents));
  warnings.insert(warnings.end(), read->warnings.begin(), read->warnings.end());
  return Done{};
}

Result<> read_issuers(conf::CertificateFile& file) {
  if (file.path.empty()) return Done{};
  Result<std::string> text = read_authorities(file.path);
  if (!text) return Failure{text.error()};
  file.text = std::move(*text);
  return Done{};
}

Result<> read_ocsp(conf::ListenerTls& tls, WallTime now, Warnings& warnings) {
  const std::string path = tls.ocsp_response.path;
  if (path.empty()) return Done{};
  Result<conf::OcspFile> read = read_ocsp_response(path, tls.certificates);
  if (!read) return Failure{read.error()};
  tls.ocsp_response = std::move(*read);
  const std::string_view fault = ocsp_fault(tls.ocsp_response, now);
  if (!fault.empty()) {
    warnings.push_back(path + ": " + std::string(fault) + ", so clients do not get it");
  }
  return Done{};
}

/// All names of such a certificate have an earlier one with the same type of key.
void warn_of_unused(const std::vector<conf::Certificate>& certificates, Warnings& warnings) {
  std::set<std::size_t> used;
  const HostNames hosts(certificates);
  for (const HostNames::Host& host : hosts.all()) {
    used.insert(host.certificates.begin(), host.certificates.end());
  }
  for (std::size_t index = 0; index < certificates.size(); ++index) {
    if (used.contains(index)) continue;
    warnings.push_back(
        certificates[index].certificate +
        ": no client gets it: certificates before it have all of its names and the same "
        "type of key");
  }
}

Result<Warnings> read_listener(conf::ListenerTls& tls, const Library& library, WallTime now) {
  Warnings warnings;
  for (conf::Certificate& certificate : tls.certificates) {
    const Result<> read = read_one(certificate, now, CertificateUse::to_clients, warnings);
    if (!read) return Failure{read.error()};
  }
  warn_of_unused(tls.certificates, warnings);
  const Result<> ocsp = read_ocsp(tls, now, warnings);
  if (!ocsp) return Failure{ocsp.error()};
  const Result<> client_ca = read_issuers(tls.client_ca);
  if (!client_ca) return Failure{client_ca.error()};
  const auto context =
      ServerContext::make(library, tls, {"", std::make_shared<const TicketKeys>(now)});
  if (!context) return Failure{context.error()};
  return warnings;
}

Result<Warnings> read_pool(conf::PoolTls& tls, const Library& library, WallTime now) {
  Warnings warnings;
  if (tls.certificate) {
    const Result<> read = read_one(*tls.certificate, now, CertificateUse::to_servers, warnings);
    if (!read) return Failure{read.error()};
  }
  const Result<> ca = read_issuers(tls.ca);
  if (!ca) return Failure{ca.error()};
  const auto context = ClientContext::make(library, tls);
  if (!context) return Failure{context.error()};
  return warnings;
}

/// Reads the files of several listeners or pools, and makes a library when the first one needs it.
class Reader {
 public:
  explicit Reader(WallTime now) : now_(now) {}

  /// `read_settings`: `read_listener` or `read_pool`. An error begins with `where`.
  template <class Settings, class Read>
  [[nodiscard]] Result<> read(const std::string& where, Settings& tls, const Read& read_settings) {
    if (!library_) library_ = std::make_unique<Library>();
    const Result<Warnings> found = read_settings(tls, *library_, now_);
    if (!found) return Failure{where + found.error()};
    for (const std::string& warning : *found) warnings_.push_back(where + warning);
    return Done{};
  }
  [[nodiscard]] Result<> read_servers(conf::Config& config) {
    for (const auto& server : conf::tls_servers(config)) {
      const Result<> done = read(server.name + ": ", server.tls, read_listener);
      if (!done) return done;
    }
    return Done{};
  }
  [[nodiscard]] Result<> read_pools(conf::Config& config) {
    for (conf::Pool& pool : config.pools) {
      if (!pool.tls) continue;
      const Result<> done = read("pool " + pool.name + ": ", *pool.tls, read_pool);
      if (!done) return done;
    }
    return Done{};
  }
  [[nodiscard]] const Warnings& warnings() const { return warnings_; }

 private:
  WallTime now_;
  std::unique_ptr<Library> library_;
  Warnings warnings_;
};

}  // namespace

Result<Warnings> read_files(conf::Config& config, WallTime now) {
  Reader reader(now);
  Result<> done = reader.read_servers(config);
  if (done) done = reader.read_pools(config);
  if (!done) return Failure{done.error()};
  return reader.warnings();
}

Result<Warnings> read_pool_files(conf::Config& config, WallTime now) {
  Reader reader(now);
  const Result<> done = reader.read_pools(config);
  if (!done) return Failure{done.error()};
  return reader.warnings();
}

Result<Warnings> read_files(conf::ListenerTls& tls, WallTime now) {
  return read_listener(tls, Library(), now);
}

std::set<std::string> files_of(const conf::ListenerTls& tls) {
  std::set<std::string> files;
  for (const conf::Certificate& one : tls.certificates) {
    files.insert(one.certificate);
    files.insert(one.key);
  }
  if (!tls.client_ca.path.empty()) files.insert(tls.client_ca.path);
  if (!tls.ocsp_response.path.empty()) files.insert(tls.ocsp_response.path);
  return files;
}

}  // namespace bonedry::tls
