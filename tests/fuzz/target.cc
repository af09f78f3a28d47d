#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bonedry::fuzz {
namespace {

void print(const char* label, std::string_view text) {
  std::fprintf(stderr, "%s: ", label);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      std::fputs("\\n\n  ", stderr);
    } else if (byte < 0x20 || byte >= 0x7f || c == '\\') {
      std::fprintf(stderr, "\\x%02x", byte);
    } else {
      std::fputc(c, stderr);
    }
  }
  std::fputc('\n', stderr);
}

}  // namespace

std::string_view text_of(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

void require_equal(std::string_view found, std::string_view wanted, const char* what) {
  if (found == wanted) return;
  print("found", found);
  print("wanted", wanted);
  require(false, what);
}

void require_same_verdict(std::string_view found, std::string_view wanted) {
  const auto refused = [](std::string_view verdict) { return verdict.starts_with('4'); };
  const auto too_large = [](std::string_view verdict) { return verdict.starts_with("431 "); };
  const bool both_refused = refused(found) && refused(wanted);
  if (both_refused && (too_large(found) || too_large(wanted))) return;
  require_equal(found, wanted, "the verdict does not depend on the pieces");
}

Delivery::Delivery(Input input) : rest_(text_of(input)) {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return;
  sizes_ = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
}

std::string_view Delivery::next(std::size_t max) {
  std::size_t size = rest_.size();
  if (!sizes_.empty()) {
    const auto code = static_cast<unsigned char>(sizes_[at_++ % sizes_.size()]);
    size = code > ' ' ? std::size_t{code} - ' ' : 1;
  }
  const std::string_view piece = rest_.substr(0, std::min(size, max));
  rest_.remove_prefix(piece.size());
  return piece;
}

}  // namespace bonedry::fuzz
