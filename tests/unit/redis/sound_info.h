#pragma once

#include <string>

namespace bonedry::redis {

/// What a server that can be the store says to INFO, with one change.
inline std::string sound_info(const std::string& from = "", const std::string& to = "") {
  std::string info =
      "# Server\r\nredis_version:7.2.4\r\nredis_mode:standalone\r\nrun_id:abc\r\n\r\n"
      "# Memory\r\nused_memory:1000000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\r\n"
      "# Persistence\r\nloading:0\r\n\r\n# Replication\r\nrole:master\r\n";
  if (!from.empty()) info.replace(info.find(from), from.size(), to);
  return info;
}

}  // namespace bonedry::redis
