#include "proxy/successor.h"

#include <spdlog/spdlog.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>

extern char** environ;  // NOLINT: POSIX has it under this name

namespace bonedry::proxy {
namespace {

// A ledger of 100 million sessions is shared at once, but a config may name many nodes.
constexpr Millis kReadyWithin = std::chrono::seconds{20};  // less than who asked for it waits
constexpr int kInherited = 3;  // its end of the line, after the three that all processes have

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

uv_stdio_container_t inherit(int fd) {
  uv_stdio_container_t stdio{};
  stdio.flags = UV_INHERIT_FD;
  stdio.data.fd = fd;
  return stdio;
}

}  // namespace

Successor::Successor(io::EventLoop& loop, Events events)
    : loop_(loop), events_(std::move(events)), give_up_(loop.timers(), [this] {
        uv_process_kill(process_, SIGKILL);
        lose("it was not ready within " + std::to_string(kReadyWithin.count() / 1000) + " s");
      }) {}

Successor::~Successor() {
  abandon();
  if (process_ == nullptr) return;
  process_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(process_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_process_t*>(handle); });
}

void Successor::abandon() {
  if (state_ != State::starting) return;
  if (pid_ != 0) uv_process_kill(process_, SIGKILL);
  state_ = State::gone;
  give_up_.disarm();
  watcher_.reset();
}

Outcome Successor::start(const std::vector<std::string>& arguments, const Estate& estate) {
  auto ends = io::FdChannel::make_pair();
  if (!ends) return Failure{ends.error()};
  channel_.emplace(std::move(ends->first));
  const Outcome spawned = spawn(arguments, ends->second.fd());
  if (!spawned) return spawned;
  const Outcome given = bequeath(estate);
  if (!given) return given;
  watcher_.emplace(loop_, channel_->fd(), static_cast<io::FdWatcher::Handler&>(*this));
  watcher_->want(io::Ready::read);
  give_up_.arm(kReadyWithin);
  return Done{};
}

Outcome Successor::spawn(const std::vector<std::string>& arguments, int inherited) {
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = pointers(words);
  std::vector<std::string> settings;
  for (char** setting = environ; *setting != nullptr; ++setting) settings.emplace_back(*setting);
  settings.push_back(handover::kVariable + ("=" + std::to_string(kInherited)));
  std::vector<char*> environment = pointers(settings);
  std::array<uv_stdio_container_t, 4> stdio{inherit(0), inherit(1), inherit(2), inherit(inherited)};
  uv_process_options_t options{};
  options.file = words.front().c_str();
  options.args = argv.data();
  options.env = environment.data();
  options.stdio = stdio.data();
  options.stdio_count = static_cast<int>(stdio.size());
  options.exit_cb = [](uv_process_t* process, std::int64_t status, int signal) {
    auto* const self = static_cast<Successor*>(process->data);
    if (self == nullptr) return;
    self->lose(signal != 0 ? "it was killed by signal " + std::to_string(signal)
                           : "it ended with " + std::to_string(status) + ", see the log");
  };
  process_ = new uv_process_t;
  process_->data = this;
  const int error = uv_spawn(loop_.raw(), process_, &options);
  if (error != 0) state_ = State::gone;
  if (error != 0) return Failure{"cannot run " + words.front() + ": " + uv_strerror(error)};
  pid_ = process_->pid;
  return Done{};
}

Outcome Successor::bequeath(const Estate& estate) const {
  Outcome given = channel_->send(handover::kLock, estate.lock, handover::kPatience);
  if (!given) return given;
  given = channel_->send(std::string(handover::kAdmin) + estate.admin_path, io::FdChannel::kNoFd,
                         handover::kPatience);
  for (const Server::Listening& one : estate.listening) {
    if (!given) return given;
    const std::string text = std::string(handover::kListener) + std::to_string(one.listener) + " ";
    given = channel_->send(text + one.address, one.fd.get(), handover::kPatience);
  }
  if (!given) return given;
  return channel_->send(handover::kGo, io::FdChannel::kNoFd, handover::kPatience);
}

void Successor::on_ready(io::Ready /*ready*/) {
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
        // Before it is ready its end is told by the way it ended.
        if (std::exchange(state_, state_ == State::ready ? State::gone : state_) == State::ready) {
          events_.on_gone();
        }
        return;
    }
  }
}

void Successor::take(const io::FdChannel::Message& message) {
  if (message.text == handover::kReady && state_ == State::starting) {
    state_ = State::ready;
    give_up_.disarm();
    return events_.on_ready();
  }
  if (message.text.starts_with(handover::kFailed)) {
    complaint_ = message.text.substr(handover::kFailed.size());
    return;
  }
  if (message.text != handover::kFollow) return;
  auto guidance = handover::read(message.fd);
  if (guidance) return events_.on_follow(std::move(*guidance));
  spdlog::error("process {} cannot be followed: {}", pid_, guidance.error());
}

void Successor::followed() {
  if (state_ == State::gone) return;
  // One that has gone meanwhile needs no answer.
  (void)channel_->send(handover::kFollowed, io::FdChannel::kNoFd, handover::kPatience);
}

void Successor::lose(const std::string& why) {
  if (state_ != State::starting) return;
  if (watcher_) on_ready(io::Ready::read);  // its last words
  state_ = State::gone;
  give_up_.disarm();
  watcher_.reset();
  events_.on_failed(complaint_.empty() ? why : complaint_);
}

}  // namespace bonedry::proxy
