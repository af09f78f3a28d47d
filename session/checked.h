#pragma once

#include "proxy/base/fingerprint.h"

#include <atomic>
#include <cstdint>
#include <type_traits>

/// How the ledger's file tells what was written to it from what became of that on a disk. A process
/// may be killed between any two instructions, so a check is never written apart from what it
/// checks: it is in the same word, or there is a second copy.
namespace bonedry::session::layout {

/// CRC-16/CCITT over two words, bit by bit: damage within 16 neighbouring bits always changes it,
/// any other but once in 65,536 times, wherever in the words it is. Some 100 ns, and only at the
/// begin of a session, at a start, and where an alias is followed.
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

/// 16 bits over 48 and a salt. Odd factors without long runs of equal bits: any single bit that
/// changes changes the check, any other damage does but once in 65,536 times.
constexpr std::uint64_t check_of(std::uint64_t value, std::uint64_t salt) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t kNotZero = 0xA5A5000000000000;  // a page of zeros is damage as well
  return (value * kSpread + salt + kNotZero) >> 48U;
}

/// A number of 48 bits and its check in one word, which is written in one step.
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
  /// `salt`: what else the check is of.
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

/// A count of 24 bits with a check of 8. Written under a lock.
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

/// Facts that are more than a word, kept twice, each with its check. They change seldom. Of a
/// writer that is killed, one copy is whole, and of damage in one place, too.
template <class Facts>
class Redundant {
 public:
  [[nodiscard]] const Facts& operator*() const { return first_.facts; }
  [[nodiscard]] const Facts* operator->() const { return &first_.facts; }

  /// The only way to change them.
  void put(const Facts& facts) {
    second_.put(facts);
    // The compiler must not begin with the first copy before the second is whole.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    first_.put(facts);
  }
  /// A copy that is as it was written; nullptr: there is none.
  [[nodiscard]] const Facts* intact() const {
    if (first_.intact()) return &first_.facts;
    return second_.intact() ? &second_.facts : nullptr;
  }
  /// Makes both alike, at a start. False: neither is as it was written.
  [[nodiscard]] bool repair() {
    const Facts* const good = intact();
    if (good == nullptr) return false;
    const Facts facts = *good;
    if (!first_.intact() || !second_.has(facts)) put(facts);
    return true;
  }

 private:
  // Padding would be part of what is checked.
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

/// A number that is written often, kept twice.
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
