#pragma once

#include "proxy/base/block.h"
#include "proxy/base/read_buffer.h"
#include "proxy/base/slice_queue.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/transport.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/tls_transport.h"
#include "tests/unit/proxy/scripted_transport.h"
#include "tests/unit/tls/memory_peer.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::tls::test {

/// The connection that uses a transport: opens it, reads what comes and writes its queue.
class User final : public io::FdWatcher::Handler {
 public:
  io::Transport* transport = nullptr;
  std::size_t room = 32 * 1024;   ///< for one read; there is one in each event
  SliceQueue queue;               ///< what it has to send
  std::function<void()> instead;  ///< happens in an event instead of everything else
  std::vector<io::Ready> events;  ///< once the transport was open
  io::IoStatus opened = io::IoStatus::would_block;
  std::string received;
  std::optional<io::IoStatus> end;  ///< of the peer's side
  io::IoStatus sent = io::IoStatus::done;

  void open() {
    opened = transport->open();
    if (opened == io::IoStatus::would_block || opened == io::IoStatus::done) watch();
  }
  io::ReadResult read() {
    std::string into(room, '\0');
    const io::ReadResult result = transport->read(into);
    received.append(into, 0, result.size);
    const bool goes_on =
        result.status == io::IoStatus::done || result.status == io::IoStatus::would_block;
    if (!goes_on) end = result.status;
    return result;
  }
  void write() {
    sent = transport->write(queue, io::Push::now);
    watch();
  }
  void on_ready(io::Ready ready) override {
    if (opened == io::IoStatus::done) events.push_back(ready);
    if (instead) return instead();
    if (opened == io::IoStatus::would_block) return open();
    if (has(ready, io::Ready::write) && !queue.empty()) write();
    if (has(ready, io::Ready::read) && !end) read();
    if (end) transport->want(io::Ready::none);
  }
  void on_watch_failed(int error) override { ADD_FAILURE() << error; }

 private:
  void watch() {
    transport->want(queue.empty() ? io::Ready::read : io::Ready::read | io::Ready::write);
  }
};

struct Setting {
  int version;
  Role ours;
};

inline std::string name_of(const testing::TestParamInfo<Setting>& info) {
  return std::string(info.param.version == TLS1_2_VERSION ? "Tls12" : "Tls13") +
         (info.param.ours == Role::client ? "Client" : "Server");
}

inline const bonedry::test::IssuedCertificate& shop_certificate() {
  static const auto kIssued = bonedry::test::CertificateAuthority().issue();
  return kIssued;
}

/// A transport of ours, in either role, whose peer is OpenSSL. The wire between them is the test.
class TlsPair : public testing::TestWithParam<Setting> {
 protected:
  static constexpr int kTurns = 20;

  [[nodiscard]] static bool is_1_3() { return GetParam().version == TLS1_3_VERSION; }
  [[nodiscard]] static bool is_server() { return GetParam().ours == Role::server; }

  /// Makes both ends. `received`: what was read from the wire before.
  void make(ReadBuffer received = {}) {
    auto wire = std::make_unique<ScriptedTransport>();
    wire_ = wire.get();
    transport_ = std::make_unique<TlsTransport>(TransportContext{loop_, blocks_}, connection(),
                                                std::move(wire), std::move(received));
    user_.transport = transport_.get();
    transport_->attach(user_);
  }
  /// Makes both ends and shakes hands.
  void open() {
    make();
    user_.open();
    for (int turn = 0; turn < kTurns; ++turn) {
      carry_to_peer();
      carry_to_us();
    }
    settle();
    ASSERT_EQ(user_.opened, io::IoStatus::done) << transport_->error_text();
    ASSERT_TRUE(peer_->is_open()) << peer_->error();
    wire_->written.clear();
    user_.events.clear();
  }
  void carry_to_peer() {
    peer_->receive(std::exchange(wire_->written, {}));
    if (!peer_->is_open()) return peer_->shake_hands();
    peer_received_ += peer_->read();
  }
  void carry_to_us() {
    const std::string bytes = peer_->take();
    if (!bytes.empty()) wire_->receive(bytes);
  }
  /// Runs the loop as long as something is deferred.
  void settle() {
    for (int turn = 0; turn < kTurns * 10 && transport_ && transport_->has_pending_event();
         ++turn) {
      turn_loop();
    }
  }
  void turn_loop() { uv_run(loop_.raw(), UV_RUN_NOWAIT); }
  /// The records that carry this from the peer, which are not delivered yet.
  [[nodiscard]] std::string encrypted(std::string_view plain) {
    peer_->write(plain);
    return peer_->take();
  }
  void queue(std::string_view bytes) { user_.queue.push_copy(blocks_, bytes); }
  /// Different at each place.
  [[nodiscard]] static std::string text_of(std::size_t size) {
    std::string text;
    while (text.size() < size) text += std::to_string(text.size()) + " ";
    text.resize(size);
    return text;
  }

  /// Makes the peer, and our side without a wire.
  Connection connection() {
    const int version = GetParam().version;
    if (is_server()) {
      theirs_ = client_context(version);
      peer_ = std::make_unique<MemoryPeer>(*theirs_, Role::client);
      conf::ListenerTls config;
      config.certificates.push_back(to_config(shop_certificate(), {"shop.example"}));
      const auto made = ServerContext::make(
          library_, config, {"*:443", std::make_shared<const TicketKeys>(WallTime{})});
      return (*made)->accept();
    }
    theirs_ = server_context(version, shop_certificate());
    peer_ = std::make_unique<MemoryPeer>(*theirs_, Role::server);
    ours_ = client_context(version);
    Connection connection{nullptr, SslConnection{SSL_new(ours_.get())}};
    SSL_set_connect_state(connection.ssl.get());
    return connection;
  }

  using ScriptedTransport = proxy::test::ScriptedTransport;

  io::EventLoop loop_;
  BlockPool blocks_;
  Library library_;
  SslContext ours_;  // if we are the client
  SslContext theirs_;
  User user_;
  std::unique_ptr<MemoryPeer> peer_;
  std::string peer_received_;
  std::unique_ptr<TlsTransport> transport_;
  ScriptedTransport* wire_ = nullptr;  // owned by the transport
};

inline const auto kEverySetting =
    testing::Values(Setting{TLS1_2_VERSION, Role::client}, Setting{TLS1_2_VERSION, Role::server},
                    Setting{TLS1_3_VERSION, Role::client}, Setting{TLS1_3_VERSION, Role::server});

}  // namespace bonedry::tls::test
