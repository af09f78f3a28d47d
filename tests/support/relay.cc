#include "tests/support/relay.h"

#include <array>
#include <deque>
#include <utility>

namespace bonedry::test {
namespace {

/// Bytes on their way in one direction.
class Lane {
 public:
  Lane(Socket& from, Socket& to) : from_(from), to_(to) {}

  /// Takes what has come; false: the sender has finished.
  bool take() {
    if (!from_.wait_readable(Millis{0})) return true;
    std::array<char, 65536> bytes;
    const std::size_t size = from_.receive(bytes.data(), bytes.size());
    if (size > 0) waiting_.push_back({TestClock::now(), std::string(bytes.data(), size)});
    return size > 0;
  }
  void pass_on(Millis delay) {
    while (!waiting_.empty() && elapsed_since(waiting_.front().first) >= delay) {
      to_.send_all(waiting_.front().second);
      waiting_.pop_front();
    }
  }

 private:
  Socket& from_;
  Socket& to_;
  std::deque<std::pair<TestTime, std::string>> waiting_;
};

}  // namespace

Relay::Relay(std::string target)
    : target_(std::move(target)),
      server_("relay", [this](Socket& client, std::size_t /*number*/) { serve(client); }) {
  server_.start();
}

Relay::~Relay() {
  ending_ = true;
  server_.stop();
}

void Relay::serve(Socket& client) {
  Socket server = Socket::connect_tcp(target_);
  Lane there(client, server);
  Lane back(server, client);
  while (!ending_) {
    (void)client.wait_readable(Millis{2});
    if (!there.take() || !back.take()) return;
    if (held_up_) continue;
    there.pass_on(Millis{delay_ms_});
    back.pass_on(Millis{delay_ms_});
  }
}

}  // namespace bonedry::test
