#include "admin/cookie_watch.h"

#include <utility>

namespace bonedry::admin {

std::shared_ptr<balancer::PoolCounters> CookieWatch::counters_of(const std::string& pool) {
  return pools_[pool].counters;
}

void CookieWatch::report_once(Reported& reported, std::uint64_t count, const std::string& pool,
                              std::string_view what, EventLog& events) {
  if (count == 0 || std::exchange(reported, Reported::yes) == Reported::yes) return;
  events.warn("cookie", "pool " + pool + ": " + std::string(what));
}

void CookieWatch::report_new(EventLog& events) {
  for (auto& [name, pool] : pools_) {
    report_once(pool.foreign, pool.counters->foreign_cookies.load(), name,
                "a request carried the session cookie of another pool, which loses its user; "
                "browsers share cookies between ports: give each pool a "
                "[pool.session] cookie of its own",
                events);
    report_once(pool.clash, pool.counters->cookie_clashes.load(), name,
                "a node sets a cookie with the name of the session cookie; they overwrite "
                "each other, and users lose their session; give one of them "
                "another name ([pool.session] cookie)",
                events);
    report_once(pool.clash_in_front, pool.counters->cookie_clashes_in_front.load(), name,
                "another bonedry in front uses the name of this session "
                "cookie; they overwrite each other, and users lose their session; "
                "give one of them another [pool.session] cookie",
                events);
  }
}

}  // namespace bonedry::admin
