#include "tests/support/relay.h"

#include <array>
#include <deque>
#include <random>
#include <thread>
#include <utility>

namespace bonedry::test {
namespace {

/// Bytes on their way in one direction.
class Lane {
 public:
  Lane(Socket& from, Socket& to, std::size_t seed) : from_(from), to_(to), random_(seed) {}

  /// Takes what has come, unless the sender has finished.
  void take() {
    if (finished_ || !from_.wait_readable(Millis{0})) return;
    std::array<char, 65536> bytes;
    const std::size_t size = from_.receive(bytes.data(), bytes.size());
    if (size == 0) finished_ = true;
    if (size > 0 && !broken_) {
      waiting_.push_back({TestClock::now(), std::string(bytes.data(), size)});
    }
  }
  void pass_on(Millis delay, unsigned lost_percent) {
    while (!waiting_.empty() && elapsed_since(waiting_.front().first) >= delay) {
      if (random_() % 100 < lost_percent) {
        broken_ = true;
        waiting_.clear();
        return;
      }
      to_.send_all(waiting_.front().second);
      waiting_.pop_front();
    }
  }
  [[nodiscard]] bool finished() const { return finished_; }
  /// Nothing comes out of it any more.
  [[nodiscard]] bool ended() const { return finished_ && waiting_.empty(); }

 private:
  Socket& from_;
  Socket& to_;
  std::mt19937 random_;
  bool finished_ = false;
  bool broken_ = false;  // it takes bytes, and delivers none
  std::deque<std::pair<TestTime, std::string>> waiting_;
};

/// A side that has finished is always readable.
void wait_a_little(const Socket& client, const Lane& there, const Socket& server,
                   const Lane& back) {
  constexpr Millis kStep{2};
  if (there.finished() && back.finished()) return std::this_thread::sleep_for(kStep);
  (void)(there.finished() ? server : client).wait_readable(kStep);
}

}  // namespace

Relay::Relay(std::string target)
    : target_(std::move(target)),
      server_("relay", [this](Socket& client, std::size_t number) { serve(client, number); }) {
  server_.start();
}

Relay::~Relay() {
  cut();
}

void Relay::cut() {
  is_cut_ = true;
  server_.stop();
}

void Relay::mend() {
  is_cut_ = false;
  server_.start();
}

void Relay::lead_to(const std::string& target) {
  cut();
  {
    const std::lock_guard lock{mutex_};
    target_ = target;
  }
  mend();
}

std::string Relay::target() const {
  const std::lock_guard lock{mutex_};
  return target_;
}

/// What a side has sent before it ended still arrives, as on any slow way.
void Relay::serve(Socket& client, std::size_t number) {
  Socket server = Socket::connect_tcp(target());
  Lane there(client, server, 2 * number);
  Lane back(server, client, 2 * number + 1);
  while (!is_cut_ && !there.ended() && !back.ended()) {
    wait_a_little(client, there, server, back);
    there.take();
    back.take();
    if (held_up_) continue;
    there.pass_on(Millis{delay_ms_}, lost_percent_);
    back.pass_on(Millis{delay_ms_}, lost_percent_);
  }
}

}  // namespace bonedry::test
