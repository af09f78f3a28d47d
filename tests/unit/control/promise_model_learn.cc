// Users who are identified by the application's own cookie, whose values change.

#include "tests/unit/control/promise_model.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::plain {

bool Model::leaves_open(const std::string& value, Instant now) const {
  const auto known = values_.find(value);
  if (known == values_.end()) return false;
  const Value& this_one = known->second;
  const auto session = sessions.find(this_one.key);
  if (session == sessions.end() || !session->second.recorded) return false;
  if (session->second.doubted) return true;
  const std::string& node = session->second.node;
  if (now >= this_one.used + nodes.at(node).times.idle) return true;
  const Millis grace = pools.at(pool_of(node)).session.renewal_grace;
  const auto& all = session->second.values;
  const auto later = std::ranges::find(all, value);
  return std::any_of(later == all.end() ? later : later + 1, all.end(), [&](const auto& one) {
    const auto named = values_.find(one);
    if (named == values_.end() || named->second.key != this_one.key) return false;
    const Value& other = named->second;
    const bool replaces = !this_one.cookie || !other.cookie || *this_one.cookie == *other.cookie;
    return replaces && other.confirm_renewal && now >= *other.confirm_renewal + grace;
  });
}

void Model::forget(const std::string& value) {
  std::erase(sessions.at(values_.at(value).key).values, value);
  values_.erase(value);
}

SessionBinding Model::arrive_by(const Plan& plan, const std::string& pool, const std::string& value,
                                Found found, Instant now) {
  SessionBinding binding;
  binding.pool = pool;
  binding.sent_value = value;
  const auto known = values_.find(value);
  if (known == values_.end()) return binding;
  const bool may_be_unknown = leaves_open(value, now);
  Session* const session = find(known->second.key, now);
  if (session == nullptr) return binding;
  if (may_be_unknown && found == Found::no) {
    forget(value);
    return binding;
  }
  known->second.used = now;
  if (!known->second.confirm_renewal) known->second.confirm_renewal = now;
  session->state = SessionState::live;
  session->last = now;
  if (plan.find(session->node) == nullptr) return binding;
  ++session->open;
  return {pool,
          SessionBinding::Claim::session,
          known->second.key,
          session->node,
          session->displaced,
          false,
          false,
          session->created,
          value,
          value};
}

void Model::begin_by(const Plan& plan, SessionBinding& binding, const std::string& value,
                     const std::optional<CookieId>& cookie, const std::string& node, Key fresh,
                     Found found, Instant now) {
  const bool had_value = binding.sent_value == value;
  if (leaves_open(value, now) && found == Found::no) forget(value);
  const auto known = values_.find(value);
  Session* const there = known == values_.end() ? nullptr : find(known->second.key, now);
  if (there == nullptr) {
    begin(binding, node, fresh, now);
    sessions.at(fresh).known.cookie = cookie;
    sessions.at(fresh).values = {value};
    values_[value] = {fresh, cookie, now, std::nullopt};
  } else {
    there->state = SessionState::live;
    there->last = now;
    ++there->open;
    if (there->displaced || plan.find(there->node) == nullptr) {
      there->node = node;
      there->displaced = false;
    }
    binding = {binding.pool,
               SessionBinding::Claim::session,
               known->second.key,
               there->node,
               false,
               false,
               false,
               there->created,
               {},
               {}};
    if (cookie) there->known.take(*cookie);
    known->second.used = now;
  }
  if (had_value) values_[value].confirm_renewal = now;
  binding.value = value;
}

void Model::record_value(SessionBinding& binding, const std::string& value, const CookieId& cookie,
                         const std::string& node, Key fresh, Instant now) {
  Session& session = binding.over ? logged_out_.at(binding.key) : sessions.at(binding.key);
  Session::Known& known = session.known;
  const bool same = known.take(cookie);
  if (value == binding.value || (binding.over && !same)) return;
  if (binding.over) {  // the user has a new session now, and has not come back yet
    put(fresh, node, SessionState::live, session.created, now);
    sessions.at(fresh).open = 0;
    sessions.at(fresh).values = {value};
    values_[value] = {fresh, cookie, now, std::nullopt};
    return;
  }
  session.values.push_back(value);
  values_[value] = {binding.key, cookie, now, std::nullopt};
  if (!same) return;  // it exists beside the other
  session.node = node;
  session.displaced = false;
  session.state = SessionState::live;
  session.last = now;
  binding.value = value;
}

}  // namespace bonedry::admin::plain
