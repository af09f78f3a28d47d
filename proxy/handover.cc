#include "proxy/handover.h"

#include "proxy/base/file.h"

#include <sys/mman.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace bonedry::proxy::handover {

std::uint64_t number_after(std::string_view word, std::string_view text) {
  if (!text.starts_with(word)) return 0;
  text.remove_prefix(word.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

Result<UniqueFd> write(const Guidance& guidance) {
  std::string text;
  for (const std::string& key : guidance.shut) text += key + "\n";
  text += "\n";
  for (const std::string& key : guidance.opening) text += key + "\n";
  text += "\n" + guidance.config;
  UniqueFd file{::memfd_create("bonedry-guidance", MFD_CLOEXEC)};
  if (!file.is_open()) return Failure{"cannot make a file in memory: " + errno_text(errno)};
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Failure{"cannot write a file in memory: " + errno_text(errno)};
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return file;
}

Result<Guidance> read(const UniqueFd& file) {
  const Result<std::string> text = read_file("/proc/self/fd/" + std::to_string(file.get()));
  if (!text) return Failure{text.error()};
  Guidance guidance;
  std::string_view rest = *text;
  for (std::set<std::string>* keys : {&guidance.shut, &guidance.opening}) {
    for (;;) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) return Failure{std::string("the guidance is cut off")};
      const std::string_view key = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      if (key.empty()) break;
      keys->emplace(key);
    }
  }
  guidance.config = rest;
  return guidance;
}

}  // namespace bonedry::proxy::handover
