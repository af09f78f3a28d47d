#include "proxy/base/line_ring.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bonedry {
namespace {

// Stored before each line: its length, including its line end. Lines may contain line ends.
using Length = std::uint32_t;

}  // namespace

void LineRing::put(std::string_view text) {
  const std::size_t at = (begin_ + used_) % size_;
  const std::size_t before_wrap = std::min(text.size(), size_ - at);
  std::memcpy(bytes_.get() + at, text.data(), before_wrap);
  std::memcpy(bytes_.get(), text.data() + before_wrap, text.size() - before_wrap);
  used_ += text.size();
}

std::size_t LineRing::first_length() const {
  Length length = 0;
  auto* const out = reinterpret_cast<char*>(&length);
  for (std::size_t i = 0; i < sizeof length; ++i) out[i] = bytes_[(begin_ + i) % size_];
  return length;
}

void LineRing::push(std::string_view line) {
  const auto length = static_cast<Length>(line.size() + 1);
  const std::size_t needed = sizeof length + length;
  if (needed > size_) {
    ++dropped_;
    return;
  }
  while (size_ - used_ < needed) {
    const std::size_t freed = sizeof length + first_length();
    begin_ = (begin_ + freed) % size_;
    used_ -= freed;
    --lines_;
    ++dropped_;
  }
  put({reinterpret_cast<const char*>(&length), sizeof length});
  put(line);
  put("\n");
  ++lines_;
}

void LineRing::take(std::vector<char>& out, std::size_t max) {
  out.clear();
  while (used_ > 0) {
    const std::size_t length = first_length();
    if (!out.empty() && out.size() + length > max) return;
    begin_ = (begin_ + sizeof(Length)) % size_;
    const std::size_t before_wrap = std::min(length, size_ - begin_);
    out.insert(out.end(), bytes_.get() + begin_, bytes_.get() + begin_ + before_wrap);
    out.insert(out.end(), bytes_.get(), bytes_.get() + (length - before_wrap));
    begin_ = (begin_ + length) % size_;
    used_ -= sizeof(Length) + length;
    --lines_;
  }
  begin_ = 0;  // so that only as much memory as a burst needs is ever touched
}

std::uint64_t LineRing::take_dropped() {
  return std::exchange(dropped_, 0);
}

void LineRing::clear() {
  dropped_ += std::exchange(lines_, 0);
  begin_ = 0;
  used_ = 0;
}

}  // namespace bonedry
