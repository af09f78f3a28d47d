#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// The two messages of an exchange run at the same time, so each has its state; a third is that of
/// the attempt to get the request to a node.
///
///   request   body ---> done              response  waiting --> body --> flushing --> done
///               \_______/ |                            |   \________/\__________/     |
///                  |      v                            |        \--> local --> done    |
///                  |   tunnel --> ending --> done      \--> tunnel --> flushing --> done
///                  \--> dropped <---/
///
///   attempt   none --> queued --> connecting --> sent --> answered
///                |________________^  |    |       |
///                                    v    |       |   (a failure before `answered` goes back to
///                                pausing  |       |   `none` and chooses again, or ends the
///                                    |____|_______|--> none     exchange; so does leaving the
///                                                              queue)
///
/// `dropped`, and `done` of the response, are absorbing.
enum class RequestState : std::uint8_t {
  body,     ///< the head is here; body is still to come
  done,     ///< all of it has been handed to the node's side
  tunnel,   ///< the node has switched protocols: bytes, until the client ends its side
  ending,   ///< the client has; its last bytes still wait for the node
  dropped,  ///< what is still to come is no longer wanted
};

enum class ResponseState : std::uint8_t {
  waiting,   ///< nothing was sent to the client yet, but perhaps 1xx
  body,      ///< the head is on its way
  tunnel,    ///< so is the head of a 101, and behind it whatever the node says, until it ends
  flushing,  ///< all of it is queued
  local,     ///< an answer of our own is queued
  done,
};

enum class AttemptState : std::uint8_t {
  none,
  queued,   ///< all connections that the node may have are in use
  pausing,  ///< the session's own node refused; it is asked again in a moment
  connecting,
  sent,
  answered,
};

[[nodiscard]] constexpr bool may_follow(RequestState from, RequestState to) {
  using enum RequestState;
  switch (from) {
    case body:
      return to == done || to == dropped;
    case done:
      return to == tunnel;
    case tunnel:
      return to == ending || to == dropped;
    case ending:
      return to == done || to == dropped;
    case dropped:
      return false;
  }
  return false;
}

[[nodiscard]] constexpr bool may_follow(ResponseState from, ResponseState to) {
  using enum ResponseState;
  switch (from) {
    case waiting:
      return to == body || to == tunnel || to == local || to == done;
    case body:
    case tunnel:
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
      return to == queued || to == connecting || to == sent;
    case queued:
      return to == connecting || to == none;
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
