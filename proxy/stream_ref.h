#pragma once

#include <cassert>

namespace bonedry::proxy {

/// Checks, in builds with assertions, that no silent call delivers an event (stream.h).
class ReentrancyGuard {
 public:
#ifdef NDEBUG
  void expect_none() const {}
#else
  void expect_none() const {
    assert(running_ == 0);
  }
  void begin() {
    ++running_;
  }
  void end() {
    --running_;
  }

 private:
  unsigned running_ = 0;
#endif
};

/// An exchange's pointer to a stream: `->` is for silent calls, `delivering` for the few that may
/// deliver events. Without assertions it is a plain pointer.
template <class Stream>
class StreamRef {
 public:
  explicit StreamRef(ReentrancyGuard& calls) : calls_(calls) {}
  StreamRef& operator=(Stream* stream) {
    stream_ = stream;
    return *this;
  }
  explicit operator bool() const { return stream_ != nullptr; }
  [[nodiscard]] Stream& delivering() const { return *stream_; }

#ifdef NDEBUG
  Stream* operator->() const {
    return stream_;
  }
#else
  /// Exists for the duration of one call.
  class Call {
   public:
    Call(Stream* stream, ReentrancyGuard& calls) : stream_(stream), calls_(calls) {
      calls_.begin();
    }
    ~Call() { calls_.end(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    Stream* operator->() const { return stream_; }

   private:
    Stream* stream_;
    ReentrancyGuard& calls_;
  };
  Call operator->() const {
    return Call(stream_, calls_);
  }
#endif

 private:
  Stream* stream_ = nullptr;
  ReentrancyGuard& calls_;
};

}  // namespace bonedry::proxy
