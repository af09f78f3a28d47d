#include "bench/demo/proxy_process.h"

#include "bench/demo/log_file.h"

#include <csignal>
#include <utility>
#include <vector>

namespace bonedry::demo {
namespace {

constexpr Millis kGrace = std::chrono::seconds{5};
constexpr const char* kListens = "listening on 127.0.0.1:";
constexpr const char* kDashboard = "dashboard and HTTP API on 127.0.0.1:";

}  // namespace

ProxyProcess::ProxyProcess(std::string name, std::filesystem::path program, DemoConfig config,
                           std::filesystem::path directory)
    : name_(std::move(name)),
      program_(std::move(program)),
      config_(std::move(config)),
      directory_(std::move(directory)) {
  config_.set_directory(directory_);
  config_.listen_on({});
  std::filesystem::create_directory(directory_ / "state");
}

std::filesystem::path ProxyProcess::log_file() const {
  return directory_ / (life_ == 1 ? "bonedry.log" : "bonedry-" + std::to_string(life_) + ".log");
}

void ProxyProcess::start() {
  if (life_ > 0) {
    config_.listen_on({logged_port(log_file(), kListens), logged_port(log_file(), kDashboard)});
  }
  ++life_;
  const std::filesystem::path file = directory_ / "bonedry.toml";
  config_.write(file);
  child_ =
      std::make_unique<Child>(std::vector<std::string>{program_, "--config", file}, log_file());
  state_ = State::running;
}

void ProxyProcess::kill() {
  child_.reset();
  state_ = State::stopped;
}

void ProxyProcess::ask_to_end() {
  child_->send(SIGTERM);
  state_ = State::ending;
}

bool ProxyProcess::has_ended() {
  if (state_ == State::ending && !child_->running()) state_ = State::stopped;
  return state_ == State::stopped;
}

bool ProxyProcess::stop() {
  const bool in_time = !child_ || child_->terminate(kGrace);
  state_ = State::stopped;
  return in_time;
}

std::string ProxyProcess::dashboard() const {
  const std::uint16_t port = logged_port(log_file(), kDashboard);
  return port == 0 ? "" : "http://127.0.0.1:" + std::to_string(port) + "/";
}

std::string ProxyProcess::unexpected_exit() {
  if (state_ != State::running || child_->running()) return "";
  return name_ + " exited unexpectedly: " + child_->exit_description();
}

std::string ProxyProcess::log_tail() const {
  return life_ == 0 ? "" : demo::log_tail(log_file());
}

}  // namespace bonedry::demo
