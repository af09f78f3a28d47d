#include "proxy/redis/server_info.h"

#include "proxy/redis/reply_problem.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace bonedry::redis {
namespace {

constexpr std::uint64_t kLeastVersion = 7;

// What must be free at the start of a connection, but no more than this share of all: a member that
// sends its sessions again takes some hundred KiB.
constexpr std::uint64_t kRoom = 1024UL * 1024;
constexpr std::uint64_t kRoomShare = 8;

/// The number at the start of a field; 0 if there is none.
std::uint64_t number(std::string_view info, std::string_view name) {
  const std::string_view text = info_field(info, name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Valkey has another name for it, unless it is told to use that of Redis.
std::optional<std::string> mode_problem(std::string_view info) {
  const std::string_view of_valkey = info_field(info, "server_mode");
  const std::string_view mode = of_valkey.empty() ? info_field(info, "redis_mode") : of_valkey;
  if (mode == "sentinel") return "it is a sentinel, whose address belongs into sentinels";
  if (mode == "cluster") return "it is part of a Redis Cluster, which is not supported";
  return std::nullopt;
}

std::optional<std::string> role_problem(std::string_view info) {
  const std::string_view role = info_field(info, "role");
  if (role == "master") return std::nullopt;
  if (role != "slave") return "it tells no role: " + quoted(role);
  const std::string host{info_field(info, "master_host")};
  const std::string port{info_field(info, "master_port")};
  return "it is a replica of " + host + " port " + port + ", and the primary is needed";
}

/// If less than `room` is free.
std::optional<std::string> full_problem(std::string_view info, std::uint64_t room) {
  const std::uint64_t most = number(info, "maxmemory");
  const std::uint64_t used = number(info, "used_memory");
  const std::uint64_t ignored = number(info, "mem_not_counted_for_evict");
  if (most > 0 && used + room > most + ignored) return store_problem("OOM");
  return std::nullopt;
}

std::optional<std::string> memory_problem(std::string_view info) {
  const std::string policy{info_field(info, "maxmemory_policy")};
  if (policy != "noeviction") {
    return "its maxmemory-policy must be noeviction, so that it drops no sessions, but is " +
           quoted(policy);
  }
  return full_problem(info, 0);
}

}  // namespace

std::string_view info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const std::string_view line = info.substr(0, info.find("\r\n"));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    info.remove_prefix(std::min(info.size(), line.size() + 2));
  }
  return {};
}

std::optional<std::string> info_problem(std::string_view info) {
  // Valkey calls itself Redis 7.2.4 here, and says its own version elsewhere.
  const std::string version{info_field(info, "redis_version")};
  if (version.empty()) return "another program is there: it tells no redis_version";
  if (number(info, "redis_version") < kLeastVersion) {
    return "it is Redis " + version + ", and 7.0 or newer is needed";
  }
  if (auto problem = mode_problem(info)) return problem;
  if (number(info, "loading") != 0) return store_problem("LOADING");
  if (auto problem = role_problem(info)) return problem;
  if (auto problem = memory_problem(info)) return problem;
  if (info_field(info, "run_id").empty()) return "it tells no run_id";
  return std::nullopt;
}

std::optional<std::string> first_info_problem(std::string_view info) {
  if (auto problem = info_problem(info)) return problem;
  return full_problem(info, std::min(kRoom, number(info, "maxmemory") / kRoomShare));
}

}  // namespace bonedry::redis
