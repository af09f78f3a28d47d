#include "proxy/base/line_queue.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace bonedry {
namespace {

// Stored before each line: its length, including its line end. Lines may contain line ends.
using Length = std::uint32_t;

}  // namespace

LineQueue::LineQueue(std::size_t bytes)
    : mask_(bytes - 1), bytes_(std::make_unique_for_overwrite<char[]>(bytes)) {
  assert(std::has_single_bit(bytes));
}

void LineQueue::write(std::uint64_t at, std::string_view text) {
  const std::size_t offset = at & mask_;
  const std::size_t before_wrap = std::min(text.size(), mask_ + 1 - offset);
  std::memcpy(bytes_.get() + offset, text.data(), before_wrap);
  std::memcpy(bytes_.get(), text.data() + before_wrap, text.size() - before_wrap);
}

void LineQueue::read(std::uint64_t at, char* out, std::size_t size) const {
  const std::size_t offset = at & mask_;
  const std::size_t before_wrap = std::min(size, mask_ + 1 - offset);
  std::memcpy(out, bytes_.get() + offset, before_wrap);
  std::memcpy(out + before_wrap, bytes_.get(), size - before_wrap);
}

std::size_t LineQueue::length_at(std::uint64_t at) const {
  Length length = 0;
  read(at, reinterpret_cast<char*>(&length), sizeof length);
  return length;
}

void LineQueue::push(std::string_view line) {
  const auto length = static_cast<Length>(line.size() + 1);
  const std::uint64_t end = end_.load(std::memory_order_relaxed);
  const std::uint64_t used = end - begin_.load(std::memory_order_acquire);
  if (mask_ + 1 - used < sizeof length + length) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  write(end, {reinterpret_cast<const char*>(&length), sizeof length});
  write(end + sizeof length, line);
  write(end + sizeof length + line.size(), "\n");
  end_.store(end + sizeof length + length);
}

void LineQueue::take(std::vector<char>& out, std::size_t max) {
  std::uint64_t begin = begin_.load(std::memory_order_relaxed);
  const std::uint64_t end = end_.load(std::memory_order_acquire);
  while (begin != end) {
    const std::size_t length = length_at(begin);
    const std::size_t before = out.size();
    if (before > 0 && before + length > max) break;
    out.resize(before + length);
    read(begin + sizeof(Length), out.data() + before, length);
    begin += sizeof(Length) + length;
  }
  begin_.store(begin, std::memory_order_release);
}

std::uint64_t LineQueue::take_dropped() {
  const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
  const std::uint64_t since = dropped - reported_drops_;
  reported_drops_ = dropped;
  return since;
}

void LineQueue::clear() {
  std::uint64_t begin = begin_.load(std::memory_order_relaxed);
  const std::uint64_t end = end_.load(std::memory_order_acquire);
  for (; begin != end; begin += sizeof(Length) + length_at(begin)) --reported_drops_;
  begin_.store(begin, std::memory_order_release);
}

}  // namespace bonedry
