// The responses of nodes, their effect on browsers, and the users who are logged out by them.

#include "tests/unit/control/promise_duel.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::admin::test {

using plain::Effect;
using session::CookieChange;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::size_t kBefore = 3;  // earlier cookies that a browser keeps
constexpr const char* kWatched = "SID";
// Without a Date the proxy uses its own wall clock. If that is wrong by more than this, it cannot.
constexpr Millis kCalendarOff = hours{22};

std::string value_of(const std::string& set_cookie) {
  const std::size_t from = set_cookie.find('=') + 1;
  return set_cookie.substr(from, set_cookie.find(';') - from);
}

const char* text_of(CookieChange change) {
  switch (change) {
    case CookieChange::set:
      return "given";
    case CookieChange::cleared:
      return "cleared";
    case CookieChange::none:
      break;
  }
  return "nothing";
}

bool agrees(Effect effect, CookieChange change) {
  switch (effect) {
    case Effect::none:
      return change == CookieChange::none;
    case Effect::keeps:
      return change == CookieChange::set;
    case Effect::loses:
      return change == CookieChange::cleared;
    case Effect::lapses:
      break;
  }
  return change != CookieChange::none;
}

}  // namespace

void PromiseModelRun::answer() {
  Request* const leaver = chance(70) ? one_that_leaves_while_entered() : nullptr;
  Request* const request = leaver != nullptr ? leaver : any_request(Stage::sent);
  if (request == nullptr) return;
  note(request->node + " answers " + std::to_string(request->browser));
  if (request->binding.rescued && !reach(*request)) return;
  request->stage = Stage::answered;
  if (request->real.is_exempt()) return;  // the response has no effect on sessions
  // Clients that miss new values stay long: the old values must lead to the session.
  const bool hears = request->browser % kStaleEvery != 1;
  const bool stays = !hears && (request->browser == hurried_ || !has_another_midway(*request));
  const bool leaves = chance(stays ? 1 : has_another_midway(*request) ? 75 : 8);
  if (leaves) note("that is a logout");
  const Said said = what_application_says(*request);
  real::Proxy::Heard heard = hear(*request, said);
  if (leaves) heard.answer.user = session::UserStatus::logged_out;
  if (!request->sent.empty()) heard.answer.had_cookie = session::ResponseCookies::HadCookie::yes;
  if (request->sent.empty()) heard.answer.had_cookie = session::ResponseCookies::HadCookie::no;
  const std::string cookie = proxy_.answer(request->real, heard.answer);
  const bool left = request->real.binding.user == session::UserStatus::logged_out;
  if (leaves && !left) complain("a logout is not noticed");
  if (!leaves) take_cookies(*request, said, heard, left);
  if (left) {
    log_out(*request);
  } else {
    welcome(*request, said, heard);
  }
  Browser& browser = browsers_[request->browser];
  const auto session = model_.sessions.find(request->binding.key);
  const bool is_its = session != model_.sessions.end() && !request->binding.over;
  const std::uint64_t life = is_its ? session->second.life : 0;
  // Some responses get lost, and some clients never receive new cookies.
  if ((hears || browser.jar.cookies().empty()) && chance(95)) {
    for (const plain::SetCookie& one : said.cookies) {
      browser.jar.receive(one, request->page, said.date, now(), life);
    }
  }
  receive(*request, cookie);
  if (left && request == leaver) end(*request);  // then the node may seem empty
}

/// Finds a request to a bleeding node whose logout comes while another request of the session is
/// about to enter the node.
PromiseModelRun::Request* PromiseModelRun::one_that_leaves_while_entered() {
  for (const auto& request : requests_) {
    if (request->stage != Stage::sent || busy_with(request->real.worker) != nullptr) continue;
    const bool bleeds = model_.nodes.at(request->node).state == balancer::NodeState::bleeding;
    if (bleeds && has_another_midway(*request)) return request.get();
  }
  return nullptr;
}

/// A rescued user has reached another node. False: the user no longer belongs there.
bool PromiseModelRun::reach(Request& request) {
  const std::string reached = request.node;
  const bool right = proxy_.reach(request.real);
  request.node = proxy_.node_of(request.real);
  complain(model_.rescue(*request.plan, request.binding, reached, request.node));
  if (right) return true;
  request.stage = Stage::routed;
  count("rescued by another request");
  return false;
}

/// Handles a response to a user who stays.
void PromiseModelRun::welcome(Request& request, const Said& said, const real::Proxy::Heard& heard) {
  if (request.binding.pool == "club") return welcome_by(request, said, heard);
  if (request.binding.claim == plain::SessionBinding::Claim::none) {
    names_[request.real.binding.key] = next_key_;
    model_.begin(request.binding, request.node, next_key_++, now());
  }
  for (std::size_t i = 0; i < said.cookies.size(); ++i) {
    const auto id = plain::id_of(said.cookies[i], request.page);
    if (heard.changes[i] != CookieChange::set || !id) continue;
    model_.note_application_cookie(request.binding, *id, !request.sent.empty());
  }
}

