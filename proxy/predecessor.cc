#include "proxy/predecessor.h"

#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <utility>

namespace bonedry::proxy {
namespace {

constexpr Millis kAskAgain{200};

}  // namespace

Result<std::unique_ptr<Predecessor>> Predecessor::connect(UniqueFd line) {
  std::unique_ptr<Predecessor> other(new Predecessor(std::move(line)));
  // Without pidfd support none is sent; the previous process then only watches its own child.
  const UniqueFd self{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  const Result<> shown = other->channel_.send(handover::kHello, self.get(), handover::kTimeLimit);
  if (!shown) return Failure{shown.error()};
  for (;;) {
    Result<io::FdChannel::Message> message = other->channel_.await(handover::kTimeLimit);
    if (!message) return Failure{message.error()};
    if (message->text == handover::kGo) {
      if (message->fd.is_open()) other->take_totals(message->fd);
      break;
    }
    const Result<> taken = other->take(*message);
    if (!taken) return Failure{taken.error()};
  }
  if (!other->lock_.is_open())
    return Failure{
        std::string("the previous process did not hand over the lock of the state directory")};
  return other;
}

Result<> Predecessor::take(io::FdChannel::Message& message) {
  if (message.text == handover::kLock) {
    lock_ = std::move(message.fd);
    return Done{};
  }
  const std::string_view text = message.text;
  if (text.starts_with(handover::kAdmin)) {
    admin_path_ = text.substr(handover::kAdmin.size());
    return Done{};
  }
  if (text == handover::kHealth) {
    auto nodes = handover::read_health(message.fd);
    if (!nodes) return Failure{nodes.error()};
    health_ = std::move(*nodes);
    return Done{};
  }
  if (text == handover::kTickets) {
    auto keys = handover::read_ticket_keys(message.fd);
    if (!keys) return Failure{keys.error()};
    ticket_keys_ = std::move(*keys);
    return Done{};
  }
  const std::size_t blank = text.rfind(' ');
  if (!text.starts_with(handover::kListener) || blank < handover::kListener.size()) {
    return Failure{"unknown message '" + message.text + "' from the previous process"};
  }
  Socket socket{0, std::string(text.substr(blank + 1)), std::move(message.fd)};
  const std::string_view number =
      text.substr(handover::kListener.size(), blank - handover::kListener.size());
  std::from_chars(number.data(), number.data() + number.size(), socket.listener);
  sockets_.push_back(std::move(socket));
  return Done{};
}

/// Figures only: they are no reason not to take over.
void Predecessor::take_totals(const UniqueFd& file) {
  Result<std::string> totals = handover::read_totals(file);
  if (!totals) return spdlog::warn("no totals of the previous process: {}", totals.error());
  totals_ = std::move(*totals);
  if (on_totals_) on_totals_(totals_);
}

void Predecessor::follow_totals(std::function<void(const std::string&)> on_totals) {
  on_totals_ = std::move(on_totals);
  if (!totals_.empty()) on_totals_(totals_);
}

void Predecessor::hand_over_health(const balancer::Topology& topology) const {
  for (const balancer::PoolView& pool : topology.pools) {
    if (!pool.config.health.active) continue;
    for (const balancer::NodeView& view : pool.nodes) {
      for (const handover::NodeHealth& one : health_) {
        if (one.key != view.node->key() || one.address != to_string(view.address)) continue;
        view.node->set_health(one.health);
      }
    }
  }
}

std::vector<UniqueFd> Predecessor::take_sockets(const std::string& address) {
  std::vector<UniqueFd> taken;
  std::optional<std::size_t> listener;
  std::erase_if(sockets_, [&](Socket& socket) {
    if (socket.address != address || listener.value_or(socket.listener) != socket.listener) {
      return false;
    }
    listener = socket.listener;
    taken.push_back(std::move(socket.fd));
    return true;
  });
  return taken;
}

Result<> Predecessor::sync_routing_state(const handover::RoutingState& routing_state) {
  const Result<UniqueFd> file = handover::write(routing_state);
  if (!file) return Failure{file.error()};
  const std::string number = std::to_string(++number_);
  const Result<> told =
      channel_.send(std::string(handover::kFollow) + number, file->get(), handover::kTimeLimit);
  if (!told) return told;
  const Result<io::FdChannel::Message> reply = channel_.await(handover::kTimeLimit);
  if (!reply) return Failure{reply.error()};
  if (reply->text == std::string(handover::kFollowed) + number) return Done{};
  return Failure{"unexpected message '" + reply->text + "' from the previous process"};
}

void Predecessor::give_up(const std::string& why) {
  const std::string text = std::string(handover::kFailed) + why;
  (void)channel_.send(text.substr(0, io::FdChannel::kMaxBytes), io::FdChannel::kNoFd,
                      handover::kTimeLimit);
}

void Predecessor::replace(io::EventLoop& loop, std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  retry_timer_.emplace(loop.timers(), [this] { ask(); });
  sockets_.clear();  // of addresses that this config does not listen on
  watcher_.emplace(loop, channel_.fd(), static_cast<io::ReadWatcher::Handler&>(*this));
  // If the previous process has ended, `on_readable` sees the closed socket.
  (void)channel_.send(handover::kReady, io::FdChannel::kNoFd, handover::kTimeLimit);
}

void Predecessor::send_routing_state(const handover::RoutingState& routing_state,
                                     std::function<void()> followed) {
  waiting_.push_back({++number_, std::move(followed)});
  latest_state_ = routing_state;
  if (in_flight_ == 0 && !retry_timer_->armed()) ask();
}

/// Sends one request at a time, each with the newest state. So a previous process that hangs
/// neither fills a buffer nor blocks this process.
void Predecessor::ask() {
  if (waiting_.empty() || is_gone()) return;
  const Result<UniqueFd> file = handover::write(latest_state_);
  const Result<> told =
      file ? channel_.send(std::string(handover::kFollow) + std::to_string(number_), file->get(),
                           Millis{0})
           : Result<>{Failure{file.error()}};
  if (told) {
    in_flight_ = number_;
    return;
  }
  // No node is dry while a process routes by an older state, so `followed` waits until this one
  // has been sent and applied.
  retry_later("cannot send state to the previous process: " + told.error());
}

void Predecessor::reopen_access_log() {
  if (is_gone()) return;
  const Result<> told = channel_.send(handover::kReopen, io::FdChannel::kNoFd, Millis{0});
  if (told) return;
  spdlog::error("the previous process still writes to the access log of before: {}", told.error());
}

void Predecessor::retry_later(const std::string& why) {
  if (logged_error_ != why) spdlog::error("{}; retrying", why);
  logged_error_ = why;
  retry_timer_->arm(kAskAgain);
}

void Predecessor::on_followed(std::uint64_t number) {
  if (number == 0 || number > number_) return;
  in_flight_ = 0;
  logged_error_.clear();
  while (!waiting_.empty() && waiting_.front().number <= number) {
    const auto followed = std::move(waiting_.front().followed);
    waiting_.pop_front();
    followed();
  }
  if (in_flight_ == 0) ask();
}

void Predecessor::on_readable() {
  io::FdChannel::Message message;
  for (;;) {
    switch (channel_.receive(message)) {
      case io::FdChannel::Received::nothing:
        return;
      case io::FdChannel::Received::ended:
        return lose();
      case io::FdChannel::Received::message:
        if (message.text == handover::kTotals) {
          take_totals(message.fd);
          break;
        }
        if (handover::number_after(handover::kNotFollowed, message.text) != 0) {
          in_flight_ = 0;
          retry_later("the previous process cannot apply the state of this one; see its log");
          break;
        }
        on_followed(handover::number_after(handover::kFollowed, message.text));
        break;
    }
  }
}

void Predecessor::lose() {
  watcher_.reset();
  channel_.close();
  gone_ = Exited::yes;
  retry_timer_->disarm();
  for (const PendingSync& asked : std::exchange(waiting_, {})) asked.followed();
  std::exchange(on_gone_, nullptr)();
}

}  // namespace bonedry::proxy
