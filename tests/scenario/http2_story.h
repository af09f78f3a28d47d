#pragma once

#include "tests/scenario/http2_patterns.h"
#include "tests/scenario/story.h"
#include "tests/support/http2_client.h"
#include "tests/support/story_tls.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {

/// Alice and Bob behind a listener that speaks HTTP/2 and HTTP/1.1, over TLS where the stories are
/// told with it.
class Http2Story : public ShopStory {
 protected:
  void launch_http2(TestConfig config) { launch(with_http2(std::move(config))); }
  /// With Alice alone, so that it is known where a request goes.
  void launch_alice(std::vector<std::string> pool = {}) {
    launch_http2(shop(workers(), {alice_}, {}, std::move(pool)));
  }

  [[nodiscard]] std::string address() const { return bonedry_->address(); }
  /// Whether the access log has `text`, or gets it soon.
  [[nodiscard]] bool eventually_logged(const std::string& text) const {
    return eventually([&] { return bonedry_->out().find(text) != std::string::npos; });
  }
  /// Of all nodes that are configured.
  [[nodiscard]] bool eventually_idle() const {
    return eventually([this] {
      const auto status = bonedry_->status();
      const auto& nodes = status.at("pools").at(0).at("nodes");
      return std::all_of(nodes.begin(), nodes.end(),
                         [](const auto& each) { return each.at("exchanges_open") == 0; });
    });
  }
  [[nodiscard]] bool eventually_open(const FakeNode& which, std::int64_t exchanges) const {
    return eventually([&] { return node(which).exchanges_open == exchanges; });
  }

  /// A node's response with a Content-Length and a pattern.
  [[nodiscard]] static Handler sending_pattern(std::uint64_t seed, std::uint64_t size) {
    return [seed, size](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {{"Content-Length", std::to_string(size)}}));
      PatternBody body{seed, size};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
        exchange.socket().send_all(piece, std::chrono::minutes{5});
      }
    };
  }
  /// A node's response that waits for the gate.
  [[nodiscard]] static Handler answering_at(const Gate& gate) {
    return [gate](NodeExchange& exchange) {
      (void)gate.wait();
      exchange.respond(200, "at last");
    };
  }
};

}  // namespace bonedry::test
