#include "proxy/successor.h"

#include "proxy/base/file.h"
#include "proxy/base/spawn_plan.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

extern char** environ;  // NOLINT: the name is from POSIX

namespace bonedry::proxy {
namespace {

// Sharing a ledger of 100 million sessions takes no time, but a config may name many nodes.
constexpr Millis kReadyWithin = std::chrono::seconds{20};  // less than the requester's time-out
constexpr int kInherited = 3;  // its end of the socket pair, after stdin, stdout and stderr

}  // namespace

Successor::Successor(io::EventLoop& loop, Events events)
    : loop_(loop), events_(std::move(events)), give_up_(loop.timers(), [this] {
        kill_all();
        lose(std::string(unsent_.empty() ? "it was not ready within "
                                         : "it did not accept the handover within ") +
             std::to_string(kReadyWithin.count() / 1000) + " s");
      }) {}

Successor::~Successor() {
  abandon();
  // A new process that is ready lives on and gets another parent.
  if (state_ == State::gone && process_.is_open()) ::waitpid(pid_, nullptr, 0);
}

void Successor::abandon() {
  if (state_ != State::starting) return;
  if (process_.is_open()) kill_all();
  state_ = State::gone;
  give_up_.disarm();
  close_channel();
}

Result<> Successor::start(const std::vector<std::string>& arguments,
                          const HandoverData& handover_data) {
  auto ends = io::FdChannel::make_pair();
  if (!ends) return Failure{ends.error()};
  channel_.emplace(std::move(ends->first));
  const Result<> spawned = spawn(arguments, ends->second.fd());
  if (!spawned) return spawned;
  handover_data_.emplace(handover_data);
  watcher_.emplace(loop_, channel_->fd(), static_cast<io::ReadWatcher::Handler&>(*this));
  give_up_.arm(kReadyWithin);
  return Done{};
}

Result<> Successor::spawn(const std::vector<std::string>& arguments, int inherited) {
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = spawn_words(words);
  std::vector<std::string> settings;
  for (char** setting = environ; *setting != nullptr; ++setting) settings.emplace_back(*setting);
  settings.push_back(handover::kVariable + ("=" + std::to_string(kInherited)));
  std::vector<char*> environment = spawn_words(settings);
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.files, inherited, kInherited);
  const int error = ::posix_spawn(&pid_, words.front().c_str(), &plan.files, &plan.attributes,
                                  argv.data(), environment.data());
  if (error != 0) return Failure{"cannot run " + words.front() + ": " + errno_text(error)};
  process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_.is_open()) {
    const int why = errno;
    kill_all();  // its exit would go unnoticed
    ::waitpid(pid_, nullptr, 0);
    return Failure{"cannot watch the process: " + errno_text(why)};
  }
  process_watcher_.emplace(loop_, process_.get(), end_of_process_);
  return Done{};
}

/// Kills the whole process group: what a script has started would keep the lock and the sockets.
void Successor::kill_all() const {
  ::kill(-pid_, SIGKILL);
  if (channel_) ::shutdown(channel_->fd(), SHUT_RDWR);
}

void Successor::on_exit() {
  // Reads its last messages before the socket is shut down. Its process id cannot be reused before
  // `waitpid`.
  if (watcher_ && state_ == State::starting) on_readable();
  if (state_ == State::starting) kill_all();
  process_watcher_.reset();
  process_.reset();
  int status = 0;
  ::waitpid(pid_, &status, 0);
  if (state_ == State::ready && !serving_.is_open()) return on_gone();
  lose(WIFSIGNALED(status)
           ? "it was killed by signal " + std::to_string(WTERMSIG(status))
           : "it exited with code " + std::to_string(WEXITSTATUS(status)) + "; see its log");
}

/// Hands over only after the new process has announced itself. Otherwise a process that a script
/// leaves behind with its end of the socket pair would keep the lock and the sockets.
void Successor::on_hello(UniqueFd itself) {
  if (state_ != State::starting || !handover_data_) return;
  serving_ = std::move(itself);
  const Result<> given = hand_over(*std::exchange(handover_data_, std::nullopt));
  given ? send_unsent() : on_not_taken(given.error());
}

Result<> Successor::hand_over(const HandoverData& handover_data) {
  Result<UniqueFd> health = handover::write_health(handover_data.health);
  if (!health) return Failure{health.error()};
  health_ = std::move(*health);
  const auto give = [this](std::string text, int fd) {
    unsent_.push_back({Unsent::Kind::given, std::move(text), fd});
  };
  give(std::string(handover::kLock), handover_data.lock);
  give(std::string(handover::kAdmin) + handover_data.admin_path, io::FdChannel::kNoFd);
  give(std::string(handover::kHealth), health_.get());
  if (!handover_data.ticket_keys.empty()) {
    Result<UniqueFd> ticket_keys = handover::write_ticket_keys(handover_data.ticket_keys);
    if (!ticket_keys) return Failure{ticket_keys.error()};
    ticket_keys_ = std::move(*ticket_keys);
    give(std::string(handover::kTickets), ticket_keys_.get());
  }
  for (const Server::ListeningSocket& one : handover_data.listening) {
    const std::string text = std::string(handover::kListener) + std::to_string(one.listener) + " ";
    give(text + one.address, one.fd.get());
  }
  if (handover_data.totals) {
    Result<UniqueFd> totals = handover::write_totals(handover_data.totals());
    if (!totals) return Failure{totals.error()};
    totals_ = std::move(*totals);
  }
  give(std::string(handover::kGo), totals_.is_open() ? totals_.get() : io::FdChannel::kNoFd);
  return Done{};
}

