#include "proxy/tls/files.h"

#include "proxy/base/file.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/server_context.h"

#include <memory>
#include <utility>

namespace bonedry::tls {
namespace {

using Warnings = std::vector<std::string>;

Result<> read_certificates(conf::ListenerTls& tls, WallTime now, Warnings& warnings) {
  for (conf::Certificate& one : tls.certificates) {
    Result<ReadCertificate> read = read_certificate(one.certificate, one.key, now);
    if (!read) return Failure{read.error()};
    one.contents = std::make_shared<const conf::CertificateContents>(std::move(read->contents));
    warnings.insert(warnings.end(), read->warnings.begin(), read->warnings.end());
  }
  return Done{};
}

Result<> read_client_ca(conf::ListenerTls& tls) {
  if (tls.client_ca.path.empty()) return Done{};
  Result<std::string> text = read_file(tls.client_ca.path);
  if (!text) return Failure{text.error()};
  if (parse_certificates(*text, nullptr).empty()) {
    return Failure{tls.client_ca.path + ": no PEM certificate in it"};
  }
  tls.client_ca.text = std::move(*text);
  return Done{};
}

Result<> read_listener(conf::ListenerTls& tls, const Library& library, WallTime now,
                       Warnings& warnings) {
  const Result<> certificates = read_certificates(tls, now, warnings);
  if (!certificates) return certificates;
  const Result<> client_ca = read_client_ca(tls);
  if (!client_ca) return client_ca;
  const auto context =
      ServerContext::make(library, tls, {"", std::make_shared<const TicketKeys>(now)});
  if (!context) return Failure{context.error()};
  return Done{};
}

}  // namespace

Result<std::vector<std::string>> read_files(conf::Config& config, WallTime now) {
  Warnings warnings;
  std::unique_ptr<Library> library;
  for (conf::Listener& listener : config.listeners) {
    if (!listener.tls) continue;
    if (!library) library = std::make_unique<Library>();
    const std::string where = "listener " + conf::to_string(listener.address) + ": ";
    Warnings found;
    const Result<> read = read_listener(*listener.tls, *library, now, found);
    if (!read) return Failure{where + read.error()};
    for (const std::string& warning : found) warnings.push_back(where + warning);
  }
  return warnings;
}

}  // namespace bonedry::tls
