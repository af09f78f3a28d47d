#pragma once

#include "conf/config.h"
#include "proxy/base/random.h"
#include "proxy/http/head.h"
#include "proxy/http/head_edits.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bonedry::proxy {

/// Longest X-Request-Id that is taken over: four UUIDs, or a trace id with much around it. It is
/// logged, sent to the node and, if so configured, to the client.
inline constexpr std::size_t kMaxRequestId = 128;

/// 1 to kMaxRequestId bytes of visible ASCII (0x21 to 0x7e) other than '"' and '\'.
[[nodiscard]] bool is_request_id(std::string_view text);

/// "X-Request-Id: ID\r\n" for a response of our own; "" without an id.
[[nodiscard]] std::string request_id_field(std::string_view id);

/// Gives every request its id: that which a trusted proxy sent in X-Request-Id, else a new one. One
/// worker's, on its thread only.
///
/// New ids are 128 random bits as 32 hex digits. They come from two generators with independent
/// seeds, so that those of all workers and processes differ: for two ids to be the same, both
/// generators would have to meet. They are no secret: who has seen one can predict the next.
class RequestIds {
 public:
  /// Memory for one new id.
  using Made = std::array<char, 32>;

  /// Seeds itself from the system.
  explicit RequestIds(conf::RequestId mode);
  /// For tests.
  RequestIds(conf::RequestId mode, Random first, Random second)
      : mode_(mode), first_(first), second_(second) {}

  /// The id of a request; empty when the mode is `off`. The text lies in the head or in `made`.
  [[nodiscard]] std::string_view id_of(const http::Head& head, http::Trust trust, Made& made);
  /// Whether responses have the id as well.
  [[nodiscard]] bool in_responses() const { return mode_ == conf::RequestId::respond; }

 private:
  void make(Made& made);

  conf::RequestId mode_;
  Random first_;
  Random second_;
};

}  // namespace bonedry::proxy
