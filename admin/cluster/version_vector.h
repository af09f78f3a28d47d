#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace bonedry::admin::cluster {

/// Which of two states of one thing was made in knowledge of the other.
enum class Order : std::uint8_t {
  same,
  before,      ///< the second was made in knowledge of the first
  after,       ///< the first was made in knowledge of the second
  concurrent,  ///< neither: two members changed it without knowing of each other
};

/// How often each member has changed a thing, in what is known here. A value.
class VersionVector {
 public:
  using Counts = std::map<std::string, std::uint64_t>;

  VersionVector() = default;
  explicit VersionVector(Counts counts) : counts_(std::move(counts)) {}

  /// `member` changes the thing, in knowledge of everything that is counted here.
  void advance(const std::string& member) { ++counts_[member]; }
  /// Counts everything that `other` counts as well.
  void join(const VersionVector& other);
  [[nodiscard]] const Counts& counts() const { return counts_; }
  /// Nobody has changed the thing yet.
  [[nodiscard]] bool empty() const { return counts_.empty(); }

  friend bool operator==(const VersionVector&, const VersionVector&) = default;

 private:
  Counts counts_;  // no zeros
};

[[nodiscard]] Order compare(const VersionVector& one, const VersionVector& other);
/// Whether `one` counts everything that `other` counts.
[[nodiscard]] bool covers(const VersionVector& one, const VersionVector& other);

}  // namespace bonedry::admin::cluster
