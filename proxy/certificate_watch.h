#pragma once

#include "conf/certificate_reading.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/file_stamp.h"
#include "proxy/io/directory_watch.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bonedry::proxy {

struct CertificateWatchIntervals {
  /// From a change until the files are read, so that a certificate and its key are both replaced.
  Millis settle = std::chrono::seconds{1};
  Millis check = std::chrono::minutes{1};
};

/// Reads the certificate files of listeners, and of the HTTP door, again when they change. It
/// learns of changes by inotify where that is available, and otherwise when it looks at all files,
/// once a minute. Owned by Application, main thread.
class CertificateWatch {
 public:
  /// The config in effect, whose files are read; null while nothing is to be done.
  using ConfigInEffect = std::function<const conf::Config*()>;
  /// Gets what came of reading the servers whose files have changed, or were wrong the last time;
  /// their contents may still be the same.
  using OnRead = std::function<void(const std::vector<conf::CertificateReading>&)>;

  CertificateWatch(io::EventLoop& loop, const Clock& clock, ConfigInEffect config, OnRead on_read,
                   CertificateWatchIntervals intervals = {});

  /// Looks at the files of the config that is then in effect, after `settle`.
  void check_soon();

 private:
  /// The files of a TLS server as they were when they were last read.
  struct TlsFiles {
    std::map<std::string, FileStamp> files;
    enum class LastReading : std::uint8_t { good, refused } last = LastReading::good;
  };

  void check();
  void watch_directories(const conf::Config& config);
  [[nodiscard]] std::vector<conf::CertificateReading> read_changed(const conf::Config& config);
  [[nodiscard]] conf::CertificateReading read(std::size_t index,
                                              const conf::ListenerTls& tls) const;

  const Clock& clock_;
  ConfigInEffect config_;
  OnRead on_read_;
  CertificateWatchIntervals intervals_;
  io::DirectoryWatch directories_;
  std::string watch_error_;                  // the last one that was logged
  std::map<std::size_t, TlsFiles> servers_;  // by conf::TlsServer::index
  io::Timer settle_;
  io::Timer periodic_;
};

}  // namespace bonedry::proxy