/// Sends as much as the socket has room for: a new process that hangs does not block this one.
void Successor::send_unsent() {
  while (!unsent_.empty()) {
    const auto sent = channel_->send_now(unsent_.front().text, unsent_.front().fd);
    if (!sent) return on_not_taken(sent.error());
    if (*sent == io::FdChannel::Sent::no_room) {
      if (watcher_) watcher_->await_room();
      return;
    }
    unsent_.pop_front();
  }
  health_.reset();
  ticket_keys_.reset();
  totals_.reset();
}

/// A new process that was ready and has exited meanwhile needs no reply.
void Successor::on_not_taken(const std::string& why) {
  unsent_.clear();
  if (state_ != State::starting) return;
  reported_error_ = "it did not accept the handover: " + why;
  kill_all();  // on_exit then reports the error
}

void Successor::on_readable() {
  io::FdChannel::Message message;
  for (;;) {
    switch (channel_->receive(message)) {
      case io::FdChannel::Received::message:
        take(message);
        break;
      case io::FdChannel::Received::nothing:
        return;
      case io::FdChannel::Received::ended:
        watcher_.reset();
        if (state_ != State::ready) return;  // on_exit reports how it ended
        return on_gone();
    }
  }
}

/// The socket was closed or the process exited, whichever is noticed first: another process that a
/// script has started may keep the other end of the socket open for ever.
void Successor::on_gone() {
  if (state_ != State::ready) return;
  state_ = State::gone;
  close_channel();
  events_.on_gone();
}

void Successor::close_channel() {
  watcher_.reset();
  serving_watcher_.reset();
  serving_.reset();
  handover_data_.reset();
  unsent_.clear();
  health_.reset();
  ticket_keys_.reset();
  totals_.reset();
  if (channel_) channel_->close();
}

void Successor::take(io::FdChannel::Message& message) {
  if (message.text == handover::kHello) return on_hello(std::move(message.fd));
  if (message.text == handover::kReady && state_ == State::starting) return on_ready();
  if (message.text.starts_with(handover::kFailed)) {
    reported_error_ = message.text.substr(handover::kFailed.size());
    return;
  }
  if (message.text == handover::kReopen && events_.on_reopen) return events_.on_reopen();
  const std::uint64_t number = handover::number_after(handover::kFollow, message.text);
  if (number == 0) return;
  auto routing_state = handover::read(message.fd);
  if (routing_state) return events_.on_follow(number, std::move(*routing_state));
  spdlog::error("cannot apply the state of process {}: {}", pid_, routing_state.error());
  not_followed(number);
}

void Successor::on_ready() {
  const auto given = [](const Unsent& one) { return one.kind == Unsent::Kind::given; };
  if (std::ranges::any_of(unsent_, given)) {
    return on_not_taken("it reported ready before the handover was complete");
  }
  state_ = State::ready;
  give_up_.disarm();
  if (serving_.is_open()) serving_watcher_.emplace(loop_, serving_.get(), end_of_serving_);
  events_.on_ready();
}

void Successor::followed(std::uint64_t number) {
  reply(handover::kFollowed, number);
}

void Successor::not_followed(std::uint64_t number) {
  reply(handover::kNotFollowed, number);
}

void Successor::report_totals(std::string_view json) {
  if (state_ != State::ready || !unsent_.empty()) return;
  const Result<UniqueFd> file = handover::write_totals(json);
  if (!file) return spdlog::warn("no totals for process {}: {}", pid_, file.error());
  // An error means that it has exited, which is noticed elsewhere.
  (void)channel_->send_now(handover::kTotals, file->get());
}

void Successor::report_last_totals(std::string_view json) {
  if (state_ != State::ready) return;
  const Result<UniqueFd> file = handover::write_totals(json);
  if (!file) return spdlog::warn("no totals for process {}: {}", pid_, file.error());
  unsent_.push_back({Unsent::Kind::given, std::string(handover::kTotals), file->get()});
  for (const Unsent& one : std::exchange(unsent_, {})) {
    const Result<> sent = channel_->send(one.text, one.fd, kLastReportWithin);
    if (!sent) return spdlog::warn("no last totals for process {}: {}", pid_, sent.error());
  }
}

/// The latest reply also settles all earlier requests.
void Successor::reply(std::string_view word, std::uint64_t number) {
  if (state_ == State::gone) return;
  if (!unsent_.empty() && unsent_.back().kind == Unsent::Kind::reply) unsent_.pop_back();
  unsent_.push_back({Unsent::Kind::reply, std::string(word) + std::to_string(number)});
  send_unsent();
}

void Successor::lose(const std::string& why) {
  if (state_ != State::starting) return;
  if (watcher_) on_readable();  // its last messages may include that it is ready
  if (state_ != State::starting) return;
  state_ = State::gone;
  give_up_.disarm();
  close_channel();
  events_.on_failed(reported_error_.empty() ? why : reported_error_);
}

}  // namespace bonedry::proxy
