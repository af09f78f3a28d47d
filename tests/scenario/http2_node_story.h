#pragma once

#include "tests/scenario/http2_patterns.h"
#include "tests/scenario/story.h"
#include "tests/support/http2_client.h"
#include "tests/support/http2_node.h"
#include "tests/support/story_tls.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {

/// How clients speak to the proxy.
inline constexpr std::array kBothProtocols{User::Protocol::http1, User::Protocol::http2};

/// Alice and Bob speak HTTP/2, behind a listener that speaks HTTP/2 and HTTP/1.1.
class Http2NodeStory : public Story {
 protected:
  [[nodiscard]] static TestNode at(const Http2Node& node, std::vector<std::string> keys = {}) {
    return {node.name(), node.address(), std::move(keys)};
  }
  [[nodiscard]] TestConfig both(std::vector<std::string> pool = {}) const {
    return shop(workers(), {at(alice_), at(bob_)}, {}, std::move(pool));
  }
  void launch(TestConfig config) {
    bonedry_ = std::make_unique<BonedryProcess>(with_h2_nodes(std::move(config)));
  }
  /// With Alice alone, so that it is known where a request goes.
  void launch_alice(std::vector<std::string> pool = {}) {
    launch(shop(workers(), {at(alice_)}, {}, std::move(pool)));
  }
  /// The nodes speak HTTP/2, the clients what they like, and the metrics can be read.
  [[nodiscard]] TestConfig with_h2_nodes(TestConfig config) const {
    for (TestPool& pool : config.pools) pool.keys.emplace_back("protocol = \"h2\"");
    return with_metrics(with_http2(std::move(config)));
  }
  [[nodiscard]] TestConfig with_metrics(TestConfig config) const {
    config.admin.push_back("http = \"" + (files_ / "door") + "\"");
    return config;
  }

  [[nodiscard]] std::string address() const { return bonedry_->address(); }
  [[nodiscard]] std::unique_ptr<ClientConnection> connect(User::Protocol protocol) const {
    if (protocol == User::Protocol::http1) return std::make_unique<HttpClient>(address());
    return std::make_unique<Http2Client>(address());
  }
  /// Sends a request on a connection of its own.
  [[nodiscard]] Response ask(User::Protocol protocol, const Request& request) const {
    return connect(protocol)->exchange(request, kDeadline * 2);
  }

  [[nodiscard]] NodeView node(const Http2Node& which) const { return bonedry_->node(which.name()); }
  void order(const std::string& line) const {
    const std::string answer = bonedry_->admin(line);
    EXPECT_FALSE(answer.starts_with("error: ")) << line << " got " << answer;
  }
  [[nodiscard]] bool eventually_logged(const std::string& text) const {
    return eventually([&] { return bonedry_->out().find(text) != std::string::npos; });
  }
  [[nodiscard]] std::int64_t ended(const std::string& reason) const {
    return bonedry_->status().at("exchanges").at("ended").at(reason);
  }
  [[nodiscard]] std::int64_t waiting() const {
    return bonedry_->status().at("pools").at(0).at("nodes").at(0).at("exchanges_waiting");
  }
  [[nodiscard]] bool eventually_idle() const {
    return eventually([this] {
      const auto status = bonedry_->status();
      const auto& nodes = status.at("pools").at(0).at("nodes");
      return std::all_of(nodes.begin(), nodes.end(),
                         [](const auto& each) { return each.at("exchanges_open") == 0; });
    });
  }
  /// A counter of this node, such as "failures" for bonedry_node_failures_total.
  [[nodiscard]] std::int64_t counted(const std::string& what, const Http2Node& of) const {
    Socket door = Socket::connect_unix(files_ / "door");
    door.send_all("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n");
    const std::string metrics = door.receive_all();
    const std::string line =
        "\nbonedry_node_" + what + "_total{pool=\"shop\",node=\"" + of.name() + "\"} ";
    const auto found = metrics.find(line);
    if (found == std::string::npos) throw std::runtime_error("no metric" + line);
    return std::stoll(metrics.substr(found + line.size()));
  }
  /// What the proxy holds against this node.
  void expect_no_mark_against(const Http2Node& which) const {
    EXPECT_EQ(counted("failures", which), 0);
    EXPECT_EQ(counted("connect_failures", which), 0);
    EXPECT_EQ(node(which).health, "unknown") << "without checks it is not down";
  }

  /// A response that waits for the gate.
  [[nodiscard]] static Http2Handler answering_at(const Gate& gate) {
    return [gate](Http2NodeExchange& exchange) {
      (void)gate.wait();
      exchange.respond(200, "at last");
    };
  }
  /// A response with a pattern as its body.
  [[nodiscard]] static Http2Handler sending_pattern(std::uint64_t seed, std::uint64_t size,
                                                    Headers headers) {
    return [seed, size, headers = std::move(headers)](Http2NodeExchange& exchange) {
      exchange.send_head(200, headers);
      PatternBody body{seed, size};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
        exchange.send_data(piece, std::chrono::minutes{5});
      }
      exchange.end();
    };
  }

  TempDir files_;
  Http2Node alice_{"alice"};
  Http2Node bob_{"bob"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

}  // namespace bonedry::test
