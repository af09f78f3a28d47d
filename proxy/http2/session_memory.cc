#include "proxy/http2/session_memory.h"

#include "proxy/http2/native.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace bonedry::http2 {
namespace {

#if defined(__SANITIZE_ADDRESS__)
// What is freed must be seen to be free.
constexpr std::size_t kSpareBytes = 0;
#else
// Kept for each thread: what some thousand streams take.
constexpr std::size_t kSpareBytes = std::size_t{1} << 20U;
#endif

}  // namespace

SessionMemory::SessionMemory() : native_(std::make_unique<Native>()) {}
SessionMemory::~SessionMemory() = default;

SessionMemory::Native::~Native() {
  for (Piece* piece : spare) {
    while (piece != nullptr) std::free(std::exchange(piece, piece->next));
  }
}

void* SessionMemory::Native::allocate(std::size_t size) {
  const std::size_t units = (size + kUnit - 1) / kUnit;
  if (units <= kMaxUnits && spare[units] != nullptr) {
    Piece* const piece = spare[units];
    spare[units] = piece->next;
    spare_bytes -= units * kUnit;
    return piece + 1;
  }
  auto* const piece = static_cast<Piece*>(std::malloc(sizeof(Piece) + units * kUnit));
  if (piece == nullptr) return nullptr;
  piece->units = units;
  return piece + 1;
}

void SessionMemory::Native::release(void* memory) {
  if (memory == nullptr) return;
  Piece* const piece = static_cast<Piece*>(memory) - 1;
  const std::size_t bytes = piece->units * kUnit;
  if (piece->units > kMaxUnits || spare_bytes + bytes > kSpareBytes) return std::free(piece);
  piece->next = spare[piece->units];
  spare[piece->units] = piece;
  spare_bytes += bytes;
}

void* SessionMemory::Native::reallocate(void* memory, std::size_t size) {
  void* const larger = allocate(size);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min((static_cast<Piece*>(memory) - 1)->units * kUnit, size));
  release(memory);
  return larger;
}

}  // namespace bonedry::http2
