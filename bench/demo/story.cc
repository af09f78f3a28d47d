#include "bench/demo/story.h"

#include "bench/demo/http_client.h"
#include "proxy/base/duration.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kStartLimit = std::chrono::seconds{10};
constexpr Millis kAnswerLimit = std::chrono::seconds{10};
constexpr Millis kHealthLimit = std::chrono::seconds{10};
constexpr Millis kDryLimit = std::chrono::seconds{20};  // after all users must have left

constexpr unsigned kOldRelease = 1;
constexpr unsigned kNewRelease = 2;

/// The story cannot continue.
class BrokenOff : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string title(std::string name) {
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

bool says_dry(const AdminAnswer& answer) {
  const auto json = nlohmann::json::parse(answer.text, nullptr, false);
  return answer.error.empty() && json.is_object() && json.value("result", "") == "dry";
}

}  // namespace

Story::Story(Loop& loop, Programs programs, DemoConfig config, const Plot& plot, std::uint64_t seed)
    : loop_(loop),
      plot_(plot),
      config_(std::move(config)),
      signals_(loop),
      stage_(std::move(programs)),
      random_(seed),
      truth_(plot_.idle_timeout.value_or(config_.idle_timeout())),
      begun_(loop.now()),
      screen_(make_screen(loop, [this] { return scene(); })) {
  config_.set_idle_timeout(truth_.idle_timeout());
  record_.nodes = config_.nodes().size();
}

Record Story::play() {
  try {
    open_shops();
    open_front_door();
    let_people_in();
    for (const std::string& node : config_.nodes()) {
      bleed(node);
      wait_until_dry(node);
      update(node);
      put_back(node);
    }
    end();
  } catch (const BrokenOff& broken) {
    break_off(broken.what());
  }
  clear_the_stage();
  return std::move(record_);
}

void Story::open_shops() {
  for (const std::string& node : config_.nodes()) {
    stage_.open_shop(node, kOldRelease);
    wait_until([&] { return stage_.shop_listens(node); }, kStartLimit, node + " to start");
  }
}

void Story::open_front_door() {
  stage_.start_proxy(config_);
  admin_ = std::make_unique<AdminClient>(loop_, config_.socket());
  const Instant deadline = loop_.now() + kStartLimit;
  for (AdminAnswer answer = ask("status json"); !answer.error.empty();
       answer = ask("status json")) {
    if (loop_.now() > deadline) throw BrokenOff("bonedry does not answer: " + answer.error);
    rest(Millis{50});
  }
  monitor_ = std::make_unique<Monitor>(loop_, *admin_, truth_, config_.pool());
  const auto healthy = [this](const std::string& node) { return status_of(node).health == "up"; };
  wait_until([&] { return std::all_of(config_.nodes().begin(), config_.nodes().end(), healthy); },
             kHealthLimit, "all nodes to be healthy");
}

void Story::let_people_in() {
  const std::uint16_t port = monitor_->status()->port;
  town_.emplace(
      SharedState{loop_, random_, truth_, tally_, plot_.manners, port, config_.session_cookie()});
  people_ = std::make_unique<Population>(*town_);
  act_ = "both shops are open";
  tell("Both shops are open, release " + std::to_string(kOldRelease) + ", behind 127.0.0.1:" +
       std::to_string(port) + ". Starting " + std::to_string(plot_.manners.shoppers) +
       " users and " + std::to_string(plot_.manners.crawlers) + " crawlers. A session ends " +
       format_duration(truth_.idle_timeout()) + " after its last request.");
  // The rush is over when all of the first shoppers have arrived.
  rest(plot_.manners.rush + Millis{500});
  people_->take_fewest();
  rest(std::max(plot_.opening - plot_.manners.rush, Millis{0}));
}