// -- The application's cookie ---------------------------------------------------------------------

/// The correct time in the test.
WallTime PromiseModelRun::right_time() const {
  return {1'700'000'000'000 + now().ms};
}

WallTime PromiseModelRun::clock_of(const std::string& node) const {
  const auto wrong = wrong_by_.find(node);
  return right_time() + (wrong == wrong_by_.end() ? Millis{0} : wrong->second);
}

PromiseModelRun::Said PromiseModelRun::what_application_says(const Request& request) {
  Said said;
  if (!wrong_by_.contains(request.node) || chance(1)) {
    wrong_by_[request.node] = Millis{seconds{chance(50) ? pick(-120, 120) : pick(-900, 900)}};
  }
  said.date = {clock_of(request.node).ms / 1000 * 1000};
  const Millis calendar_off = std::chrono::abs(proxy_.clock.wall() - right_time());
  said.has_date = calendar_off > kCalendarOff || chance(80);
  if (!chance(gives_percent(request))) return said;
  for (int more = chance(15) ? 2 : 1; more > 0; --more) {
    plain::SetCookie cookie = a_cookie(request);
    if (chance(request.binding.pool == "club" ? 85 : 55)) {
      make_lasting(cookie, said);
    } else {
      make_past(cookie, said);
    }
    said.cookies.push_back(std::move(cookie));
  }
  if (!said.has_date) said.date = right_time();
  if (request.binding.pool == "club" && chance(15) && !request.sent.empty()) {
    const bool known = !request.binding.value.empty();
    said.cookies.resize(1);
    said.cookies.front().value = known ? request.binding.value : request.sent.front();
  }
  return said;
}

/// Where the cookie is learned, applications renew its value all the time.
int PromiseModelRun::gives_percent(const Request& request) const {
  if (request.binding.pool == "shop") return 50;
  if (request.binding.pool != "club") return 0;
  return request.binding.claim == plain::SessionBinding::Claim::none ? 80 : 85;
}

/// A cookie that an application sets: usually the common one, or one that this browser has.
plain::SetCookie PromiseModelRun::a_cookie(const Request& request) {
  plain::SetCookie cookie;
  cookie.value = "v" + std::to_string(next_value_++);
  const auto& there = browsers_[request.browser].jar.cookies();
  const auto session = model_.sessions.find(request.binding.key);
  const bool unknown = session == model_.sessions.end() || !session->second.known.cookie;
  if (!there.empty() && unknown && chance(50)) {  // beside one that the proxy did not see being set
    cookie.path = "/cart";
    return cookie;
  }
  if (!there.empty() && chance(request.browser == hurried_ ? 97 : 70)) {
    const auto one = std::next(there.begin(), pick(0, static_cast<std::int64_t>(there.size()) - 1));
    cookie.domain = one->first.host_only ? "" : one->first.domain;
    cookie.path = one->first.path;
    return cookie;
  }
  const std::array<const char*, 8> domains{"", "",          "",           "",
                                           "", "shop.test", ".shop.test", "other.test"};
  const std::array<const char*, 7> paths{"/", "/", "/", "/", "/cart", "", "/elsewhere"};
  cookie.domain = any_of(domains);
  cookie.path = any_of(paths);
  return cookie;
}

void PromiseModelRun::make_lasting(plain::SetCookie& cookie, const Said& said) {
  const std::int64_t dice = pick(0, 9);
  if (dice < 2) return;
  if (dice < 4) cookie.max_age = pick(20, 600);
  if (dice == 3) cookie.expires = WallTime{0};  // for browsers that do not know Max-Age
  if (dice >= 4) cookie.expires = said.date + seconds{pick(20, 600)};
}

