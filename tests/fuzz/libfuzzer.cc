// The way in for libFuzzer; built in the preset `fuzz` alone.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bonedry::fuzz::fuzz_one({data, size});
}