void Story::bleed(const std::string& node) {
  order("bleed " + key(node) + " --reason \"release " + std::to_string(kNewRelease) + "\" json");
  // From this reply on no new user may reach the node.
  const Instant now = loop_.now();
  truth_.close_door(node, now);
  const std::int64_t users = truth_.count(node, now, now).now;
  record_.bleeds.push_back({node, users, {}});
  act_ = title(node) + " is bleeding";
  tell(title(node) + " is bleeding: " + std::to_string(users) +
       " sessions stay until their users leave, new users go to the other node.");
}

void Story::wait_until_dry(const std::string& node) {
  struct Word {
    AdminAnswer answer;
    Instant at;
  };
  const auto word = std::make_shared<std::optional<Word>>();
  admin_->send("wait " + key(node) + " json", [this, word, node](const AdminAnswer& answer) {
    *word = Word{answer, loop_.now()};
    if (says_dry(answer)) monitor_->check_dry(node);
  });
  const std::uint64_t users_before = tally_.users;
  const Millis limit = plot_.manners.stay_most + truth_.idle_timeout() + kDryLimit;
  wait_until([&] { return word->has_value(); }, limit, node + " to be dry");
  const AdminAnswer& answer = (*word)->answer;
  if (!says_dry(answer)) {
    throw BrokenOff("unexpected answer while waiting for " + node + ": " + answer.text +
                    answer.error);
  }
  if (const auto last = truth_.last_runs_out(node)) {
    record_.bleeds.back().dry_after = (*word)->at - last->latest;
  }
  act_ = title(node) + " is bone dry";
  tell(title(node) + " is bone dry: no users are left on it, and none will come back. " +
       std::to_string(tally_.users - users_before) + " new users went to the other node.");
  wait_until([&] { return status_of(node).dry; }, kAnswerLimit, "the status to report dry");
}

void Story::update(const std::string& node) {
  const std::string release = std::to_string(kNewRelease);
  order("maintain " + key(node) + " json");
  stage_.close_shop(node);
  act_ = title(node) + " is being updated";
  tell(title(node) + " is in maintenance: stopping it and starting release " + release + ".");
  wait_until([&] { return status_of(node).health == "down"; }, kHealthLimit,
             node + " to be reported down");
  rest(plot_.installing);
  stage_.open_shop(node, kNewRelease);
  wait_until([&] { return stage_.shop_listens(node); }, kStartLimit, node + " to start again");
  wait_until([&] { return status_of(node).health == "up"; }, kHealthLimit, node + " to be healthy");
  if (version_in(node) != release) throw BrokenOff(node + " does not run release " + release);
}

void Story::put_back(const std::string& node) {
  truth_.open_door(node);
  order("activate " + key(node) + " json");
  act_ = "both shops are open";
  tell(title(node) + " runs release " + std::to_string(kNewRelease) +
       ", is healthy and active again.");
  rest(plot_.interlude);
}

void Story::end() {
  act_ = "done";
  rest(plot_.ending);
  for (const std::string& node : config_.nodes()) {
    if (version_in(node) != std::to_string(kNewRelease))
      throw BrokenOff(node + " runs an old release");
  }
  tell("Both run release " + std::to_string(kNewRelease) +
       ". The shop was available all the time.");
}

void Story::clear_the_stage() {
  screen_->curtain();
  if (people_) record_.fewest_shoppers = people_->take_fewest();
  people_.reset();
  record_.lasted = loop_.now() - begun_;
  record_.tally = tally_;
  record_.intruders = truth_.intruders();
  if (monitor_) record_.findings = monitor_->findings();
  for (const std::string& node : config_.nodes()) {
    record_.moved += status_of(node).moved;
    record_.rescued += status_of(node).rescued;
  }
  if (record_.broken_off.empty() && !stage_.stop_proxy()) {
    break_off("bonedry did not exit in time and was killed");
  }
}

void Story::wait_until(const std::function<bool()>& condition, Millis limit,
                       const std::string& what) {
  const auto met = [&] {
    check_troubles();
    return condition();
  };
  if (!loop_.run_until(met, limit)) {
    throw BrokenOff("timed out after " + format_duration(limit) + " waiting for " + what);
  }
}

