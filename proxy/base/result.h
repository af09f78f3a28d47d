#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace bonedry {

/// Wraps an error on its way into a Result, so that value and error may have the same type.
template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

/// The value of a Result that carries no data on success.
struct Done {};

/// A value or an error, with the interface of C++23's std::expected, which GCC 12 lacks. Reading
/// the value when there is an error, or the reverse, is a bug in the caller and asserted.
template <class T = Done, class E = std::string>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit
  template <class F>
  Result(Failure<F> failure)  // NOLINT: implicit, so that `return Failure{...}` reads well
      : state_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() { return *get(); }
  const T& operator*() const { return *const_cast<Result*>(this)->get(); }
  T* operator->() { return get(); }
  const T* operator->() const { return const_cast<Result*>(this)->get(); }

  [[nodiscard]] const E& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  T* get() {
    assert(has_value());
    return std::get_if<0>(&state_);
  }

  std::variant<T, E> state_;
};

}  // namespace bonedry
