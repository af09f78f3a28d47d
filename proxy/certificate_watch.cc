#include "proxy/certificate_watch.h"

#include "conf/tls_servers.h"
#include "proxy/tls/files.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace bonedry::proxy {
namespace {

/// The directory that has the file's name, and the one that has the file, at the end of symbolic
/// links.
void add_directories_of(const std::string& file, std::set<std::string>& directories) {
  const std::filesystem::path named = std::filesystem::path(file).parent_path();
  directories.insert(named.empty() ? "." : named.string());
  std::error_code missing;
  const std::filesystem::path real = std::filesystem::canonical(file, missing);
  if (!missing) directories.insert(real.parent_path().string());
}

std::map<std::string, FileStamp> stamps_of(const std::set<std::string>& files) {
  std::map<std::string, FileStamp> stamps;
  for (const std::string& file : files) stamps.emplace(file, stamp_of(file));
  return stamps;
}

}  // namespace

CertificateWatch::CertificateWatch(io::EventLoop& loop, const Clock& clock, ConfigInEffect config,
                                   OnRead on_read, CertificateWatchIntervals intervals)
    : clock_(clock),
      config_(std::move(config)),
      on_read_(std::move(on_read)),
      intervals_(intervals),
      directories_(loop, [this] { check_soon(); }),
      settle_(loop.timers(), [this] { check(); }),
      periodic_(loop.timers(), [this] { check(); }) {
  check_soon();
}

/// Counts from the first of several changes: a directory that never rests does not delay it.
void CertificateWatch::check_soon() {
  if (!settle_.armed()) settle_.arm(intervals_.settle);
}

void CertificateWatch::check() {
  settle_.disarm();
  periodic_.arm(intervals_.check);
  const conf::Config* const config = config_();
  if (config == nullptr) return;
  // Before the files are looked at, so that no change is missed in between.
  watch_directories(*config);
  const std::vector<conf::CertificateReading> readings = read_changed(*config);
  if (!readings.empty()) on_read_(readings);
}

/// Without inotify, or where its limits are reached, the files are still checked periodically.
void CertificateWatch::watch_directories(const conf::Config& config) {
  std::set<std::string> directories;
  for (const auto& server : conf::tls_servers(config)) {
    for (const std::string& file : tls::files_of(server.tls)) {
      add_directories_of(file, directories);
    }
  }
  const Result<> watched = directories_.watch(directories);
  const std::string error = watched ? "" : watched.error();
  if (!error.empty() && error != watch_error_) {
    spdlog::warn("{}; new certificates there are noticed within {} s", error,
                 std::chrono::duration_cast<std::chrono::seconds>(intervals_.check).count());
  }
  watch_error_ = error;
}

std::vector<conf::CertificateReading> CertificateWatch::read_changed(const conf::Config& config) {
  std::vector<conf::CertificateReading> readings;
  for (const auto& server : conf::tls_servers(config)) {
    TlsFiles& known = servers_[server.index];
    auto files = stamps_of(tls::files_of(server.tls));
    if (files == known.files && known.last == TlsFiles::LastReading::good) continue;
    known.files = std::move(files);
    readings.push_back(read(server.index, server.tls));
    known.last = readings.back().tls ? TlsFiles::LastReading::good : TlsFiles::LastReading::refused;
  }
  return readings;
}

conf::CertificateReading CertificateWatch::read(std::size_t index,
                                                const conf::ListenerTls& tls) const {
  conf::ListenerTls next = tls;
  Result<std::vector<std::string>> warnings = tls::read_files(next, clock_.wall());
  if (!warnings) return {index, Failure{warnings.error()}};
  return {index, std::move(next), std::move(*warnings)};
}

}  // namespace bonedry::proxy
