#pragma once

#include "bench/demo/cookie_jar.h"
#include "tests/scenario/crowd.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {

/// Hundreds of users on a few threads. Each click of a user goes to the next address in turn, over
/// a connection that the users of a thread share, as behind a gateway, or over a new one.
class RoamingCrowd {
 public:
  struct Plan {
    std::size_t users = 0;
    Millis ramp_up{1000};  ///< they arrive within this time
    Millis min_stay{1000};
    Millis max_stay{3000};
    Millis max_think_time{1000};
    Millis hasty_after{0};        ///< how soon a hasty user requests the second page
    std::string last_page = "/";  ///< what each requests before he leaves
  };

  /// `cookie`: the one that makes a session.
  RoamingCrowd(std::vector<std::string> addresses, std::string cookie, std::uint64_t seed);
  ~RoamingCrowd();
  RoamingCrowd(const RoamingCrowd&) = delete;
  RoamingCrowd& operator=(const RoamingCrowd&) = delete;

  /// Starts more users, and does not wait for them.
  void start(const Plan& plan);
  /// Waits until all users have left; returns their sessions.
  [[nodiscard]] std::vector<ObservedSession> wait_until_all_left();

 private:
  using Random = std::mt19937_64;

  static constexpr std::size_t kUsersOfAThread = 15;
  /// Of so many users, one requests a second page sooner, as a browser does for an image.
  static constexpr std::size_t kHasty = 5;

  struct Visitor {
    ObservedSession seen;
    demo::CookieJar cookies;
    std::size_t through = 0;
    bool is_hasty = false;
    TestTime next_click;
    TestTime leaves;
  };
  struct Connections;

  [[nodiscard]] std::vector<Visitor> plan_visits(const Plan& plan, std::size_t first,
                                                 std::size_t end, Random& random) const;
  void run(const Plan& plan, std::vector<Visitor> visitors, Random random);
  /// False: he has left.
  [[nodiscard]] bool visit(const Plan& plan, Visitor& visitor, Connections& connections,
                           Random& random) const;
  void click(Visitor& visitor, const std::string& target, HttpClient& over) const;
  void note(Visitor& visitor, const Response& response, TestTime sent) const;

  std::vector<std::string> addresses_;
  std::string cookie_;
  std::uint64_t seed_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards sessions_
  std::vector<ObservedSession> sessions_;
};

/// How old what members say of their users is, at most.
class CountDelay {
 public:
  /// `logged_out`: of sessions that ended with their last click. The others end by time.
  CountDelay(std::vector<ObservedSession> timed_out, std::vector<ObservedSession> logged_out,
             Millis idle_timeout);

  /// The least delay by which the counts of live and of pending sessions of these nodes are what
  /// the users have seen, but for requests under way; kNever if there is none.
  [[nodiscard]] Millis of(const StatusSampler::Sample& sample,
                          const std::vector<std::string>& nodes) const;
  [[nodiscard]] Millis greatest(const std::vector<StatusSampler::Sample>& samples,
                                const std::vector<std::string>& nodes) const;

  static constexpr Millis kNever{60'000};

 private:
  /// A session, and between which times it ended.
  struct Stay {
    ObservedSession session;
    TestTime first_end;
    TestTime last_end;
  };

  [[nodiscard]] bool agrees(const StatusSampler::Sample& sample, const std::string& node,
                            Millis behind) const;

  std::vector<Stay> stays_;
};

}  // namespace bonedry::test
