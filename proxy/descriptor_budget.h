#pragma once

#include "proxy/base/result.h"

#include <cstddef>

namespace bonedry::proxy {

/// How the descriptors that the process may have are shared out, so that clients, however many they
/// are, never take those that the control plane, or a client who is in already, will need:
///
///   own      what is open when the listeners are bound, 8 for each worker, and 16 for files,
///            reloads and an upgrade, which are open for a moment
///   free     the limit (RLIMIT_NOFILE) less own; of it
///   admin    1/16, at least 8, at most 1088: clients of the admin socket
///   checks   1/16, at most 4096: health checks at a time
///   pipes    1/16, at most 512 for each worker: bodies on their way, two descriptors each
///   idle     1/16, at most 1024 for each worker: idle connections to nodes
///   clients  half of the rest. The other half are their connections to nodes, one for each
///
/// So clients get 6/16, nearly 3/8, of a small limit, and nearly half of a large one.
struct DescriptorBudget {
  std::size_t clients = 0;  ///< of all workers together
  std::size_t idle = 0;     ///< of each worker
  std::size_t pipes = 0;    ///< of each worker, in pipes
  std::size_t checks = 0;
  std::size_t admin = 0;

  /// Where there are not enough for anything.
  [[nodiscard]] static DescriptorBudget least() { return {1, 0, 0, 1, 8}; }
};

/// `open`: how many are in use already. The error is for the operator: there are too few.
[[nodiscard]] Result<DescriptorBudget> share_descriptors(std::size_t limit, std::size_t open,
                                                         std::size_t workers);

/// RLIMIT_NOFILE of this process.
[[nodiscard]] std::size_t descriptor_limit();
/// How many this process has open.
[[nodiscard]] std::size_t open_descriptors();

}  // namespace bonedry::proxy
