// Runs a target on every file of its corpus, without libFuzzer and in any build.
#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<std::uint8_t> read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !fs::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> files{fs::directory_iterator(argv[1]), fs::directory_iterator()};
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    std::fprintf(stderr, "%s\n", file.c_str());  // after an abort, the last one is the cause
    bonedry::fuzz::fuzz_one(read(file));
  }
  if (files.empty()) std::fprintf(stderr, "no files in %s\n", argv[1]);
  return files.empty() ? 1 : 0;
}
