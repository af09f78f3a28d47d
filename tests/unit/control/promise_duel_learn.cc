// Users of a pool that learns the application's own cookie, whose value the application renews.

#include "tests/unit/control/promise_duel.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::test {

using session::CookieChange;

/// A request that arrives now may have been sent long ago, with values that were renewed since.
void PromiseModelRun::begin_learned(std::size_t worker, std::size_t number) {
  if (on_their_way_.size() < kMaxOnTheirWay && chance(30)) {
    on_their_way_.push_back(what_browser_sends_of_values(number));
    return;
  }
  if (on_their_way_.empty() || chance(60)) {
    return arrive_by(worker, what_browser_sends_of_values(number));
  }
  const auto late =
      on_their_way_.begin() + pick(0, static_cast<std::int64_t>(on_their_way_.size()) - 1);
  OnItsWay sent = std::move(*late);
  on_their_way_.erase(late);
  count("request long on its way");
  arrive_by(worker, std::move(sent));
}

PromiseModelRun::OnItsWay PromiseModelRun::what_browser_sends_of_values(std::size_t number) {
  OnItsWay sent{number, any_page(), {}};
  sent.values = browsers_[number].jar.send(sent.page, now());
  if (chance(3)) sent.values.insert(sent.values.begin(), "forged" + std::to_string(pick(0, 99)));
  const auto& other = any_of(browsers_);
  if (other.pool == "club" && chance(10)) {  // planted from a sister domain
    for (const auto& [id, held] : other.jar.cookies()) sent.values.push_back(held.value);
  }
  constexpr std::size_t kMax = 8;
  if (sent.values.size() > kMax) sent.values.resize(kMax);
  return sent;
}

/// Where the rules allow both outcomes, the program decides; then only one value is sent.
void PromiseModelRun::leave_one_open_question(OnItsWay& sent) {
  const auto open = std::ranges::find_if(
      sent.values, [this](const auto& value) { return model_.leaves_open(value, now()); });
  if (open == sent.values.end()) return;
  sent.values = {std::string(*open)};
  count("value that may have been forgotten");
}

void PromiseModelRun::arrive_by(std::size_t worker, OnItsWay sent) {
  leave_one_open_question(sent);
  auto request = std::make_unique<Request>();
  request->browser = sent.browser;
  request->page = sent.page;
  request->sent = sent.values;
  request->plan = plans_.at(proxy_.fleet->workers[worker].runtime->topology->version);
  const std::vector<std::string_view> values(sent.values.begin(), sent.values.end());
  request->real = proxy_.find_session(worker, "club", values);
  const session::SessionBinding& real = request->real.binding;
  const bool found = real.held.has_value();
  look_at_doors(worker);
  note("a request of " + std::to_string(sent.browser) + " at worker " + std::to_string(worker) +
       ", version " + std::to_string(request->plan->version));
  std::vector<plain::SessionBinding> claims;
  plain::Key followed = 0;
  for (const std::string& value : sent.values) {
    claims.push_back(model_.arrive_by(*request->plan, "club", value,
                                      found ? plain::Found::yes : plain::Found::no, now()));
    note("with " + value + ", is of " + claims.back().node);
    if (found && real.key == proxy_.key_of("club", value)) followed = claims.back().key;
  }
  if (sent.values.size() > 1) count("several values");
  request->binding = settle(*request, std::move(claims), followed);
  request->binding.sent_value = sent.values.empty() ? "" : sent.values.front();
  requests_.push_back(std::move(request));
}

void PromiseModelRun::welcome_by(Request& request, const Said& said,
                                 const real::Proxy::Heard& heard) {
  using Claim = plain::SessionBinding::Claim;
  plain::SessionBinding& binding = request.binding;
  const plain::Key fresh = next_key_++;
  const bool gives = heard.answer.sets_cookie();
  const auto found = request.real.binding.created == now() ? plain::Found::no : plain::Found::yes;
  if (binding.claim == Claim::none && !gives && !binding.sent_value.empty()) {
    count("session by a value that was brought");
    model_.begin_by(*request.plan, binding, std::string(binding.sent_value), std::nullopt,
                    request.node, fresh, found, now());
  }
  for (std::size_t i = 0; i < said.cookies.size(); ++i) {
    const auto id = plain::id_of(said.cookies[i], request.page);
    if (heard.changes[i] != CookieChange::set || !id) continue;
    const std::string& value = said.cookies[i].value;
    if (binding.claim == Claim::none) {
      model_.begin_by(*request.plan, binding, value, id, request.node, fresh, found, now());
    } else {
      if (value != binding.value) count("value renewed");
      model_.record_value(binding, value, *id, request.node, next_key_++, now());
    }
  }
}

}  // namespace bonedry::admin::test