void Story::rest(Millis duration) {
  const Instant over = loop_.now() + duration;
  wait_until([&] { return loop_.now() >= over; }, duration + kAnswerLimit, "the time to pass");
}

void Story::check_troubles() {
  if (signals_.came()) throw BrokenOff("interrupted by a signal");
  const std::string stopped_program = stage_.stopped_program();
  if (!stopped_program.empty()) throw BrokenOff(stopped_program);
  if (monitor_ && !monitor_->trouble().empty()) throw BrokenOff(monitor_->trouble());
}

AdminAnswer Story::ask(const std::string& command) {
  const auto answer = std::make_shared<std::optional<AdminAnswer>>();
  admin_->send(command, [answer](const AdminAnswer& came) { *answer = came; });
  wait_until([&] { return answer->has_value(); }, kAnswerLimit, "an answer to `" + command + "`");
  return **answer;
}

AdminAnswer Story::order(const std::string& command) {
  AdminAnswer answer = ask(command);
  if (!answer.error.empty()) throw BrokenOff("`" + command + "` was refused: " + answer.error);
  return answer;
}

std::string Story::version_in(const std::string& node) {
  std::optional<HttpAnswer> answer;
  HttpClient client(loop_, stage_.shop(node).port);
  client.get("/version", "", [&answer](const HttpAnswer& came) { answer = came; });
  wait_until([&] { return answer.has_value(); }, kAnswerLimit, "the version of " + node);
  const std::string& body = answer->response.body;
  return body.substr(0, body.find('\n'));
}

std::string Story::key(const std::string& node) const {
  return config_.pool() + "/" + node;
}

NodeStatus Story::status_of(const std::string& node) const {
  if (!monitor_ || !monitor_->status()) return {};
  const auto found = monitor_->status()->nodes.find(node);
  return found == monitor_->status()->nodes.end() ? NodeStatus{} : found->second;
}

void Story::break_off(const std::string& why) {
  record_.broken_off = why;
  if (signals_.came()) return;  // the user ended the demo: nothing to investigate
  stage_.keep_folder();
  record_.broken_off += "; its files are in " + stage_.directory().string();
  const std::string said = stage_.proxy_log_tail();
  if (!said.empty()) record_.broken_off += "; last log lines of bonedry:\n" + said;
}

Scene Story::scene() const {
  Scene scene;
  scene.elapsed = loop_.now() - begun_;
  scene.act = act_;
  for (const std::string& node : config_.nodes()) scene.nodes.push_back(scene_of(node));
  scene.shopping = people_ ? people_->shopping() : 0;
  // One node may have to hold all of them, and the sessions of those who have just left.
  scene.full_bar = std::max<std::int64_t>(plot_.manners.shoppers * 8 / 5, 1);
  scene.users = tally_.users;
  scene.clicks = tally_.clicks;
  scene.failed_clicks = tally_.failed_clicks;
  scene.carts_lost = tally_.carts_lost;
  if (monitor_) {
    const Difference& largest = monitor_->findings().largest;
    scene.difference = std::max<std::int64_t>(largest.sessions, 0);
    scene.transit = largest.transit;
  }
  return scene;
}

Scene::Node Story::scene_of(const std::string& node) const {
  const NodeStatus status = status_of(node);
  const bool bone_dry = status.dry && status.state == "bleeding";
  Scene::Node figures;
  figures.name = node;
  figures.state = bone_dry ? "bone dry" : status.state;
  figures.health = status.health;
  figures.version = stage_.running_version(node);
  figures.live = status.live;
  figures.pending = status.pending;
  figures.truth = monitor_ ? monitor_->true_count(node).now : 0;
  figures.exchanges_open = status.exchanges_open;
  return figures;
}

}  // namespace bonedry::demo
