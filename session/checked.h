#pragma once

#include "proxy/base/fingerprint.h"

#include <atomic>
#include <cstdint>
#include <type_traits>

/// How the ledger's file tells intact data from data that a disk has damaged. A process may be
/// killed between any two instructions, so a checksum is never written apart from the data that it
/// covers: it is in the same word, or there is a second copy.
namespace bonedry::session::layout {

/// CRC-16/CCITT over two words, bit by bit. Damage within 16 neighbouring bits always changes it;
/// any other damage goes unnoticed once in 65,536 times, wherever in the words it is. Takes some
/// 100 ns, and runs only when a session begins, at a start, and when an alias is followed.
constexpr std::uint16_t crc_of(std::uint64_t high, std::uint64_t low) {
  constexpr std::uint16_t kPolynomial = 0x1021;
  std::uint16_t crc = 0xFFFF;
  for (const std::uint64_t word : {high, low}) {
    for (int bit = 63; bit >= 0; --bit) {
      const bool odd = ((crc >> 15U) ^ (word >> static_cast<unsigned>(bit))) & 1U;
      crc = static_cast<std::uint16_t>(crc << 1U);
      if (odd) crc ^= kPolynomial;
    }
  }
  return crc;
}

/// A 16-bit checksum of 48 bits and a salt. The factors are odd and without long runs of equal
/// bits: any single flipped bit changes the checksum; other damage goes unnoticed once in 65,536
/// times.
constexpr std::uint64_t check_of(std::uint64_t value, std::uint64_t salt) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
  // A page of zeros must count as damaged.
  constexpr std::uint64_t kNotZero = 0xA5A5000000000000;
  return (value * kSpread + salt + kNotZero) >> 48U;
}

/// A 48-bit number and its checksum in one word, which is written in one store.
template <class T>
class CheckedWord {
 public:
  [[nodiscard]] T load() const {
    const std::uint64_t word = word_.load(std::memory_order_acquire);
    if constexpr (std::is_signed_v<T>) {
      return static_cast<T>(static_cast<std::int64_t>(word << 16U) >> 16);
    } else {
      return static_cast<T>(word & kValue);
    }
  }
  /// `salt`: other data that the checksum covers as well.
  void store(T value, std::uint64_t salt = 0) {
    const std::uint64_t bits = static_cast<std::uint64_t>(value) & kValue;
    word_.store(check_of(bits, salt) << 48U | bits, std::memory_order_release);
  }
  [[nodiscard]] bool intact(std::uint64_t salt = 0) const {
    const std::uint64_t word = word_.load(std::memory_order_acquire);
    return check_of(word & kValue, salt) == word >> 48U;
  }

 private:
  static constexpr std::uint64_t kValue = (std::uint64_t{1} << 48U) - 1;
  std::atomic<std::uint64_t> word_;
};

/// A 24-bit count with an 8-bit checksum. Written under a lock.
class CheckedCount {
 public:
  [[nodiscard]] std::uint32_t value() const { return word_ & kValue; }
  void put(std::uint32_t value) { word_ = check(value) << 24U | (value & kValue); }
  [[nodiscard]] bool intact() const { return check(value()) == word_ >> 24U; }

 private:
  static constexpr std::uint32_t kValue = (1U << 24U) - 1;
  static std::uint32_t check(std::uint32_t value) {
    return ((value & kValue) * 0x9E3779B1U + 0xA5000000U) >> 24U;
  }
  std::uint32_t word_;
};

/// Facts that take more than a word, kept in two copies, each with its checksum. They change
/// seldom. If a writer is killed, or one place is damaged, one copy is still intact.
template <class Facts>
class Redundant {
 public:
  [[nodiscard]] const Facts& operator*() const { return first_.facts; }
  [[nodiscard]] const Facts* operator->() const { return &first_.facts; }

  /// The only way to change the facts.
  void put(const Facts& facts) {
    second_.put(facts);
    // The compiler must not start writing the first copy before the second is complete.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    first_.put(facts);
  }
  /// An intact copy; nullptr: there is none.
  [[nodiscard]] const Facts* intact() const {
    if (first_.intact()) return &first_.facts;
    return second_.intact() ? &second_.facts : nullptr;
  }
  /// Makes both copies alike, at a start. False: neither is intact.
  [[nodiscard]] bool repair() {
    const Facts* const good = intact();
    if (good == nullptr) return false;
    const Facts facts = *good;
    if (!first_.intact() || !second_.has(facts)) put(facts);
    return true;
  }

 private:
  // The checksum would cover padding.
  static_assert(std::has_unique_object_representations_v<Facts>);
  struct Copy {
    void put(const Facts& next) {
      facts = next;
      check.store(fingerprint(&next, sizeof(next)), std::memory_order_release);
    }
    [[nodiscard]] bool has(const Facts& some) const {
      return intact() && fingerprint(&some, sizeof(some)) == check.load();
    }
    [[nodiscard]] bool intact() const {
      return fingerprint(&facts, sizeof(facts)) == check.load(std::memory_order_acquire);
    }
    Facts facts;
    std::atomic<std::uint64_t> check;
  };
  Copy first_;
  Copy second_;
};

/// A number that is written often, kept in two copies.
class RedundantWord {
 public:
  void store(std::int64_t value) {
    first_.store(value);
    second_.store(value);
  }
  [[nodiscard]] std::int64_t load() const { return (first_.intact() ? first_ : second_).load(); }
  [[nodiscard]] bool intact() const { return first_.intact() || second_.intact(); }

 private:
  CheckedWord<std::int64_t> first_;
  CheckedWord<std::int64_t> second_;
};

}  // namespace bonedry::session::layout
