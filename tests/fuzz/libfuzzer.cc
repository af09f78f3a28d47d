// The entry point for libFuzzer; built only in the preset `fuzz`.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bonedry::fuzz::fuzz_one({data, size});
}
