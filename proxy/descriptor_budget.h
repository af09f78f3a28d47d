#pragma once

#include "proxy/base/result.h"

#include <cstddef>

namespace bonedry::proxy {

/// How the process's file descriptors are divided. Clients, however many, can never use up the
/// descriptors that the control plane or the exchanges of accepted clients will need:
///
///   own      those open when the listeners are bound, 8 for each worker, 26 for files, reloads,
///            hooks and an upgrade, which are open for a short time
///   free     the limit (RLIMIT_NOFILE) minus own, divided into:
///   admin    1/16, at least 8, at most 1088: clients of the admin socket
///   checks   1/16, at most 4096: concurrent health checks
///   pipes    1/16, at most 512 for each worker: bodies that are spliced, two descriptors per pipe
///   idle     1/16, at most 1024 for each worker: idle connections to nodes
///   clients  half of the rest. The other half is for their connections to nodes, one for each
///
/// So clients get 6/16 of a small limit, and nearly half of a large one.
struct DescriptorBudget {
  std::size_t clients = 0;  ///< total of all workers
  std::size_t idle = 0;     ///< per worker
  std::size_t pipes = 0;    ///< number of pipes per worker
  std::size_t checks = 0;
  std::size_t admin = 0;

  /// The minimum, used when the descriptor limit is too low to divide.
  [[nodiscard]] static DescriptorBudget least() { return {1, 0, 0, 1, 8}; }
};

/// `open`: descriptors already in use. Fails, with an error for the operator, if there are too few.
[[nodiscard]] Result<DescriptorBudget> share_descriptors(std::size_t limit, std::size_t open,
                                                         std::size_t workers);

/// The soft RLIMIT_NOFILE of this process.
[[nodiscard]] std::size_t descriptor_limit();
/// Number of descriptors that this process has open.
[[nodiscard]] std::size_t open_descriptors();

}  // namespace bonedry::proxy
