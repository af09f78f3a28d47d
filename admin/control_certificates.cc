// Certificates that change while the config stays the same.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/printable.h"
#include "conf/tls_servers.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace bonedry::admin {
namespace {

/// What of a listener's files is new: a text for each. Both have the same files.
std::vector<std::string> renewed_files(const conf::ListenerTls& before,
                                       const conf::ListenerTls& now) {
  std::vector<std::string> texts;
  for (std::size_t index = 0; index < now.certificates.size(); ++index) {
    const conf::Certificate& one = now.certificates[index];
    if (one == before.certificates[index]) continue;
    texts.push_back(describe(one) + " until " +
                    rfc3339(one.contents->not_after, Precision::seconds));
  }
  if (now.client_ca != before.client_ca) texts.push_back(now.client_ca.path);
  if (now.ocsp_response != before.ocsp_response) texts.push_back(now.ocsp_response.path);
  return texts;
}

}  // namespace

void ControlPlane::renew_certificates(const std::vector<conf::CertificateReading>& readings) {
  if (is_standby()) return;
  std::vector<std::string> news;
  const auto servers = conf::tls_servers(config_);
  for (const conf::CertificateReading& reading : readings) {
    const auto found =
        std::ranges::find(servers, reading.server, &conf::TlsServer<conf::ListenerTls>::index);
    if (found == servers.end()) continue;
    const auto& server = *found;
    if (!reading.tls) {
      certificates_.note_refused(server.index, server.name, reading.tls.error());
      continue;
    }
    certificates_.note_accepted(server.index, server.name);
    if (*reading.tls == server.tls) continue;
    const std::string name = server.name + ": ";
    for (const std::string& warning : reading.warnings) spdlog::warn("{}{}", name, warning);
    news.push_back(name + "in force: " + first_few(renewed_files(server.tls, *reading.tls)));
    server.tls = *reading.tls;
  }
  if (news.empty()) return;
  publish([this, news = std::move(news)] {
    for (const std::string& text : news) parts_.events.add("certificate", "", text);
  });
}

}  // namespace bonedry::admin
