#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace bonedry::admin::cluster {

/// Where members read what the others say: the newest statement of each, and who leads. It may lose
/// and repeat anything; what members do with each other is right all the same.
class Board {
 public:
  enum class Lease : std::uint8_t {
    leave,    ///< only say who holds it
    take,     ///< take it if nobody holds it, and keep it if this member does
    release,  ///< nobody holds it, if this member does
  };
  struct Post {
    std::string name;   ///< of this member
    std::string text;   ///< its statement; empty: the one before stays
    std::string token;  ///< of this process, for the lease
    Lease lease = Lease::leave;
  };
  struct Reading {
    std::map<std::string, std::string> statements;  ///< by name; this member's own as well
    std::string holder;                             ///< token of who holds the lease; empty: nobody
    std::string run;                                ///< names this board since it came up empty
  };

  /// How long a lease lasts after the last `take`.
  static constexpr Millis kLease{5'000};

  virtual ~Board() = default;
  /// Whether `exchange` can succeed now.
  [[nodiscard]] virtual bool is_there() const = 0;
  /// Why it is not there, for people; empty: it is, or nobody knows.
  [[nodiscard]] virtual std::string why_lost() const = 0;
  /// Posts and reads in one step. `done` is called once, never from inside; an error is for people.
  virtual void exchange(const Post& post, std::function<void(Result<Reading>)> done) = 0;
};

}  // namespace bonedry::admin::cluster
