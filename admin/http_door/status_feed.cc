#include "admin/http_door/status_feed.h"

#include "admin/http_door/response.h"
#include "admin/render_json.h"

#include <cstring>
#include <utility>
#include <vector>

namespace bonedry::admin::http_door {

Slice to_slice(BlockPool& blocks, std::string_view text) {
  BlockRef block =
      text.size() <= BlockPool::kBlockSize ? blocks.take() : blocks.take_large(text.size());
  std::memcpy(block->data(), text.data(), text.size());
  const char* const data = block->data();
  return {std::move(block), data, text.size()};
}

Result<Slice, CommandError> StatusFeed::event_of(const std::string& pool) const {
  const auto status =
      control_.status(pool.empty() ? std::nullopt : std::optional<std::string_view>(pool));
  if (!status) return Failure{status.error()};
  return to_slice(blocks_, stream_event("status", render_json(*status)));
}

Result<Done, CommandError> StatusFeed::subscribe(Subscriber& subscriber, const std::string& pool) {
  const auto event = event_of(pool);
  if (!event) return Failure{event.error()};
  subscribers_[pool].insert(&subscriber);
  if (!timer_.armed()) timer_.arm(kInterval);
  subscriber.on_status(*event);
  return Done{};
}

void StatusFeed::unsubscribe(Subscriber& subscriber) {
  for (auto at = subscribers_.begin(); at != subscribers_.end();) {
    at->second.erase(&subscriber);
    at = at->second.empty() ? subscribers_.erase(at) : std::next(at);
  }
  if (subscribers_.empty()) timer_.disarm();
}

void StatusFeed::on_timer() {
  timer_.arm(kInterval);
  std::vector<std::string> pools;
  for (const auto& [pool, all] : subscribers_) pools.push_back(pool);
  for (const std::string& pool : pools) tell(pool);
}

/// Subscribers may leave, alone or all of them, while others are told.
void StatusFeed::tell(const std::string& pool) {
  const auto event = event_of(pool);
  const auto subscribed = subscribers_.find(pool);
  if (subscribed == subscribers_.end()) return;
  const std::set<Subscriber*> told = subscribed->second;
  for (Subscriber* const one : told) {
    const auto still = subscribers_.find(pool);
    if (still == subscribers_.end()) return;
    if (!still->second.contains(one)) continue;
    event ? one->on_status(*event) : one->on_pool_gone(event.error());
  }
}

}  // namespace bonedry::admin::http_door
