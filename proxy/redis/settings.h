#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace bonedry::redis {

/// The path of a Unix socket.
struct UnixPath {
  std::string path;

  friend bool operator==(const UnixPath&, const UnixPath&) = default;
};

/// Servers that sentinels watch: one is the primary, the others are its replicas.
struct WatchedSet {
  std::string name;  ///< as the sentinels know it
  std::vector<conf::Address> sentinels;

  friend bool operator==(const WatchedSet&, const WatchedSet&) = default;
};

/// Where a server listens.
using ServerAddress = std::variant<conf::Address, UnixPath>;

/// "10.0.0.5:6379", or a path.
[[nodiscard]] std::string to_string(const ServerAddress& address);

/// Which store is used, and how.
struct Settings {
  std::variant<conf::Address, UnixPath, WatchedSet> store;
  unsigned database = 0;
  std::string username;  ///< empty: the default user
  std::string password;
  /// nullopt: plain. A server must have a certificate for `server_name`, or for its address if that
  /// is empty. The files have been read.
  std::optional<conf::PoolTls> tls;

  friend bool operator==(const Settings&, const Settings&) = default;
};

/// Reads a URL: redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=DB. DB is 0 if it is
/// missing, PORT is 6379. With sentinels, HOST is the name of the primary's set,
/// and there is no PORT. User, password and TLS' own settings are not part of a URL: the caller
/// adds them. Hosts are numeric: names are not resolved. The error never shows a password.
[[nodiscard]] Result<Settings> parse_store_url(const std::string& url,
                                               const std::vector<conf::Address>& sentinels);

}  // namespace bonedry::redis
