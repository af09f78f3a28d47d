#pragma once

#include "tests/unit/control/promise_model.h"
#include "tests/unit/control/promise_world.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::test {

/// Applies the same random steps to the real parts of a proxy and to the model: requests of users,
/// commands of operators, time, crashes and restarts. After every step both must agree on where
/// each session is, and the promise must not have been broken.
class PromiseModelRun {
 public:
  PromiseModelRun(std::size_t workers, std::uint64_t seed);

  /// Returns what is wrong; empty: nothing.
  std::string step();
  /// Ends all requests and lets every worker acknowledge everything: then every node that can be
  /// dry must be dry.
  std::string calm_down();

  /// The last steps, one per line, for finding the cause of an error.
  [[nodiscard]] std::string lately() const;
  /// How often each kind of step has happened.
  [[nodiscard]] const std::map<std::string, int>& happened() const { return happened_; }

 private:
  enum class Stage : std::uint8_t { arrived, routed, sent, answered };
  struct HadCookie {
    std::string value;                     ///< empty: no cookie
    std::optional<plain::Cookie> genuine;  ///< what the model knows of the cookie
  };
  struct Browser {
    std::string pool;
    HadCookie cookie;
    std::vector<HadCookie> before;  ///< earlier cookies, which may be stored at other paths
    plain::Jar jar;                 ///< with the application's cookie
  };
  struct Request {
    std::size_t browser = 0;
    real::Exchange real;
    plain::Page page;
    std::vector<std::string> sent;  ///< values of the application's cookie
    plain::SessionBinding binding;
    plain::PlanPtr plan;
    plain::Tried tried;
    std::string node;     ///< the node that the request goes to
    std::string open_on;  ///< the node that counts it as open
    Stage stage = Stage::arrived;
  };
  using Answered = std::shared_ptr<std::optional<bool>>;  ///< set to whether it succeeded

  // -- Dice
  std::int64_t pick(std::int64_t from, std::int64_t to);
  bool chance(int percent) { return pick(1, 100) <= percent; }
  template <class Container>
  auto& any_of(Container& container) {
    return container[static_cast<std::size_t>(
        pick(0, static_cast<std::int64_t>(container.size()) - 1))];
  }
  std::string any_node();
  plain::Page any_page();
  [[nodiscard]] std::vector<std::string> being_looked_at() const;
  std::size_t any_worker();
  std::size_t any_stale_browser();
  Request* any_request(Stage stage);
  void count(const std::string& what) { ++happened_[what]; }
  void note(std::string what);
  void complain(const std::string& what);
  /// What is wrong after all these steps.
  [[nodiscard]] std::string outcome() const;

  void act();
  // -- Users
  void act_as_user();
  void begin_request();
  void arrive(std::size_t worker, std::size_t number, std::vector<HadCookie> cookies);
  /// The model's view of the cookies of a request.
  plain::SessionBinding claim(const Request& request, const std::vector<HadCookie>& cookies);
  [[nodiscard]] std::vector<HadCookie> what_browser_sends(std::size_t number);
  void add_other_cookies(const Browser& browser, const Browser* moved,
                         std::vector<HadCookie>& cookies);
  [[nodiscard]] const Browser* any_who_was_moved(const std::string& pool) const;
  plain::SessionBinding settle(const Request& request, std::vector<plain::SessionBinding> claims,
                               plain::Key followed);
  void check_known(const Request& request, const std::vector<HadCookie>& cookies);
  void go_on(Request& request);
  void route(Request& request);
  void fail_to_connect();
  void finish();
  void end(const Request& request);
  void let_busy_worker_go_on(std::size_t worker);
  void close_all_requests();
  [[nodiscard]] Request* busy_with(std::size_t worker);

  // -- Responses of nodes
  using Cookies = std::vector<plain::SetCookie>;
  /// The cookies that an application sets, and its own clock.
  struct Said {
    Cookies cookies;
    WallTime date;  ///< of the application; of the browser if the response has no Date
    bool has_date = true;
  };
  void answer();
  [[nodiscard]] Request* one_that_leaves_while_entered();
  bool reach(Request& request);
  Said what_application_says(const Request& request);
  [[nodiscard]] int gives_percent(const Request& request) const;
  plain::SetCookie a_cookie(const Request& request);
  void make_lasting(plain::SetCookie& cookie, const Said& said);
  void make_past(plain::SetCookie& cookie, const Said& said);
  real::Proxy::Heard hear(Request& request, const Said& said);
  [[nodiscard]] bool must_be_out(const Request& request, const Said& said) const;
  void take_cookies(Request& request, const Said& said, const real::Proxy::Heard& heard, bool left);
  void welcome(Request& request, const Said& said, const real::Proxy::Heard& heard);
  [[nodiscard]] WallTime right_time() const;
  [[nodiscard]] WallTime clock_of(const std::string& node) const;
  [[nodiscard]] bool has_another_midway(const Request& request) const;
  void log_out(Request& request);
  void receive(const Request& request, const std::string& set_cookie);

