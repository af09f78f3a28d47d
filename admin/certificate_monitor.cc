#include "admin/certificate_monitor.h"

#include "admin/phrases.h"
#include "admin/printable.h"
#include "conf/certificate_expiry.h"
#include "conf/tls_servers.h"
#include "proxy/base/duration.h"

#include <optional>

namespace bonedry::admin {
namespace {

constexpr Millis kLookEvery = std::chrono::minutes{1};

std::string expiry_text(WallTime not_after, WallTime now) {
  const std::string at = rfc3339(not_after, Precision::seconds);
  if (not_after < now) return " expired at " + at + "; clients reject it; renew it";
  return " expires in " + format_duration(not_after - now) + ", at " + at + "; renew it";
}

}  // namespace

void CertificateMonitor::report_expiry(const conf::Config& config) {
  if (clock_.now() < next_look_) return;
  next_look_ = clock_.now() + kLookEvery;
  Reported reported;  // only of certificates that are still in force
  for (const auto& server : conf::tls_servers(config)) {
    for (const conf::Certificate& one : server.tls.certificates) {
      if (one.contents) report_expiry_of(one, reported);
    }
  }
  reported_ = std::move(reported);
}

void CertificateMonitor::report_expiry_of(const conf::Certificate& certificate,
                                          Reported& reported) {
  const conf::CertificateContents& contents = *certificate.contents;
  const WallTime now = clock_.wall();
  const Key key{certificate.certificate, contents.not_after};
  const auto before = reported_.find(key);
  if (before != reported_.end()) reported.insert(*before);
  const auto reached = conf::reached_warning(contents.not_before, contents.not_after, now);
  if (!reached) return;
  const auto [last, first_time] = reported.try_emplace(key, *reached);
  if (!first_time && last->second <= *reached) return;
  last->second = *reached;
  events_.warn("certificate", describe(certificate) + expiry_text(contents.not_after, now));
}

void CertificateMonitor::note_refused(std::size_t server, const std::string& name,
                                      const std::string& error) {
  const auto [known, is_new] = errors_.try_emplace(server, CertificateError{clock_.wall(), error});
  if (!is_new && known->second.text == error) return;
  known->second = {clock_.wall(), error};
  events_.warn("certificate",
               name + ": the new files are not used, the certificates in force stay: " + error);
}

void CertificateMonitor::note_accepted(std::size_t server, const std::string& name) {
  if (errors_.erase(server) == 0) return;
  events_.add("certificate", "", name + ": the certificate files are in order again");
}

ListenerTlsStatus CertificateMonitor::status_of(std::size_t listener,
                                                const conf::ListenerTls& tls) const {
  ListenerTlsStatus status;
  const WallTime now = clock_.wall();
  for (const conf::Certificate& one : tls.certificates) {
    if (!one.contents) continue;
    const conf::CertificateContents& contents = *one.contents;
    status.certificates.push_back({one.certificate, contents.names, contents.key_type,
                                   contents.not_before, contents.not_after,
                                   contents.not_after - now});
  }
  const auto error = errors_.find(listener);
  if (error != errors_.end()) status.error = error->second;
  return status;
}

std::string describe(const conf::Certificate& certificate) {
  return certificate.certificate + " (" + first_few(certificate.contents->names) + "; " +
         certificate.contents->key_type + ")";
}

}  // namespace bonedry::admin
