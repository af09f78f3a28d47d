#include "proxy/handover.h"

#include "proxy/base/file.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <optional>
#include <system_error>

namespace bonedry::proxy::handover {

std::uint64_t number_after(std::string_view word, std::string_view text) {
  if (!text.starts_with(word)) return 0;
  text.remove_prefix(word.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

namespace {

Result<UniqueFd> file_of(std::string_view text) {
  UniqueFd file{::memfd_create("bonedry-handover", MFD_CLOEXEC)};
  if (!file.is_open()) return Failure{"cannot create a file in memory: " + errno_text(errno)};
  while (!text.empty()) {
    const ssize_t wrote = ::write(file.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Failure{"cannot write a file in memory: " + errno_text(errno)};
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return file;
}

// A config of maximum size, and the names of nodes.
constexpr std::size_t kMaxBytes = 2 * kReadLimit;

Result<std::string> text_of(const UniqueFd& file) {
  return read_file("/proc/self/fd/" + std::to_string(file.get()), kMaxBytes);
}

/// Removes and returns the text up to `end`, and removes `end` too; nullopt if there is no `end`.
std::optional<std::string_view> take_until(char end, std::string_view& text) {
  const std::size_t size = text.find(end);
  if (size == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size + 1);
  return taken;
}

}  // namespace

Result<UniqueFd> write(const RoutingState& routing_state) {
  std::string text;
  for (const auto* const keys : {&routing_state.shut, &routing_state.opening}) {
    for (const std::string& key : *keys) text += key + "\n";
    for (const std::string& key : routing_state.held) text += key + "\n";
    text += "\n";
  }
  text += routing_state.config;
  return file_of(text);
}

Result<RoutingState> read(const UniqueFd& file) {
  const Result<std::string> text = text_of(file);
  if (!text) return Failure{text.error()};
  RoutingState routing_state;
  std::string_view rest = *text;
  for (std::set<std::string>* keys : {&routing_state.shut, &routing_state.opening}) {
    for (;;) {
      const auto key = take_until('\n', rest);
      if (!key) return Failure{std::string("the state of the nodes is truncated")};
      if (key->empty()) break;
      keys->emplace(*key);
    }
  }
  std::ranges::set_intersection(routing_state.shut, routing_state.opening,
                                std::inserter(routing_state.held, routing_state.held.end()));
  for (const std::string& key : routing_state.held) {
    routing_state.shut.erase(key);
    routing_state.opening.erase(key);
  }
  routing_state.config = rest;
  return routing_state;
}

Result<UniqueFd> write_health(const std::vector<NodeHealth>& nodes) {
  std::string text;
  for (const NodeHealth& node : nodes) {
    text +=
        std::string(balancer::to_string(node.health)) + " " + node.address + " " + node.key + "\n";
  }
  return file_of(text);
}

Result<std::vector<NodeHealth>> read_health(const UniqueFd& file) {
  const Result<std::string> text = text_of(file);
  if (!text) return Failure{text.error()};
  std::vector<NodeHealth> nodes;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto health = take_until(' ', rest);
    const auto address = take_until(' ', rest);
    const auto key = take_until('\n', rest);
    if (!key) return Failure{std::string("the health of the nodes is truncated")};
    for (const auto one : {balancer::Health::up, balancer::Health::down}) {
      if (*health == balancer::to_string(one)) {
        nodes.push_back({std::string(*key), std::string(*address), one});
      }
    }
  }
  return nodes;
}

Result<UniqueFd> write_ticket_keys(std::string_view keys) {
  return file_of(keys);
}

Result<std::string> read_ticket_keys(const UniqueFd& file) {
  return text_of(file);
}

Result<UniqueFd> write_totals(std::string_view json) {
  return file_of(json);
}

Result<std::string> read_totals(const UniqueFd& file) {
  return text_of(file);
}

}  // namespace bonedry::proxy::handover
