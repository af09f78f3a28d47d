#include "session/session_page.h"

#include <algorithm>
#include <utility>

namespace bonedry::session {
namespace {

/// Whether `a` is listed before `b`. Keys break ties, so that pages neither overlap nor leave gaps.
class Before {
 public:
  explicit Before(SessionOrder order) : order_(order) {}

  bool operator()(const SessionInfo& a, const SessionInfo& b) const {
    return std::pair{rank(a), a.key} < std::pair{rank(b), b.key};
  }

 private:
  [[nodiscard]] std::int64_t rank(const SessionInfo& info) const {
    switch (order_) {
      case SessionOrder::idle:
        return info.last.ms;
      case SessionOrder::age:
        return info.created.ms;
      case SessionOrder::exchanges:
        return -static_cast<std::int64_t>(info.exchanges);
    }
    return 0;
  }

  SessionOrder order_;
};

}  // namespace

void SessionPager::show(const SessionInfo& info) {
  ++page_.total;
  if (info.state == SessionState::pending) {
    ++page_.pending;
    page_.pending_until = std::max(page_.pending_until.value_or(info.ends), info.ends);
  }
  const Before before(page_.query.order);
  std::vector<SessionInfo>& rows = page_.rows;
  if (rows.size() < most()) {
    rows.push_back(info);
    std::ranges::push_heap(rows, before);
    return;
  }
  if (rows.empty() || !before(info, rows.front())) return;
  std::ranges::pop_heap(rows, before);
  rows.back() = info;
  std::ranges::push_heap(rows, before);
}

SessionPage SessionPager::take() && {
  std::vector<SessionInfo>& rows = page_.rows;
  std::ranges::sort_heap(rows, Before(page_.query.order));
  const auto skipped = std::min(page_.query.offset, rows.size());
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(skipped));
  return std::move(page_);
}

}  // namespace bonedry::session
