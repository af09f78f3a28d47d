#pragma once

#include "tests/scenario/story.h"
#include "tests/support/any_client.h"
#include "tests/support/any_node.h"
#include "tests/support/certificates.h"

#include <array>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {

enum class Security : std::uint8_t { plain, tls };

/// How HTTP is spoken on one side of the proxy.
struct Wire {
  User::Protocol protocol;
  Security security;

  [[nodiscard]] bool is_http1() const { return protocol == User::Protocol::http1; }
  [[nodiscard]] bool is_tls() const { return security == Security::tls; }
  [[nodiscard]] std::string name() const {
    return std::string{is_http1() ? "Http1" : "Http2"} + (is_tls() ? "Tls" : "");
  }
};

struct Combination {
  Wire clients;
  Wire nodes;
  unsigned workers;

  [[nodiscard]] std::string name() const {
    return (workers == 1 ? "OneWorker" : "FourWorkers") + clients.name() + "To" + nodes.name();
  }
};

inline void PrintTo(const Combination& combination, std::ostream* out) {
  *out << combination.name();
}
inline std::string name_of_combination(const testing::TestParamInfo<Combination>& info) {
  return info.param.name();
}

inline constexpr std::array kWires{
    Wire{User::Protocol::http1, Security::plain}, Wire{User::Protocol::http1, Security::tls},
    Wire{User::Protocol::http2, Security::plain}, Wire{User::Protocol::http2, Security::tls}};

/// All of them with one worker.
inline std::vector<Combination> all_combinations() {
  std::vector<Combination> all;
  for (const Wire& clients : kWires) {
    for (const Wire& nodes : kWires) all.push_back({clients, nodes, 1});
  }
  return all;
}

/// And four of them with four workers, so that each way to speak is once on each side.
inline std::vector<Combination> combinations_of_workers() {
  std::vector<Combination> all = all_combinations();
  for (std::size_t i = 0; i < kWires.size(); ++i) {
    all.push_back({kWires.at(i), kWires.at((i + 1) % kWires.size()), 4});
  }
  return all;
}

/// The same stories for every way in which clients and nodes speak HTTP: Alice and Bob, and the
/// proxy in front of them once `launch` has started it.
class MatrixStory : public testing::TestWithParam<Combination> {
 protected:
  MatrixStory() {
    write_file(files_ / "ca.pem", certificates().authority.certificate());
    write_file(files_ / "shop.pem", certificates().shop.certificate);
    write_file(files_ / "shop.key", certificates().shop.key);
  }

  [[nodiscard]] static Wire clients() { return GetParam().clients; }
  [[nodiscard]] static Wire nodes() { return GetParam().nodes; }

  [[nodiscard]] TestConfig config(std::vector<std::string> session = {},
                                  std::vector<std::string> pool = {}) const {
    return with_wires(
        shop(GetParam().workers, {at(alice_), at(bob_)}, std::move(session), std::move(pool)));
  }
  void launch(TestConfig config) { bonedry_ = std::make_unique<BonedryProcess>(std::move(config)); }
  /// With Alice alone, so that it is known where a request goes.
  [[nodiscard]] TestConfig alice_alone() const {
    return with_wires(shop(GetParam().workers, {at(alice_)}));
  }
  /// Sets what both nodes do for a path.
  void on(const std::string& path, const AnyHandler& handler) {
    alice_.on(path, handler);
    bob_.on(path, handler);
  }

  [[nodiscard]] std::unique_ptr<AnyClient> connect() const {
    return connect_any(bonedry_->address(), clients().protocol, client_tls());
  }
  /// Sends a request on a connection of its own.
  [[nodiscard]] Response ask(const Request& request) const {
    const auto client = connect();
    client->begin(request);
    return client->read_response();
  }
  [[nodiscard]] User visitor() const {
    return User{bonedry_->address(), clients().protocol, client_tls()};
  }
  /// A user who has sent the cookie back. All new users must go to this node.
  [[nodiscard]] User live_user_on(const AnyNode& node) const {
    User user = visitor();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), node.name());
    return user;
  }
  /// Users with live sessions on alice, and none on bob.
  [[nodiscard]] std::vector<User> live_users_on_alice(int count) const {
    order("bleed bob");
    std::vector<User> users;
    for (int i = 0; i < count; ++i) users.push_back(live_user_on(alice_));
    order("activate bob");
    return users;
  }

  [[nodiscard]] NodeView node(const AnyNode& which) const { return bonedry_->node(which.name()); }
  /// Sends a command, which must succeed.
  void order(const std::string& line) const {
    const std::string answer = bonedry_->admin(line);
    EXPECT_FALSE(answer.starts_with("error: ")) << line << " got " << answer;
  }
  [[nodiscard]] bool eventually_dry(const AnyNode& which) const {
    return eventually([&] { return node(which).dry; });
  }
  [[nodiscard]] bool eventually_idle() const {
    return eventually([this] { return node(alice_).exchanges_open == 0; });
  }

  AnyNode alice_{"alice", nodes().protocol, node_tls()};
  AnyNode bob_{"bob", nodes().protocol, node_tls()};
  std::unique_ptr<BonedryProcess> bonedry_;

 private:
  /// One certificate serves the proxy and the nodes.
  struct Certificates {
    CertificateAuthority authority;
    IssuedCertificate shop = authority.issue();
  };
  [[nodiscard]] static const Certificates& certificates() {
    static const Certificates kAll;
    return kAll;
  }

  [[nodiscard]] static std::optional<TlsClient> client_tls() {
    if (!clients().is_tls()) return std::nullopt;
    return TlsClient{.ca = certificates().authority.certificate()};
  }
  [[nodiscard]] static std::optional<TlsServer> node_tls() {
    if (!nodes().is_tls()) return std::nullopt;
    return TlsServer{.certificate = certificates().shop.certificate,
                     .key = certificates().shop.key};
  }
  [[nodiscard]] static TestNode at(const AnyNode& node) { return {node.name(), node.address()}; }
  [[nodiscard]] TestConfig with_wires(TestConfig config) const {
    TestPool& pool = config.pools.at(0);
    pool.listener.emplace_back(clients().is_tls() ? "tls = { certificates = [{ certificate = \"" +
                                                        (files_ / "shop.pem") + "\", key = \"" +
                                                        (files_ / "shop.key") + "\" }] }"
                                                  : R"(alpn = ["h2c", "http/1.1"])");
    if (!nodes().is_http1()) pool.keys.emplace_back("protocol = \"h2\"");
    if (nodes().is_tls()) {
      pool.keys.push_back("tls = { ca = \"" + (files_ / "ca.pem") +
                          "\", server_name = \"shop.example\" }");
    }
    return config;
  }

  TempDir files_;
};

}  // namespace bonedry::test
