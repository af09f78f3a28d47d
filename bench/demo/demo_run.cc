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
constexpr Millis kResponseLimit = std::chrono::seconds{10};
constexpr Millis kHealthLimit = std::chrono::seconds{10};
constexpr Millis kDryLimit = std::chrono::seconds{20};  // after all sessions must have expired

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

}  // namespace

DemoRun::DemoRun(Loop& loop, ProgramPaths programs, DemoConfig config,
                 const DemoParameters& parameters, std::uint64_t seed)
    : loop_(loop),
      parameters_(parameters),
      config_(std::move(config)),
      signals_(loop),
      environment_(std::move(programs)),
      random_(seed),
      expected_(parameters_.idle_timeout.value_or(config_.idle_timeout())),
      started_(loop.now()),
      screen_(make_screen(loop, [this] { return screen_state(); })) {
  config_.set_idle_timeout(expected_.idle_timeout());
  result_.nodes = config_.nodes().size();
}

DemoResult DemoRun::run() {
  try {
    start_shops();
    start_proxy();
    start_users();
    for (const std::string& node : config_.nodes()) {
      bleed(node);
      wait_until_dry(node);
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

void DemoRun::start_proxy() {
  environment_.start_proxy(config_);
  admin_ = std::make_unique<AdminClient>(loop_, config_.admin_socket());
  const Instant deadline = loop_.now() + kStartLimit;
  for (AdminResponse response = send("status json"); !response.error.empty();
       response = send("status json")) {
    if (loop_.now() > deadline) throw DemoAborted("bonedry does not respond: " + response.error);
    wait_for(Millis{50});
  }
  monitor_ = std::make_unique<Monitor>(loop_, *admin_, expected_, config_.pool());
  const auto healthy = [this](const std::string& node) { return status_of(node).health == "up"; };
  wait_until([&] { return std::all_of(config_.nodes().begin(), config_.nodes().end(), healthy); },
             kHealthLimit, "all nodes to be healthy");
}

void DemoRun::start_users() {
  const UserBehavior& behavior = parameters_.behavior;
  const std::uint16_t port = monitor_->status()->port;
  shared_.emplace(
      SharedState{loop_, random_, expected_, counters_, behavior, port, config_.session_cookie()});
  users_ = std::make_unique<Population>(*shared_);
  phase_ = "both shops are open";
  dashboard_ = environment_.dashboard();
  log("The dashboard, for a browser: " + dashboard_);
  log("Both shops are open, release " + std::to_string(kOldRelease) + ", behind 127.0.0.1:" +
      std::to_string(port) + ". Starting " + std::to_string(behavior.shoppers) + " users and " +
      std::to_string(behavior.crawlers) + " crawlers. A session ends " +
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

void DemoRun::wait_until_dry(const std::string& node) {
  struct Received {
    AdminResponse response;
    Instant at;
  };
  // Shared with the callback, which may be called after this function has thrown.
  const auto received = std::make_shared<std::optional<Received>>();
  admin_->send("wait " + full_name(node) + " json",
               [this, received, node](const AdminResponse& response) {
                 *received = Received{response, loop_.now()};
                 if (reports_dry(response)) monitor_->check_dry(node);
               });
  const std::uint64_t users_before = counters_.users;
  const Millis limit = parameters_.behavior.max_stay + expected_.idle_timeout() + kDryLimit;
  wait_until([&] { return received->has_value(); }, limit, node + " to be dry");
  const AdminResponse& response = (*received)->response;
  if (!reports_dry(response)) {
    throw DemoAborted("unexpected response while waiting for " + node + ": " + response.text +
                      response.error);
  }
  if (const auto last = expected_.last_expiry(node)) {
    result_.bleeds.back().dry_delay = (*received)->at - last->latest;
  }
  phase_ = capitalized(node) + " is bone dry";
  log(capitalized(node) + " is bone dry: no users are left on it, and none will come back. " +
      std::to_string(counters_.users - users_before) + " new users went to the other node.");
  wait_until([&] { return status_of(node).dry; }, kResponseLimit, "the status to report dry");
}

void DemoRun::update(const std::string& node) {
  const std::string release = std::to_string(kNewRelease);
  execute("maintain " + full_name(node) + " json");
  environment_.stop_shop(node);
  phase_ = capitalized(node) + " is being updated";
  log(capitalized(node) + " is in maintenance: stopping it and starting release " + release + ".");
  wait_until([&] { return status_of(node).health == "down"; }, kHealthLimit,
             node + " to be reported down");
  wait_for(parameters_.shop_downtime);
  environment_.start_shop(node, kNewRelease);
  wait_until([&] { return environment_.shop_is_listening(node); }, kStartLimit,
             node + " to start again");
  wait_until([&] { return status_of(node).health == "up"; }, kHealthLimit, node + " to be healthy");
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
  if (monitor_) result_.comparison = monitor_->result();
  for (const std::string& node : config_.nodes()) {
    result_.moved += status_of(node).moved;
    result_.rescued += status_of(node).rescued;
  }
  if (result_.abort_reason.empty() && !environment_.stop_proxy()) {
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
  if (monitor_ && !monitor_->error().empty()) throw DemoAborted(monitor_->error());
}

AdminResponse DemoRun::send(const std::string& command) {
  // Shared with the callback, which may be called after this function has thrown.
  const auto received = std::make_shared<std::optional<AdminResponse>>();
  admin_->send(command, [received](const AdminResponse& response) { *received = response; });
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

NodeStatus DemoRun::status_of(const std::string& node) const {
  if (!monitor_ || !monitor_->status()) return {};
  const auto found = monitor_->status()->nodes.find(node);
  return found == monitor_->status()->nodes.end() ? NodeStatus{} : found->second;
}

void DemoRun::record_abort(const std::string& reason) {
  result_.abort_reason = reason;
  if (signals_.received()) return;  // the user ended the demo: nothing to investigate
  environment_.keep_directory();
  result_.abort_reason += "; its files are in " + environment_.directory().string();
  const std::string log_tail = environment_.proxy_log_tail();
  if (!log_tail.empty()) result_.abort_reason += "; last log lines of bonedry:\n" + log_tail;
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
  if (monitor_) {
    const CountDifference& largest = monitor_->result().largest;
    state.largest_difference = std::max<std::int64_t>(largest.sessions, 0);
    state.in_transit = largest.in_transit;
  }
  return state;
}

ScreenState::Node DemoRun::screen_state_of(const std::string& node) const {
  const NodeStatus status = status_of(node);
  const bool bone_dry = status.dry && status.state == "bleeding";
  ScreenState::Node state;
  state.name = node;
  state.state = bone_dry ? "bone dry" : status.state;
  state.health = status.health;
  state.release = environment_.running_release(node);
  state.live = status.live;
  state.pending = status.pending;
  state.expected = monitor_ ? monitor_->expected_count(node).estimate : 0;
  state.exchanges_open = status.exchanges_open;
  return state;
}

}  // namespace bonedry::demo
