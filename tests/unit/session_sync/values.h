#pragma once

#include "admin/cluster/session_index.h"

#include <chrono>
#include <cstdint>

namespace bonedry::admin::cluster {

/// Keys of different numbers are in different buckets.
inline session::SessionKey key_of(std::uint64_t number) {
  return {number * 0x9E3779B97F4A7C15U + 1, number << 40U | number << 2U};
}

inline const NodeTag kShop1 = NodeTag::of("shop/n1");
inline const NodeTag kShop2 = NodeTag::of("shop/n2");

/// A live session that began on its node a quarter of an hour ago.
inline IndexOperation present(std::uint64_t number, NodeTag tag) {
  IndexOperation operation;
  operation.key = key_of(number);
  operation.tag = tag;
  operation.age = operation.place_age = std::chrono::minutes{15};
  operation.left = std::chrono::minutes{30};
  return operation;
}

inline IndexOperation pending(std::uint64_t number, NodeTag tag) {
  IndexOperation operation = present(number, tag);
  operation.state = session::SessionState::pending;
  return operation;
}

inline IndexOperation placed(std::uint64_t number, NodeTag tag, Millis ago) {
  IndexOperation operation = present(number, tag);
  operation.place_age = ago;
  return operation;
}

inline IndexOperation left(std::uint64_t number, Millis ago = Millis{0}) {
  IndexOperation operation;
  operation.kind = IndexOperation::Kind::left;
  operation.key = key_of(number);
  operation.age = ago;
  operation.left = std::chrono::minutes{30};
  return operation;
}

inline IndexOperation expired(std::uint64_t number, Millis rounding = Millis{0}) {
  IndexOperation operation;
  operation.kind = IndexOperation::Kind::expired;
  operation.key = key_of(number);
  operation.rounding = rounding;
  return operation;
}

inline IndexOperation renewed(std::uint64_t number, std::uint64_t as, NodeTag tag) {
  IndexOperation operation = present(number, tag);
  operation.kind = IndexOperation::Kind::renewed;
  operation.other = key_of(as);
  return operation;
}

inline IndexOperation aliased(std::uint64_t number, std::uint64_t of) {
  IndexOperation operation;
  operation.kind = IndexOperation::Kind::aliased;
  operation.key = key_of(number);
  operation.other = key_of(of);
  operation.left = std::chrono::minutes{30};
  return operation;
}

}  // namespace bonedry::admin::cluster
