#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace bonedry::test {

/// A new directory under the system's temporary directory; the destructor removes it with its
/// content.
class TemporaryDirectory {
 public:
  TemporaryDirectory() : TemporaryDirectory(std::filesystem::temp_directory_path()) {}
  /// The same under another parent directory.
  explicit TemporaryDirectory(const std::filesystem::path& parent)
      : path_(parent / "bonedry-unit-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  /// Writes a file into the directory; returns its path.
  std::string write(std::string_view name, std::string_view content) const {
    const std::string path = *this / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::string path_;
};

/// The mode bits of a file as a shell shows them: "600", "2755".
inline std::string mode_of(const std::string& path) {
  const auto bits = static_cast<unsigned>(std::filesystem::status(path).permissions());
  std::string text;
  for (unsigned rest = bits; rest != 0; rest >>= 3U) {
    text.insert(text.begin(), static_cast<char>('0' + (rest & 7U)));
  }
  return text;
}

}  // namespace bonedry::test