void PromiseModelRun::make_past(plain::SetCookie& cookie, const Said& said) {
  const std::int64_t dice = pick(0, 9);
  if (dice < 2) cookie.max_age = -pick(0, 5);
  if (dice == 2) cookie.value.clear();
  if (dice == 3) cookie.expires = said.date - hours{48};
  if (dice > 3 && dice < 8) cookie.expires = WallTime{0};
  if (dice == 8) cookie.expires = said.date - minutes{pick(0, 9)};
  if (dice == 9) cookie.expires = said.date - minutes{pick(10, 1'000)};
}

/// The proxy must treat a cookie as a browser does, except for dates that are so little in the past
/// that a clock may be wrong.
real::Proxy::Heard PromiseModelRun::hear(Request& request, const Said& said) {
  session::CookieContext context{request.page.host, request.page.path, std::nullopt,
                                 proxy_.clock.wall()};
  if (said.has_date) context.date = said.date;
  std::vector<std::string> fields;
  for (const plain::SetCookie& one : said.cookies) fields.push_back(one.text(kWatched));
  real::Proxy::Heard heard = proxy_.hear(request.real, std::move(fields), context);
  for (std::size_t i = 0; i < heard.fields.size(); ++i) {
    note(heard.fields[i] + " is " + text_of(heard.changes[i]));
    const Effect effect = plain::effect_of(said.cookies[i], request.page, said.date);
    if (!agrees(effect, heard.changes[i])) complain(heard.fields[i] + " is misread");
    if (effect == Effect::none) count("cookie refused by the browser");
    if (effect == Effect::keeps && said.cookies[i].expires) count("cookie with Expires");
    if (effect == Effect::lapses) count("cookie that lapsed just now");
  }
  return heard;
}

/// Whether the browser has exactly one cookie of the session, and the response certainly removes
/// it.
bool PromiseModelRun::must_be_out(const Request& request, const Said& said) const {
  const auto session = model_.sessions.find(request.binding.key);
  if (request.binding.claim != plain::SessionBinding::Claim::session || request.binding.over)
    return false;
  if (session == model_.sessions.end()) return false;
  const plain::Session::Known& known = session->second.known;
  const auto& there = browsers_[request.browser].jar.cookies();
  if (!known.cookie || known.several || there.size() != 1) return false;
  const auto& [id, held] = *there.begin();
  if (id != *known.cookie || held.given_in != session->second.life) return false;
  bool taken = false;
  for (const plain::SetCookie& one : said.cookies) {
    const Effect effect = plain::effect_of(one, request.page, said.date);
    if (effect == Effect::keeps || effect == Effect::lapses) return false;
    taken = taken || (effect == Effect::loses && plain::id_of(one, request.page) == id);
  }
  return taken;
}

/// A user whose browser keeps a cookie of the session stays; one who has lost the only cookie
/// leaves.
void PromiseModelRun::take_cookies(Request& request, const Said& said,
                                   const real::Proxy::Heard& /*heard*/, bool left) {
  const auto session = model_.sessions.find(request.binding.key);
  if (session == model_.sessions.end() || request.binding.over) return;
  browsers_[request.browser].jar.let_lapse(now());
  if (must_be_out(request, said)) {
    count("cookie cleared");
    if (!left) complain("the only cookie of a session is cleared, and its user still counts");
  }
  if (!left) return;
  plain::Jar after = browsers_[request.browser].jar;
  for (const plain::SetCookie& one : said.cookies) {
    after.receive(one, request.page, said.date, now(), session->second.life);
  }
  for (const auto& [id, held] : after.cookies()) {
    if (held.given_in == session->second.life || session->second.known.several) {
      complain("a user is counted out whose browser keeps " + held.value);
    }
  }
}

/// Whether another request of the session is about to be routed. After a logout that user is not
/// counted.
bool PromiseModelRun::has_another_midway(const Request& request) const {
  return std::ranges::any_of(requests_, [&request](const auto& other) {
    const bool midway = other->stage == Stage::arrived || other->stage == Stage::routed;
    return midway && other->binding.key == request.binding.key &&
           other->binding.claim == plain::SessionBinding::Claim::session;
  });
}

/// Ends the session for all requests that hold it.
void PromiseModelRun::log_out(Request& request) {
  count("logout");
  const plain::SessionBinding binding = request.binding;
  if (binding.claim != plain::SessionBinding::Claim::session || binding.over) return;
  model_.log_out(request.binding);
  for (const auto& other : requests_) {
    const bool holds = other->binding.claim == plain::SessionBinding::Claim::session;
    if (holds && other->binding.key == binding.key) other->binding.over = true;
  }
}

/// Stores the proxy's own cookie.
void PromiseModelRun::receive(const Request& request, const std::string& set_cookie) {
  Browser& browser = browsers_[request.browser];
  if (set_cookie.empty() || chance(5)) return;  // some browsers never return it
  const bool cleared = set_cookie.find("Max-Age=0") != std::string::npos;
  if (browser.before.size() == kBefore) browser.before.erase(browser.before.begin());
  browser.before.push_back(std::exchange(browser.cookie, {}));
  if (cleared) return;
  browser.cookie.value = value_of(set_cookie);
  browser.cookie.genuine =
      model_.cookie_of(request.binding, request.node, now(), proxy_.clock.wall());
}

}  // namespace bonedry::admin::test
