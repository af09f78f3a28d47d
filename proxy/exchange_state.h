#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// The two messages of an exchange run at the same time, so each has its state; a third is that of
/// the attempt to get the request to a node.
///
///   request   body ---> done              response  waiting --> body --> flushing --> done
///               \_______/                              \________/\__________/
///                  \--> dropped                             \--> local --> done
///
///   attempt   none --> connecting --> sent --> answered
///                \         |  \                  (a failure before `answered` goes back to `none`
///                 \        v   \                  and chooses again, or ends the exchange)
///                  \--- pausing \--> none
///
/// `done` and `dropped` are absorbing.
enum class RequestState : std::uint8_t {
  body,     ///< the head is here; body is still to come
  done,     ///< all of it has been handed to the node's side
  dropped,  ///< what is still to come is no longer wanted
};

enum class ResponseState : std::uint8_t {
  waiting,   ///< nothing was sent to the client yet, but perhaps 1xx
  body,      ///< the head is on its way
  flushing,  ///< all of it is queued
  local,     ///< an answer of our own is queued
  done,
};

enum class AttemptState : std::uint8_t {
  none,
  pausing,  ///< the session's own node refused; it is asked again in a moment
  connecting,
  sent,
  answered,
};

[[nodiscard]] constexpr bool may_follow(RequestState from, RequestState to) {
  return from == RequestState::body && to != RequestState::body;
}

[[nodiscard]] constexpr bool may_follow(ResponseState from, ResponseState to) {
  using enum ResponseState;
  switch (from) {
    case waiting:
      return to == body || to == local || to == done;
    case body:
      return to == flushing || to == done;
    case flushing:
    case local:
      return to == done;
    case done:
      return false;
  }
  return false;
}

[[nodiscard]] constexpr bool may_follow(AttemptState from, AttemptState to) {
  using enum AttemptState;
  switch (from) {
    case none:
      return to == connecting || to == sent;
    case pausing:
      return to == connecting || to == none;
    case connecting:
      return to == sent || to == none || to == pausing;
    case sent:
      return to == answered || to == none;
    case answered:
      return to == none;
  }
  return false;
}

}  // namespace bonedry::proxy
