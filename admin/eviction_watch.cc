#include "admin/eviction_watch.h"

#include "admin/phrases.h"

#include <chrono>

namespace bonedry::admin {

namespace {

constexpr Millis kEvictionPause = std::chrono::seconds{10};

}  // namespace

void EvictionWatch::report_new(EventLog& events) {
  const session::Ledger::Totals totals = ledger_.totals();
  if (totals.evicted == reported_.evicted || clock_.now() < next_) return;
  const auto count = static_cast<std::int64_t>(totals.evicted - reported_.evicted);
  const std::string why =
      totals.refused == reported_.refused
          ? "the ledger is full (" + std::to_string(totals.capacity) + " sessions)"
          : "no disk space is left for the ledger";
  reported_ = totals;
  next_ = clock_.now() + kEvictionPause;
  events.warn("evict", why + ": " + counted(count, "session") + " evicted, pending ones first");
}

}  // namespace bonedry::admin
