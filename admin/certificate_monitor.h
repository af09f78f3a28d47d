#pragma once

#include "admin/event_log.h"
#include "admin/status.h"
#include "conf/config.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// What operators should know of the listeners' certificates: when they end, and why new files were
/// not taken. TLS servers are named as by conf::tls_servers. Owned by ControlPlane, main thread
/// only.
class CertificateMonitor {
 public:
  /// Both must outlive this.
  CertificateMonitor(const Clock& clock, EventLog& events) : clock_(clock), events_(events) {}

  /// An event for each certificate that has reached one of conf::kExpiryWarnings, once for each of
  /// them; only the last, if several were reached meanwhile. Call it often: looks once a minute.
  void report_expiry(const conf::Config& config);

  /// The files of a server were refused. An event, unless the error is the same as before.
  void note_refused(std::size_t server, const std::string& name, const std::string& error);
  /// The files of a server are in order. An event if they were not before.
  void note_accepted(std::size_t server, const std::string& name);
  /// The files of all listeners were read without an error.
  void forget_errors() { errors_.clear(); }

  [[nodiscard]] ListenerTlsStatus status_of(std::size_t listener,
                                            const conf::ListenerTls& tls) const;

 private:
  /// A certificate of a file; a renewed one has another end.
  using Key = std::pair<std::string, WallTime>;
  using Reported = std::map<Key, Millis>;

  void report_expiry_of(const conf::Certificate& certificate, Reported& reported);

  const Clock& clock_;
  EventLog& events_;
  std::map<std::size_t, CertificateError> errors_;
  Reported reported_;  // the last warning for each certificate in force
  Instant next_look_;
};

/// "shop.pem (shop.example, www.shop.example; ECDSA P-256)".
[[nodiscard]] std::string describe(const conf::Certificate& certificate);

}  // namespace bonedry::admin
