#include "admin/hooks/hooks.h"

#include <cstdlib>
#include <utility>

namespace bonedry::admin {

std::string own_path() {
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): never changed
  return path == nullptr ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : path;
}

Hooks::Hooks(Parts parts)
    : parts_(std::move(parts)),
      queue_(parts_.runner, parts_.timers),
      follower_(parts_.events.follow([this](const Event& event) { on_event(event); })) {}

Hooks::~Hooks() {
  parts_.events.unfollow(follower_);
}

void Hooks::on_event(const Event& event) {
  const auto hook = hook_event(event);
  if (!hook) return;
  const conf::Hooks& config = parts_.config();
  if (config.command(*hook).empty()) return;
  HookCommand command =
      hook_command(config, *hook, event, parts_.address_of(event.node), parts_.path);
  if (parts_.role() == Role::deciding) return queue_.add(std::move(command));
  kept_.push_back(std::move(command));
  if (kept_.size() > HookQueue::kMaxWaiting) kept_.pop_front();
}

void Hooks::tick() {
  if (kept_.empty() || parts_.role() != Role::deciding) return;
  for (HookCommand& command : std::exchange(kept_, {})) queue_.add(std::move(command));
}

void Hooks::finish(std::function<void()> idle) {
  kept_.clear();
  queue_.finish(std::move(idle));
}

void Hooks::stop(std::function<void()> idle) {
  kept_.clear();
  queue_.stop(std::move(idle));
}

}  // namespace bonedry::admin
