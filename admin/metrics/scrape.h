#pragma once

#include "admin/command_result.h"
#include "admin/metrics/exposition.h"
#include "admin/metrics/node_families.h"
#include "admin/status.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace bonedry::admin {
class ControlPlane;
}  // namespace bonedry::admin

/// The figures of `status` for Prometheus. docs/metrics.md lists the families.
namespace bonedry::admin::metrics {

/// Which families a text has.
enum class Scope : std::uint8_t {
  everything,
  pools,  ///< only those of pools and their nodes
};

/// The text of one scrape, written piece by piece from the figures of one moment: with 1,000 nodes
/// it has 6 MB, which as one text would take fresh memory and hold the event loop up. Main thread.
class Scrape {
 public:
  /// A piece has a little more than this: so it fits into a block.
  static constexpr std::size_t kPieceBytes = std::size_t{24} * 1024;

  Scrape(Status status, Scope scope, Format format);
  Scrape(const Scrape&) = delete;
  Scrape& operator=(const Scrape&) = delete;

  /// The next lines, valid until the next call; empty: there are no more.
  [[nodiscard]] std::string_view next();

 private:
  enum class Phase : std::uint8_t { begin, nodes, ended };

  void write_shared();
  void write_nodes();

  const Status status_;
  const Scope scope_;
  std::vector<LabelledNode> nodes_;
  const std::vector<NodeFamily> families_;
  Exposition out_;
  Phase phase_ = Phase::begin;
  std::size_t family_ = 0;  // the next samples: of this family
  std::size_t node_ = 0;    // and of this node
};

/// Of everything; or, if `pool` is given, of that pool and its nodes. An unknown pool is an error
/// that lists the known pools. Main thread.
[[nodiscard]] Result<std::unique_ptr<Scrape>, CommandError> scrape(
    const ControlPlane& control, std::optional<std::string_view> pool, Format format);

}  // namespace bonedry::admin::metrics
