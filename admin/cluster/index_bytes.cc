#include "admin/cluster/index_bytes.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

using session::SessionKey;
using session::SessionState;

constexpr std::size_t kMillisSize = 6;
constexpr std::int64_t kMaxMillis = (std::int64_t{1} << 46U) - 1;  // 2,200 years

void put_number(std::string& bytes, std::uint64_t number, std::size_t size) {
  for (std::size_t i = size; i > 0; --i) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8 * (i - 1)))));
  }
}

void put_key(std::string& bytes, const SessionKey& key) {
  put_number(bytes, key.high, sizeof(key.high));
  put_number(bytes, key.low, sizeof(key.low));
}

}  // namespace

void OperationWriter::add(const IndexOperation& operation) {
  using Kind = IndexOperation::Kind;
  put_kind(operation.kind);
  put(operation.key);
  switch (operation.kind) {
    case Kind::present:
      return put_place(operation);
    case Kind::left:
      put_millis(operation.age);
      return put_millis(operation.left);
    case Kind::expired:
      put_millis(operation.age);
      return put_millis(operation.rounding);
    case Kind::renewed:
      put(operation.other);
      return put_place(operation);
    case Kind::aliased:
      put(operation.other);
      return put_millis(operation.left);
  }
}

void OperationWriter::put_kind(IndexOperation::Kind kind) {
  bytes_.push_back(static_cast<char>(static_cast<int>(kind) + 1));
}

void OperationWriter::put_state(SessionState state) {
  bytes_.push_back(state == SessionState::live ? '\2' : '\1');
}

void OperationWriter::put_place(const IndexOperation& operation) {
  put_number(bytes_, operation.tag.bits, sizeof(operation.tag.bits));
  put_state(operation.state);
  put_millis(operation.age);
  put_millis(operation.place_age);
  put_millis(operation.left);
}

void OperationWriter::put_millis(Millis millis) {
  const std::int64_t bounded = std::clamp<std::int64_t>(millis.count(), 0, kMaxMillis);
  put_number(bytes_, static_cast<std::uint64_t>(bounded), kMillisSize);
}

void OperationWriter::put(const SessionKey& key) {
  put_key(bytes_, key);
}

std::string to_bytes(const SessionKey& key) {
  std::string bytes;
  put_key(bytes, key);
  return bytes;
}

std::string to_bytes(NodeTag tag) {
  std::string bytes;
  put_number(bytes, tag.bits, sizeof(tag.bits));
  return bytes;
}

std::optional<std::uint64_t> ByteReader::number(std::size_t size) {
  if (bytes_.size() < size) return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number = number << 8U | static_cast<unsigned char>(bytes_[i]);
  }
  bytes_.remove_prefix(size);
  return number;
}

std::optional<SessionKey> ByteReader::key() {
  const auto high = number(sizeof(std::uint64_t));
  const auto low = number(sizeof(std::uint64_t));
  if (!high || !low) return std::nullopt;
  return SessionKey{*high, *low};
}

std::optional<NodeTag> ByteReader::tag() {
  const auto bits = number(sizeof(std::uint64_t));
  if (!bits) return std::nullopt;
  return NodeTag{*bits};
}

std::optional<std::int64_t> ByteReader::millis() {
  const auto value = number(kMillisSize);
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

}  // namespace bonedry::admin::cluster
