#include "bench/demo/demo_run.h"

#include "bench/demo/http_client.h"
#include "proxy/base/duration.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kStartLimit = std::chrono::seconds{10};
constexpr Millis kEndLimit = std::chrono::seconds{10};
constexpr Millis kResponseLimit = std::chrono::seconds{10};
constexpr Millis kHealthLimit = std::chrono::seconds{10};
constexpr Millis kDryLimit = std::chrono::seconds{20};  // after all sessions must have expired

// By how much the counts of a member of a cluster may be old.
constexpr Millis kCountsBehind = std::chrono::seconds{2};
// ... and by how much of the idle time-out a user's end may be late when the proxy that saw him
// last is gone.
constexpr int kLateEndPart = 20;

constexpr unsigned kOldRelease = 1;
constexpr unsigned kNewRelease = 2;

/// The demo cannot continue.
class DemoAborted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string capitalized(std::string name) {
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

bool reports_dry(const AdminResponse& response) {
  const auto json = nlohmann::json::parse(response.text, nullptr, false);
  return response.error.empty() && json.is_object() && json.value("result", "") == "dry";
}

std::string addresses(const FrontDoors& doors) {
  std::string text;
  for (std::size_t i = 0; i < doors.size(); ++i) {
    text += (text.empty() ? "127.0.0.1:" : ", 127.0.0.1:") + std::to_string(doors.port(i));
  }
  return text;
}

/// With several proxies longer by what the counts may be old: all members know of a click well
/// before the session would have ended without it.
Millis idle_timeout(const DemoParameters& parameters, const DemoConfig& config) {
  const Millis timeout = parameters.idle_timeout.value_or(config.idle_timeout());
  return parameters.proxies == 1 ? timeout : timeout + kCountsBehind;
}

Millis counts_behind(const DemoParameters& parameters, const DemoConfig& config) {
  if (parameters.proxies == 1) return Millis{0};
  return kCountsBehind + idle_timeout(parameters, config) / kLateEndPart;
}

}  // namespace

DemoRun::DemoRun(Loop& loop, ProgramPaths programs, DemoConfig config,
                 const DemoParameters& parameters, std::uint64_t seed)
    : loop_(loop),
      parameters_(parameters),
      config_(std::move(config)),
      signals_(loop),
      environment_(std::move(programs)),
      random_(seed),
      expected_(demo::idle_timeout(parameters_, config_), counts_behind(parameters_, config_)),
      started_(loop.now()),
      secret_("the demo's secret, of seed " + std::to_string(seed) + ", and no other's"),
      fleet_(loop, random_, expected_, config_.pool()),
      screen_(make_screen(loop, [this] { return screen_state(); })) {
  config_.set_idle_timeout(expected_.idle_timeout());
  result_.nodes = config_.nodes().size();
  result_.proxies = parameters_.proxies;
}

DemoResult DemoRun::run() {
  try {
    start_shops();
    start_proxies();
    start_users();
    for (const std::string& node : config_.nodes()) {
      bleed(node);
      interrupted_ = fleet_.any_but(interrupted_.value_or(fleet_.size()));
      const PendingReport report = ask_when_dry(node, fleet_.any_but(*interrupted_));
      if (fleet_.size() > 1) interrupt(*interrupted_);
      wait_until_dry(node, report);
      update(node);
      activate(node);
    }
    check_releases();
  } catch (const DemoAborted& aborted) {
    record_abort(aborted.what());
  }
  shut_down();
  return std::move(result_);
}

void DemoRun::start_shops() {
  for (const std::string& node : config_.nodes()) {
    environment_.start_shop(node, kOldRelease);
    wait_until([&] { return environment_.shop_is_listening(node); }, kStartLimit,
               node + " to start");
  }
}

