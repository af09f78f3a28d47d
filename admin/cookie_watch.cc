#include "admin/cookie_watch.h"

#include <utility>

namespace bonedry::admin {

std::shared_ptr<balancer::PoolCounters> CookieWatch::counters_of(const std::string& pool) {
  return pools_[pool].counters;
}

void CookieWatch::tell_once(Reported& reported, std::uint64_t count, const std::string& pool,
                            std::string_view what, EventLog& events) {
  if (count == 0 || std::exchange(reported, Reported::yes) == Reported::yes) return;
  events.add("cookie", "", "pool " + pool + ": " + std::string(what));
}

void CookieWatch::look(EventLog& events) {
  for (auto& [name, pool] : pools_) {
    tell_once(pool.foreign, pool.counters->foreign_cookies.load(), name,
              "a user came with the cookie of another pool, and is lost to that one; "
              "browsers do not keep the cookies of two ports apart: give each pool a "
              "[pool.session] cookie of its own",
              events);
    tell_once(pool.clash, pool.counters->cookie_clashes.load(), name,
              "a node sets a cookie of the same name as the session cookie; each takes "
              "the other's place, and users are not known again; give one of them "
              "another name ([pool.session] cookie)",
              events);
    tell_once(pool.clash_in_front, pool.counters->cookie_clashes_in_front.load(), name,
              "another bonedry in front has a cookie of the same name as the session "
              "cookie; each takes the other's place, and users are not known again; "
              "give one of them another [pool.session] cookie",
              events);
  }
}

}  // namespace bonedry::admin
