#include "proxy/request_id.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

namespace bonedry::proxy {
namespace {

/// The two digits of each byte.
constexpr auto kHexBytes = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = {kDigits[byte >> 4U], kDigits[byte & 0xfU]};
  }
  return table;
}();

Random seeded() {
  std::random_device device;
  return Random((std::uint64_t{device()} << 32U) | device());
}

/// The value of the only X-Request-Id field; "" if there is none, or more than one.
std::string_view received_id(const http::Head& head) {
  std::string_view id;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldName::x_request_id) continue;
    if (!id.empty()) return {};
    id = head.value(field);
  }
  return id;
}

void write_hex(std::uint64_t number, char* out) {
  for (unsigned byte = 0; byte < sizeof(number); ++byte) {
    const auto& digits = kHexBytes[(number >> (56U - 8U * byte)) & 0xffU];
    std::memcpy(out + 2 * std::size_t{byte}, digits.data(), digits.size());
  }
}

}  // namespace

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
  });
}

std::string request_id_field(std::string_view id) {
  return id.empty() ? "" : "X-Request-Id: " + std::string(id) + "\r\n";
}

RequestIds::RequestIds(conf::RequestId mode) : RequestIds(mode, seeded(), seeded()) {}

std::string_view RequestIds::id_of(const http::Head& head, http::Trust trust, Made& made) {
  if (mode_ == conf::RequestId::off) return {};
  if (trust == http::Trust::forwarded) {
    const std::string_view received = received_id(head);
    if (is_request_id(received)) return received;
  }
  make(made);
  return {made.data(), made.size()};
}

void RequestIds::make(Made& made) {
  write_hex(first_.next(), made.data());
  write_hex(second_.next(), made.data() + made.size() / 2);
}

}  // namespace bonedry::proxy
