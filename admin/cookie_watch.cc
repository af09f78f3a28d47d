#include "admin/cookie_watch.h"

namespace bonedry::admin {

std::shared_ptr<balancer::PoolCounters> CookieWatch::counters_of(const std::string& pool) {
  return pools_[pool].counters;
}

void CookieWatch::look(EventLog& events) {
  for (auto& [name, pool] : pools_) {
    if (pool.foreign == Told::no && pool.counters->foreign_cookies.load() > 0) {
      pool.foreign = Told::yes;
      events.add("cookie", "",
                 "pool " + name +
                     ": a user came with the cookie of another pool, and is lost to that one; "
                     "browsers do not keep the cookies of two ports apart: give each pool a "
                     "[pool.session] cookie of its own");
    }
    if (pool.clash == Told::no && pool.counters->cookie_clashes.load() > 0) {
      pool.clash = Told::yes;
      events.add("cookie", "",
                 "pool " + name +
                     ": a node sets a cookie of the same name as the session cookie; each takes "
                     "the other's place, and users are not known again; give one of them another "
                     "name ([pool.session] cookie)");
    }
    if (pool.clash_in_front == Told::no && pool.counters->cookie_clashes_in_front.load() > 0) {
      pool.clash_in_front = Told::yes;
      events.add("cookie", "",
                 "pool " + name +
                     ": another bonedry in front has a cookie of the same name as the session "
                     "cookie; each takes the other's place, and users are not known again; give "
                     "one of them another [pool.session] cookie");
    }
  }
}

}  // namespace bonedry::admin
