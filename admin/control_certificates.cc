// Certificates that change while the config stays the same.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/printable.h"

#include <spdlog/spdlog.h>

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
  for (const conf::CertificateReading& reading : readings) {
    conf::Listener& listener = config_.listeners[reading.listener];
    if (!reading.tls) {
      certificates_.note_refused(reading.listener, listener.address, reading.tls.error());
      continue;
    }
    certificates_.note_accepted(reading.listener, listener.address);
    if (*reading.tls == *listener.tls) continue;
    const std::string name = "listener " + conf::to_string(listener.address) + ": ";
    for (const std::string& warning : reading.warnings) spdlog::warn("{}{}", name, warning);
    news.push_back(name + "in force: " + first_few(renewed_files(*listener.tls, *reading.tls)));
    listener.tls = *reading.tls;
  }
  if (news.empty()) return;
  publish([this, news = std::move(news)] {
    for (const std::string& text : news) parts_.events.add("certificate", "", text);
  });
}

}  // namespace bonedry::admin
