#pragma once

#include "proxy/http/head.h"
#include "proxy/http2/session.h"
#include "proxy/http2/session_memory.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <vector>

/// Between our types and those of libnghttp2; for the implementation of sessions only.
namespace bonedry::http2 {

// Frames that wait to be written: some for each stream. A peer that reads nothing makes no more.
inline constexpr std::size_t kMaxOutbound = 1'000;
// Heads of clients and nodes have `[limits] header_bytes`, 1 MiB at most; libnghttp2 adds 12 bytes
// for a field.
inline constexpr std::size_t kMaxSentBlock = std::size_t{4} << 20U;
// Frames that bring nothing (SETTINGS, PING, PRIORITY, empty DATA, CONTINUATION; of clients,
// unknown ones as well): no peer sends more than a few, but each makes work, and some make an
// answer (CVE-2019-9511 ff).
inline constexpr std::uint32_t kControlBurst = 1'000;
inline constexpr std::uint32_t kControlPerSecond = 100;

// Bytes of a frame's header (RFC 9113, section 4.1).
inline constexpr std::size_t kFrameHeader = 9;

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

inline std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

/// Only a shortage of memory makes these calls fail: whatever else may be wrong, such as a stream
/// that has ended meanwhile, is no matter to the caller.
inline void must_not_lack_memory(int status) {
  if (status == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

/// Data source of a StreamEvents, which its `source.ptr` is: how much of a body the next frame
/// takes.
std::ptrdiff_t plan_data(nghttp2_session* session, StreamId id, std::uint8_t* buffer,
                         std::size_t max, std::uint32_t* flags, nghttp2_data_source* source,
                         void* user);

/// A value that never comes again would only drive others out of the table of the compression,
/// which takes its time (RFC 7541, section 2.3.2).
inline std::uint8_t flags_of(const FieldView& field) {
  constexpr std::string_view kUnique = "x-request-id";
  const bool is_unique =
      field.name.size() == kUnique.size() && http::equal_ignoring_case(field.name, kUnique);
  return is_unique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

// AddressSanitizer is to see what is freed, and how long it was: GCC and Clang say each in its own
// way that it is there.
#if defined(__SANITIZE_ADDRESS__)
#define BONEDRY_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BONEDRY_ADDRESS_SANITIZER
#endif
#endif

/// Pieces of memory by their size in units; larger ones are not kept.
struct SessionMemory::Native {
#ifdef BONEDRY_ADDRESS_SANITIZER
  static constexpr bool kKeeps = false;
#else
  static constexpr bool kKeeps = true;
#endif
  static constexpr std::size_t kUnit = 64;
  static constexpr std::size_t kMaxUnits = 8;
  // Kept for each thread: what some thousand streams take.
  static constexpr std::size_t kSpareBytes = std::size_t{1} << 20U;
  /// In front of each piece.
  struct alignas(std::max_align_t) Piece {
    std::size_t size;
    Piece* next;  // while it is spare
  };

  Native() = default;
  ~Native();
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;

  [[nodiscard]] void* allocate(std::size_t size);
  void release(void* memory);
  [[nodiscard]] void* reallocate(void* memory, std::size_t size);

  static Native& self(void* user) {
    return *static_cast<Native*>(user);
  }

  std::array<Piece*, kMaxUnits> spare{};
  std::size_t spare_bytes = 0;
  nghttp2_mem functions{this,
                        [](std::size_t size, void* user) { return self(user).allocate(size); },
                        [](void* memory, void* user) { self(user).release(memory); },
                        [](std::size_t count, std::size_t size, void* user) {
                          void* const memory = self(user).allocate(count * size);
                          return memory == nullptr ? nullptr : std::memset(memory, 0, count * size);
                        },
                        [](void* memory, std::size_t size, void* user) {
                          return self(user).reallocate(memory, size);
                        }};
};

/// Fields as libnghttp2 wants them, which copies them. Most heads need no allocation.
class NativeFields {
 public:
  explicit NativeFields(std::span<const FieldView> fields) : size_(fields.size()) {
    if (size_ > few_.size()) many_.resize(size_);
    nghttp2_nv* next = data();
    for (const FieldView& field : fields) {
      *next++ = {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(),
                 flags_of(field)};
    }
  }
  [[nodiscard]] nghttp2_nv* data() { return size_ > few_.size() ? many_.data() : few_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::array<nghttp2_nv, 32> few_;
  std::vector<nghttp2_nv> many_;
};

/// Options that both sides have in common. Throws std::bad_alloc.
class NativeOptions {
 public:
  NativeOptions() {
    must_not_lack_memory(nghttp2_option_new(&option_));
    nghttp2_option_set_no_auto_window_update(option_, 1);
    nghttp2_option_set_max_send_header_block_length(option_, kMaxSentBlock);
    // Where libnghttp2 has limits of its own for what is limited here, they are out of the way.
#ifdef BONEDRY_NGHTTP2_CONTINUATIONS
    nghttp2_option_set_max_continuations(option_, kControlBurst);
#endif
  }
  ~NativeOptions() {
    nghttp2_option_del(option_);
  }
  NativeOptions(const NativeOptions&) = delete;
  NativeOptions& operator=(const NativeOptions&) = delete;

  [[nodiscard]] nghttp2_option* get() const {
    return option_;
  }

 private:
  nghttp2_option* option_ = nullptr;
};

}  // namespace bonedry::http2
