#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bonedry::proxy {

/// Counts of TLS handshakes with clients.
struct HandshakeTotals {
  std::uint64_t full = 0;     ///< completed with a new session
  std::uint64_t resumed = 0;  ///< completed with the keys of an earlier session
  std::uint64_t failed = 0;   ///< refused, given up by the client, or not done in time
  std::uint64_t shed = 0;     ///< not begun: too many were waiting

  void add(const HandshakeTotals& other) {
    full += other.full;
    resumed += other.resumed;
    failed += other.failed;
    shed += other.shed;
  }
};

/// One worker's TLS handshakes with clients: shares out its time between them and open exchanges,
/// and counts them. Used on the worker's thread; `read` on any.
class Handshakes {
 public:
  /// Steps in one event loop iteration. Most are cheap, but the signature of a full handshake takes
  /// up to 1 ms (RSA 2048): open exchanges wait no longer than 2 ms for them.
  static constexpr std::size_t kStepsPerIteration = 2;
  /// Clients that wait for a step. Those after them would wait for seconds, and are disconnected:
  /// with more work than time it is better to serve some than to be late for all.
  static constexpr std::size_t kMaxWaiting = 4096;

  /// One client's place among those that wait.
  class Place {
   public:
    explicit Place(Handshakes& handshakes) : handshakes_(handshakes) {}
    ~Place() { set(State::left); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class Handshakes;
    enum class State : std::uint8_t { fresh, fresh_waiting, begun, begun_waiting, left };

    [[nodiscard]] bool waits() const {
      return state_ == State::fresh_waiting || state_ == State::begun_waiting;
    }
    void set(State state) {
      if (waits()) --handshakes_.waiting_;
      state_ = state;
      if (waits()) ++handshakes_.waiting_;
    }

    Handshakes& handshakes_;
    State state_ = State::fresh;
  };

  enum class Turn : std::uint8_t { now, later, never };

  /// Asks for the next step of a handshake. `later`: ask again in the next iteration. One that has
  /// begun is never shed.
  [[nodiscard]] Turn take(Place& place) {
    using State = Place::State;
    if (taken_ < kStepsPerIteration) {
      ++taken_;
      place.set(State::begun);
      return Turn::now;
    }
    if (place.state_ == State::fresh && waiting_ >= kMaxWaiting) {
      add(shed_);
      return Turn::never;
    }
    if (!place.waits()) {
      place.set(place.state_ == State::fresh ? State::fresh_waiting : State::begun_waiting);
    }
    return Turn::later;
  }
  void begin_iteration() { taken_ = 0; }

  enum class Kind : std::uint8_t { full, resumed };
  // One count each: a difference of two counts that are read one after the other may be negative.
  void note_completed(Kind kind) { add(kind == Kind::full ? full_ : resumed_); }
  void note_failed() { add(failed_); }

  [[nodiscard]] HandshakeTotals read() const {
    return {full_.load(std::memory_order_relaxed), resumed_.load(std::memory_order_relaxed),
            failed_.load(std::memory_order_relaxed), shed_.load(std::memory_order_relaxed)};
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  // Only the worker writes.
  static void add(Count& count) {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::size_t taken_ = 0;    // steps in this iteration
  std::size_t waiting_ = 0;  // clients
  Count full_{0};
  Count resumed_{0};
  Count failed_{0};
  Count shed_{0};
};

}  // namespace bonedry::proxy
