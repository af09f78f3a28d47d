#include "proxy/descriptor_budget.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

namespace bonedry::proxy {
namespace {

// A worker's event loop has 5. The others are for a client that is being refused, and a reserve.
constexpr std::size_t kOfWorker = 8;
// 16 for files, reloads and an upgrade; 10 for 4 hooks: a pipe and a pidfd each, and what is open
// while one is started.
constexpr std::size_t kTransient = 26;
constexpr std::size_t kParts = 16;
constexpr std::size_t kLeastAdmin = 8;
constexpr std::size_t kMaxAdmin = 1024 + 64;
constexpr std::size_t kMaxChecks = 4096;
constexpr std::size_t kMaxPipes = 512;
constexpr std::size_t kMaxIdleConnections = 1024;
constexpr std::size_t kLeastFree = 16;
constexpr std::size_t kUnlimited = std::size_t{1} << 30U;
constexpr std::size_t kAssumedOpen = 64;

}  // namespace

Result<DescriptorBudget> share_descriptors(std::size_t limit, std::size_t open,
                                           std::size_t workers) {
  const std::size_t own = open + kOfWorker * workers + kTransient;
  if (limit < own + kLeastFree) {
    return Failure{"a limit of " + std::to_string(limit) + " descriptors is too low for " +
                   std::to_string(workers) + " workers, which need " +
                   std::to_string(own + kLeastFree) +
                   " with the listeners and some clients; see LimitNOFILE, ulimit -n"};
  }
  const std::size_t free = limit - own;
  const std::size_t part = free / kParts;
  const std::size_t of_pipes = std::min(part, kMaxPipes * workers);
  const std::size_t idle = std::min(part, kMaxIdleConnections * workers);
  DescriptorBudget shares;
  shares.admin = std::clamp(part, kLeastAdmin, kMaxAdmin);
  shares.checks = std::clamp<std::size_t>(part, 1, kMaxChecks);
  shares.pipes = of_pipes / 2 / workers;
  shares.idle = idle / workers;
  shares.clients = (free - shares.admin - shares.checks - of_pipes - idle) / 2;
  return shares;
}

std::size_t descriptor_limit() {
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return known ? std::min<std::size_t>(limit.rlim_cur, kUnlimited) : kUnlimited;
}

std::size_t open_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  std::size_t count = 0;
  while (!error && entries != std::filesystem::directory_iterator{}) {
    ++count;
    entries.increment(error);
  }
  return count == 0 ? kAssumedOpen : count;
}

}  // namespace bonedry::proxy
