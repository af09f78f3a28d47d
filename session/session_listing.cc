#include "session/session_listing.h"

namespace bonedry::session {
namespace {

constexpr std::size_t kStep = 100'000;    // sessions visited in a step
constexpr std::size_t kMaxParts = 4'000;  // parts visited in a step, in case they are empty

}  // namespace

SessionListing::Progress SessionListing::step() {
  std::size_t seen = 0;
  const std::size_t last = part_ + kMaxParts;
  while (part_ < ledger_->parts() && part_ < last && seen < kStep) {
    here_.clear();
    ledger_->for_each(part_++, [this, &seen](NodeSlot node, const SessionInfo& info) {
      ++seen;
      if (node == node_) here_.push_back(info);
    });
    for (const SessionInfo& info : here_) pager_.show(info);
  }
  return part_ < ledger_->parts() ? Progress::more : Progress::done;
}

}  // namespace bonedry::session