void DemoRun::start_proxies() {
  if (parameters_.proxies == 1) {
    fleet_.add(environment_.add_proxy("bonedry", config_, ""));
  } else {
    StoreProcess& store = environment_.start_store();
    wait_until([&] { return store.is_listening(); }, kStartLimit, "the store to start");
    for (std::size_t i = 1; i <= parameters_.proxies; ++i) {
      const std::string name = "p" + std::to_string(i);
      fleet_.add(environment_.add_proxy(name, member_config(name, store.url()), name));
    }
    log(std::to_string(fleet_.size()) + " proxies, p1 to " + fleet_.name(fleet_.size() - 1) +
        ", meet at " + store.program() + ".");
  }
  wait_until([this] { return fleet_.all_serve(); }, kStartLimit, "bonedry to serve");
  for (const std::string& node : config_.nodes()) wait_for_health(node, "up");
  fleet_.open_doors();
}

DemoConfig DemoRun::member_config(const std::string& name, const std::string& store) const {
  DemoConfig config = config_;
  config.join_cluster({name, parameters_.proxies, store, secret_});
  return config;
}

void DemoRun::wait_for_health(const std::string& node, const std::string& health) {
  const auto has_it = [&](const NodeStatus& status) { return status.health == health; };
  wait_until([&] { return fleet_.all_say(node, has_it); }, kHealthLimit, node + " to be " + health);
}

void DemoRun::start_users() {
  const UserBehavior& behavior = parameters_.behavior;
  shared_.emplace(SharedState{loop_, random_, expected_, counters_, behavior, fleet_.doors(),
                              config_.session_cookie()});
  users_ = std::make_unique<Population>(*shared_);
  phase_ = "both shops are open";
  dashboard_ = fleet_.dashboard();
  log("The dashboard, for a browser: " + dashboard_);
  log("Both shops are open, release " + std::to_string(kOldRelease) + ", behind " +
      addresses(fleet_.doors()) + ". Starting " + std::to_string(behavior.shoppers) +
      " users and " + std::to_string(behavior.crawlers) + " crawlers. A session ends " +
      format_duration(expected_.idle_timeout()) + " after its last request.");
  // The fewest concurrent users are of interest only once the first shoppers have arrived.
  wait_for(behavior.ramp_up + Millis{500});
  users_->take_min_active();
  wait_for(std::max(parameters_.before_first_bleed - behavior.ramp_up, Millis{0}));
}

void DemoRun::bleed(const std::string& node) {
  execute("bleed " + full_name(node) + " --reason \"release " + std::to_string(kNewRelease) +
          "\" json");
  // The response guarantees that no new session begins on the node from now on.
  const Instant now = loop_.now();
  expected_.take_out_of_rotation(node, now);
  const std::int64_t sessions = expected_.count(node, now, now).estimate;
  result_.bleeds.push_back({node, sessions, {}});
  phase_ = capitalized(node) + " is bleeding";
  log(capitalized(node) + " is bleeding: " + std::to_string(sessions) +
      " sessions stay until their users leave, new users go to the other node.");
}

void DemoRun::check_dry(const std::string& node, std::size_t proxy) {
  fleet_.monitor(proxy).check_dry(node);
  if (!fleet_.all_run()) ++result_.dry_unheard;
}

DemoRun::PendingReport DemoRun::ask_when_dry(const std::string& node, std::size_t proxy) {
  const auto report = std::make_shared<std::optional<DryReport>>();
  fleet_.admin(proxy).send("wait " + full_name(node) + " json",
                           [this, report, node, proxy](const AdminResponse& response) {
                             *report = DryReport{response, loop_.now()};
                             if (reports_dry(response)) check_dry(node, proxy);
                           });
  back_at_.reset();
  users_before_ = counters_.users;
  return report;
}

