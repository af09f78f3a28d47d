#include "admin/haproxy/process_info.h"

#include "proxy/base/ascii.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <thread>

namespace bonedry::admin::haproxy {
namespace {

/// Other characters than those of host names would make the field unreadable: it must be one word
/// without a ':'.
std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  std::string host(name.data());
  std::erase_if(host, [](char c) { return !ascii::is_alphanumeric(c) && c != '.' && c != '-'; });
  return host.empty() ? "localhost" : host;
}

std::uint64_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

}  // namespace

ProcessInfo read_process_info(const conf::Config& config, Millis uptime) {
  ProcessInfo process;
  process.pid = ::getpid();
  process.uptime = uptime;
  process.workers = config.server.workers != 0 ? config.server.workers
                                               : std::max(1U, std::thread::hardware_concurrency());
  process.descriptors = descriptor_limit();
  const std::uint64_t configured = config.limits.connections;
  process.max_connections = configured != 0 ? configured : process.descriptors / 2;
  process.host = host_name();
  return process;
}

}  // namespace bonedry::admin::haproxy