  // -- Users of a pool that learns the application's cookie
  /// A request that was sent and has not arrived yet.
  struct OnItsWay {
    std::size_t browser;
    plain::Page page;
    std::vector<std::string> values;
  };
  static constexpr std::size_t kMaxOnTheirWay = 30;
  static constexpr std::size_t kStaleEvery = 8;  // misses new values: half of the pool
  void begin_learned(std::size_t worker, std::size_t number);
  [[nodiscard]] OnItsWay what_browser_sends_of_values(std::size_t number);
  void leave_one_open_question(OnItsWay& sent);
  void arrive_by(std::size_t worker, OnItsWay sent);
  void welcome_by(Request& request, const Said& said, const real::Proxy::Heard& heard);

  // -- Testers, whose exchanges change nothing: the model does not know of them
  void act_as_tester();
  void close_testers();

  // -- The main thread and its workers
  void act_as_operator();
  enum class Writes : std::uint8_t { as_they_are, fail };
  void command(Writes writes);
  void bleed();
  void bleed_from_maintenance();
  void maintain();
  void activate();
  void reload();
  void change_config();
  void add_or_remove_pool();
  void add_or_remove_node(conf::Pool& shop);
  void wait();
  void flip_health();
  void take(std::size_t worker);
  bool deliver();
  void pass(Millis by);
  void settle();
  admin::ChangeCallback note_answer(const Answered& answered);
  void expect(plain::Did did, const Answered& answered, const std::string& what);

  // -- The process and its machine
  void act_as_fate();
  void restart();
  [[nodiscard]] bool damage_files();
  void find_what_is_left();
  void drop_at_start();
  void jump();
  void stand_still();

  // -- The current state
  void update_plans(std::uint64_t from);
  void note_dry(const std::string& key);
  [[nodiscard]] bool may_be_incomplete(const std::string& key) const;
  [[nodiscard]] std::string why_not_dry(const std::string& key) const;
  [[nodiscard]] std::string compare() const;
  [[nodiscard]] std::string compare(const NodeStatus& status) const;
  [[nodiscard]] std::uint64_t next_version() const { return proxy_.fleet->published + 1; }
  [[nodiscard]] Instant now() const { return proxy_.clock.now(); }
  /// Notes the nodes that a worker does not let new users onto yet.
  void look_at_doors(std::size_t worker);
  [[nodiscard]] std::set<std::string> opening_at(std::size_t worker) const;
  /// Looks for a worker with an older topology that would take a user off `node`. Returns what is
  /// wrong.
  [[nodiscard]] std::string who_would_move(const Request& request, const std::string& node) const;
  void flip_disk();
  /// The model's outcome of a command. While the disk is broken, every change is refused.
  template <class Command>
  plain::Did try_on(Command command);

  std::mt19937_64 random_;
  std::mt19937_64 tester_random_;
  real::Proxy proxy_;
  plain::Model model_;
  std::vector<Browser> browsers_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<std::shared_ptr<balancer::Node>> testers_;           // an open exchange each
  std::map<std::uint64_t, plain::PlanPtr> plans_;                  // by version
  std::map<std::uint64_t, std::vector<std::string>> to_displace_;  // when it is acknowledged
  std::map<std::uint64_t, Answered> unanswered_;
  std::vector<std::pair<std::string, WaitEnd>> ended_waits_;
  plain::Key next_key_ = 1;
  std::map<session::SessionKey, plain::Key> names_;  // the model's keys of real sessions
  Instant seen_;                                     // when the process last swept
  int appetite_ = 50;
  std::optional<std::size_t> hurried_;      // a deaf browser with very many requests, each renewed
  std::map<std::string, Millis> wrong_by_;  // errors of the nodes' clocks
  std::uint64_t next_value_ = 1;
  std::deque<OnItsWay> on_their_way_;
  std::optional<std::size_t> held_up_;  // a worker that is slow between two steps of a callback
  std::map<std::string, int> happened_;
  std::deque<std::string> lately_;
  std::string wrong_;
};

}  // namespace bonedry::admin::test
