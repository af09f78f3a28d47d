#include "proxy/acme_challenge.h"

#include "proxy/base/ascii.h"
#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace bonedry::proxy {
namespace {

constexpr std::size_t kMaxToken = 128;  // Let's Encrypt's have 43
constexpr std::size_t kMaxBytes = 4096;

bool is_token(std::string_view text) {
  const auto fits = [](char c) {
    const char lower = ascii::to_lower(c);
    return (lower >= 'a' && lower <= 'z') || ascii::is_digit(c) || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxToken && std::ranges::all_of(text, fits);
}

/// Other kinds of file than regular ones may block or never end.
bool is_small_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_size <= static_cast<off_t>(kMaxBytes);
}

}  // namespace

std::optional<std::string> read_acme_challenge(const std::string& directory,
                                               std::string_view token) {
  if (!is_token(token)) return std::nullopt;
  const std::string path = directory + "/" + std::string(token);
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!file.is_open() || !is_small_file(file.get())) return std::nullopt;
  std::string content(kMaxBytes, '\0');
  const ssize_t size = ::read(file.get(), content.data(), content.size());
  if (size < 0) return std::nullopt;
  content.resize(static_cast<std::size_t>(size));
  return content;
}

}  // namespace bonedry::proxy