void DemoRun::interrupt(std::size_t proxy) {
  const std::string& name = fleet_.name(proxy);
  wait_for(parameters_.before_outage);
  if (result_.bleeds.size() == 1) {
    fleet_.kill(proxy);
    log(name + " was killed (kill -9): who clicks there goes to another proxy.");
  } else if (result_.bleeds.size() == 2) {
    log(name + " is asked to end (SIGTERM): who clicks there goes to another proxy.");
    fleet_.ask_to_end(proxy);
    wait_until([&] { return fleet_.has_ended(proxy); }, kEndLimit, name + " to end");
  } else {
    return;
  }
  wait_for(parameters_.outage);
  start_again(proxy);
}

void DemoRun::start_again(std::size_t proxy) {
  const std::string& name = fleet_.name(proxy);
  const Instant start = loop_.now();
  log(name + " is started again; it serves when it has met the others.");
  fleet_.start(proxy);
  wait_until([&] { return fleet_.all_serve(); }, kStartLimit, name + " to serve again");
  fleet_.open_door(proxy);
  back_at_ = loop_.now();
  log(name + " serves again, " + format_duration(*back_at_ - start) + " after its start.");
}

void DemoRun::wait_until_dry(const std::string& node, const PendingReport& report) {
  const Millis limit = parameters_.behavior.max_stay + expected_.idle_timeout() + kDryLimit;
  wait_until([&] { return report->has_value(); }, limit, node + " to be dry");
  const AdminResponse& response = (*report)->response;
  if (!reports_dry(response)) {
    throw DemoAborted("unexpected response while waiting for " + node + ": " + response.text +
                      response.error);
  }
  if (const auto last = expected_.last_expiry(node)) {
    const Instant possible = std::max(last->latest, back_at_.value_or(last->latest));
    result_.bleeds.back().dry_delay = (*report)->at - possible;
  }
  phase_ = capitalized(node) + " is bone dry";
  log(capitalized(node) + " is bone dry: no users are left on it, and none will come back. " +
      std::to_string(counters_.users - users_before_) + " new users went to the other node.");
  const auto is_dry = [](const NodeStatus& status) { return status.dry; };
  wait_until([&] { return fleet_.all_say(node, is_dry); }, kResponseLimit,
             "the status to report dry");
}

void DemoRun::update(const std::string& node) {
  const std::string release = std::to_string(kNewRelease);
  execute("maintain " + full_name(node) + " json");
  environment_.stop_shop(node);
  phase_ = capitalized(node) + " is being updated";
  log(capitalized(node) + " is in maintenance: stopping it and starting release " + release + ".");
  wait_for_health(node, "down");
  wait_for(parameters_.shop_downtime);
  environment_.start_shop(node, kNewRelease);
  wait_until([&] { return environment_.shop_is_listening(node); }, kStartLimit,
             node + " to start again");
  wait_for_health(node, "up");
  if (release_of(node) != release) throw DemoAborted(node + " does not run release " + release);
}

void DemoRun::activate(const std::string& node) {
  expected_.put_into_rotation(node);
  execute("activate " + full_name(node) + " json");
  phase_ = "both shops are open";
  log(capitalized(node) + " runs release " + std::to_string(kNewRelease) +
      ", is healthy and active again.");
  wait_for(parameters_.between_bleeds);
}

void DemoRun::check_releases() {
  phase_ = "done";
  wait_for(parameters_.after_last_bleed);
  for (const std::string& node : config_.nodes()) {
    if (release_of(node) != std::to_string(kNewRelease)) {
      throw DemoAborted(node + " runs an old release");
    }
  }
  log("Both run release " + std::to_string(kNewRelease) + ". The shop was available all the time.");
}

void DemoRun::shut_down() {
  screen_->stop();
  if (users_) result_.min_shoppers = users_->take_min_active();
  users_.reset();
  result_.duration = loop_.now() - started_;
  result_.counters = counters_;
  result_.misrouted = expected_.misrouted();
  result_.taken_back = expected_.taken_back();
  result_.comparison = fleet_.comparison();
  result_.displaced = fleet_.displaced();
  if (result_.abort_reason.empty() && !fleet_.stop()) {
    record_abort("bonedry did not exit in time and was killed");
  }
}

