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
  page_.rows.push_back(info);
  // Rarely enough that the cost of a session does not depend on the page.
  if (page_.rows.size() >= 2 * max() + 1) cut();
}

void SessionPager::cut() {
  std::vector<SessionInfo>& rows = page_.rows;
  if (rows.size() <= max()) return;
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(max());
  std::ranges::nth_element(rows, end, Before(page_.query.order));
  rows.erase(end, rows.end());
}

SessionPage SessionPager::take() && {
  cut();
  std::vector<SessionInfo>& rows = page_.rows;
  const auto skipped = std::min(page_.query.offset, rows.size());
  const auto first = rows.begin() + static_cast<std::ptrdiff_t>(skipped);
  const Before before(page_.query.order);
  if (first != rows.end()) std::nth_element(rows.begin(), first, rows.end(), before);
  rows.erase(rows.begin(), first);
  std::ranges::sort(rows, before);
  return std::move(page_);
}

}  // namespace bonedry::session
