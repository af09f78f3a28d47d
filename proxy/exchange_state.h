#pragma once

#include <cstdint>

namespace bonedry::proxy {

/// Request and response run at the same time, so each has its own state; a third state is that of
/// the attempt to send the request to a node.
///
///   request   body ---> done              response  waiting --> body --> flushing --> done
///               \_______/ |                            |   \________/\__________/     |
///                  |      v                            |        \--> local --> done    |
///                  |   tunnel --> ending --> done      \--> tunnel --> flushing --> done
///                  \--> dropped <---/
///
///   attempt   none       --> asking, held, queued, connecting, sent (on a connection that is open)
///             asking     --> none                (answered, or for too long not)
///             held       --> none                (its session is looked up again)
///             queued     --> none                (its turn has come, or it has left the queue)
///             connecting --> sent, none, pausing (none: it failed, or a rescue went elsewhere)
///             pausing    --> none                (then the session's node is tried again)
///             sent       --> answered, none      (none: routed again, or a local response)
///
/// `dropped`, `answered`, and `done` of the response, are final.
enum class RequestState : std::uint8_t {
  body,     ///< the head was received, the body not yet completely
  done,     ///< the whole request was handed to the node's side
  tunnel,   ///< the node has switched protocols: raw bytes, until the client ends its side
  ending,   ///< the client has ended its side; its last bytes still wait for the node
  dropped,  ///< the rest of the request is no longer wanted
};

enum class ResponseState : std::uint8_t {
  waiting,   ///< nothing but 1xx was sent to the client yet
  body,      ///< the head was handed over, the body follows
  tunnel,    ///< a 101 was handed over, then raw bytes, until the node ends its side
  flushing,  ///< the whole response is queued
  local,     ///< a local response is queued
  done,
};

enum class AttemptState : std::uint8_t {
  none,
  asking,   ///< the other members of the cluster are asked for the session
  held,     ///< they have not decided yet whether the session's node is dry
  queued,   ///< all connections that the node may have are in use
  pausing,  ///< the session's own node refused; it is tried again in a moment
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
      return to == asking || to == held || to == queued || to == connecting || to == sent;
    case asking:
    case held:
    case queued:
    case pausing:
      return to == none;
    case connecting:
      return to == sent || to == none || to == pausing;
    case sent:
      return to == answered || to == none;
    case answered:
      return false;
  }
  return false;
}

}  // namespace bonedry::proxy
