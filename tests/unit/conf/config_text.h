#pragma once

#include "conf/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// Config texts to load, and the loader's errors. All files are called "f".
namespace bonedry::conf::test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

inline std::vector<std::string> errors_of(std::string_view text) {
  const Result<Loaded> loaded = load_text(text, "f");
  return loaded ? std::vector<std::string>{} : split_lines(loaded.error());
}

/// Fails the test if the text does not load.
inline Loaded load(std::string_view text) {
  const Result<Loaded> loaded = load_text(text, "f");
  if (loaded) return *loaded;
  ADD_FAILURE() << loaded.error();
  return {};
}

inline std::vector<std::string> warnings_of(std::string_view text) {
  return load(text).warnings;
}

/// A config with `text` in front of the smallest valid config, so that line numbers count from
/// `text`.
inline std::string beside_a_pool(std::string_view text) {
  return std::string{text} + R"(
[[listener]]
address = "127.0.0.1:8080"
pool = "shop"
[[pool]]
name = "shop"
[[pool.node]]
name = "alice"
address = "127.0.0.1:9001"
)";
}

/// A config whose pool contains `text` (keys or sub-tables), starting in line 6.
inline std::string in_a_pool(std::string_view text) {
  return R"([[listener]]
address = "127.0.0.1:8080"
pool = "shop"
[[pool]]
name = "shop"
)" + std::string{text} +
         R"(
[[pool.node]]
name = "alice"
address = "127.0.0.1:9001"
)";
}

/// A config with these nodes; the first one starts in line 6.
inline std::string with_nodes(std::string_view nodes) {
  return R"([[listener]]
address = "127.0.0.1:8080"
pool = "shop"
[[pool]]
name = "shop"
)" + std::string{nodes};
}

/// A config with these listeners; the first one starts in line 6.
inline std::string with_listeners(std::string_view listeners) {
  return R"([[pool]]
name = "shop"
[[pool.node]]
name = "alice"
address = "127.0.0.1:9001"
)" + std::string{listeners};
}

/// A text and the one error that it must cause.
struct Row {
  std::string text;
  std::string error;
};

/// Puts a text into a config.
using Frame = std::string (*)(std::string_view);

inline void expect_errors(Frame frame, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_THAT(errors_of(frame(row.text)), ElementsAre(row.error)) << row.text;
  }
}

}  // namespace bonedry::conf::test
