#include "proxy/http2/session_memory.h"

#include "proxy/http2/native.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace bonedry::http2 {
SessionMemory::SessionMemory() : native_(std::make_unique<Native>()) {}
SessionMemory::~SessionMemory() = default;

SessionMemory::Native::~Native() {
  for (Piece* piece : spare) {
    while (piece != nullptr) std::free(std::exchange(piece, piece->next));
  }
}

void* SessionMemory::Native::allocate(std::size_t size) {
  const std::size_t units = std::max<std::size_t>(1, (size + kUnit - 1) / kUnit);
  if (units <= kMaxUnits && spare[units - 1] != nullptr) {
    Piece* const piece = spare[units - 1];
    spare[units - 1] = piece->next;
    spare_bytes -= sizeof(Piece) + piece->size;
    return piece + 1;
  }
  const std::size_t taken = kKeeps ? units * kUnit : size;
  auto* const piece = static_cast<Piece*>(std::malloc(sizeof(Piece) + taken));
  if (piece == nullptr) return nullptr;
  piece->size = taken;
  return piece + 1;
}

void SessionMemory::Native::release(void* memory) {
  if (memory == nullptr) return;
  Piece* const piece = static_cast<Piece*>(memory) - 1;
  const std::size_t bytes = sizeof(Piece) + piece->size;
  const bool keeps =
      kKeeps && piece->size <= kMaxUnits * kUnit && spare_bytes + bytes <= kSpareBytes;
  if (!keeps) return std::free(piece);
  Piece*& list = spare[piece->size / kUnit - 1];
  piece->next = list;
  list = piece;
  spare_bytes += bytes;
}

void* SessionMemory::Native::reallocate(void* memory, std::size_t size) {
  void* const larger = allocate(size);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min((static_cast<Piece*>(memory) - 1)->size, size));
  release(memory);
  return larger;
}

}  // namespace bonedry::http2