void DemoRun::wait_until(const std::function<bool()>& condition, Millis limit,
                         const std::string& what) {
  const auto met = [&] {
    throw_if_failed();
    return condition();
  };
  if (!loop_.run_until(met, limit)) {
    throw DemoAborted("timed out after " + format_duration(limit) + " waiting for " + what);
  }
}

void DemoRun::wait_for(Millis duration) {
  const Instant end = loop_.now() + duration;
  wait_until([&] { return loop_.now() >= end; }, duration + kResponseLimit, "the time to pass");
}

void DemoRun::throw_if_failed() {
  if (signals_.received()) throw DemoAborted("interrupted by a signal");
  const std::string unexpected_exit = environment_.unexpected_exit();
  if (!unexpected_exit.empty()) throw DemoAborted(unexpected_exit);
  const std::string monitor_error = fleet_.error();
  if (!monitor_error.empty()) throw DemoAborted(monitor_error);
}

AdminResponse DemoRun::send(const std::string& command) {
  // Shared with the callback, which may be called after this function has thrown.
  const auto received = std::make_shared<std::optional<AdminResponse>>();
  fleet_.admin(fleet_.any()).send(command, [received](const AdminResponse& response) {
    *received = response;
  });
  wait_until([&] { return received->has_value(); }, kResponseLimit,
             "a response to `" + command + "`");
  return **received;
}

void DemoRun::execute(const std::string& command) {
  const AdminResponse response = send(command);
  if (!response.error.empty()) {
    throw DemoAborted("`" + command + "` was refused: " + response.error);
  }
}

std::string DemoRun::release_of(const std::string& node) {
  std::optional<HttpResult> received;
  HttpClient client(loop_, environment_.shop(node).port);
  client.get("/version", "", [&received](const HttpResult& result) { received = result; });
  wait_until([&] { return received.has_value(); }, kResponseLimit, "the release of " + node);
  const std::string& body = received->response.body;
  return body.substr(0, body.find('\n'));
}

std::string DemoRun::full_name(const std::string& node) const {
  return config_.pool() + "/" + node;
}

void DemoRun::record_abort(const std::string& reason) {
  result_.abort_reason = reason;
  if (signals_.received()) return;  // the user ended the demo: nothing to investigate
  environment_.keep_directory();
  result_.abort_reason += "; its files are in " + environment_.directory().string();
  result_.abort_reason += environment_.proxy_log_tails();
}

ScreenState DemoRun::screen_state() const {
  ScreenState state;
  state.elapsed = loop_.now() - started_;
  state.phase = phase_;
  state.dashboard = dashboard_;
  for (const std::string& node : config_.nodes()) state.nodes.push_back(screen_state_of(node));
  state.active_users = users_ ? users_->active() : 0;
  // During a bleed, the other node may have all sessions, and those of users who have just left.
  state.full_bar = std::max<std::int64_t>(parameters_.behavior.shoppers * 8 / 5, 1);
  state.total_users = counters_.users;
  state.clicks = counters_.clicks;
  state.failed_clicks = counters_.failed_clicks;
  state.carts_lost = counters_.carts_lost;
  const CountDifference& largest = fleet_.comparison().largest;
  state.largest_difference = std::max<std::int64_t>(largest.sessions, 0);
  state.in_transit = largest.in_transit;
  return state;
}

ScreenState::Node DemoRun::screen_state_of(const std::string& node) const {
  const NodeStatus status = fleet_.status_of(node);
  const bool bone_dry = status.dry && status.state == "bleeding";
  ScreenState::Node state;
  state.name = node;
  state.state = bone_dry ? "bone dry" : status.state;
  state.health = status.health;
  state.release = environment_.running_release(node);
  state.live = status.live;
  state.pending = status.pending;
  state.expected = fleet_.expected_count(node).estimate;
  state.exchanges_open = status.exchanges_open;
  return state;
}

}  // namespace bonedry::demo
