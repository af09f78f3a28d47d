// What a client sends to a listener that speaks TLS. An input that begins with 'r' is the client's
// bytes from the first one on; any other is a script of what happens after a handshake, in which
// the client is OpenSSL and the input decides what is written, and how its records are mangled.
#include "proxy/io/event_loop.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/tls_transport.h"
#include "tests/fuzz/target.h"
#include "tests/support/certificates.h"
#include "tests/unit/proxy/scripted_transport.h"

#include <openssl/err.h>
#include <uv.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bonedry::fuzz {
namespace {

using io::IoStatus;
using io::Ready;
using proxy::test::ScriptedTransport;

/// What all runs share; none of it changes.
struct Listener {
  Listener() {
    auto contents = std::make_shared<conf::CertificateContents>();
    const test::IssuedCertificate issued = test::self_signed();
    contents->chain = issued.certificate;
    contents->key = issued.key;
    contents->names = {"shop.example"};
    conf::ListenerTls config;
    config.certificates.push_back({"shop.pem", "shop.key", contents});
    context = *tls::ServerContext::make(
        library, config, {"*:443", std::make_shared<const tls::TicketKeys>(WallTime{})});
  }

  tls::Library library;
  std::shared_ptr<tls::ServerContext> context;
  tls::SslContext clients{SSL_CTX_new(TLS_client_method())};
};

const Listener& listener() {
  static const Listener made;
  return made;
}

/// The connection above the transport: keeps what it reads.
class Reader final : public io::FdWatcher::Handler {
 public:
  Reader() {
    auto wire = std::make_unique<ScriptedTransport>();
    wire_ = wire.get();
    transport_ = std::make_unique<tls::TlsTransport>(tls::TransportContext{loop_, blocks_},
                                                     listener().context->accept(), std::move(wire));
    transport_->attach(*this);
    transport_->want(Ready::read);
  }

  void receive(std::string_view bytes) {
    if (!end && !bytes.empty()) wire_->receive(bytes);
    settle();
  }
  void end_wire() {
    if (!end) wire_->receive_end();
    settle();
  }
  [[nodiscard]] std::string take_sent() { return std::exchange(wire_->written, {}); }
  [[nodiscard]] bool is_open() const { return opened_ == IoStatus::done; }

  std::string received;
  std::optional<IoStatus> end;

 private:
  void on_ready(Ready /*ready*/) override {
    if (end) return transport_->want(Ready::none);
    if (opened_ == IoStatus::would_block) {
      opened_ = transport_->open();
      if (opened_ != IoStatus::would_block && !is_open()) end = opened_;
      return transport_->want(end ? Ready::none : Ready::read);
    }
    std::array<char, 1000> room;
    const io::ReadResult result = transport_->read(room);
    received.append(room.data(), result.size);
    if (result.status != IoStatus::done && result.status != IoStatus::would_block) {
      end = result.status;
    }
    if (end) transport_->want(Ready::none);
  }
  void on_watch_failed(int /*error*/) override {}

  /// Runs the loop as long as something is deferred: it must end.
  void settle() {
    int turns = 0;
    for (; turns < 1000 && transport_->has_pending_event(); ++turns) {
      uv_run(loop_.raw(), UV_RUN_NOWAIT);
    }
    require(turns < 1000, "a connection without news lets the loop wait");
  }

  io::EventLoop loop_;
  BlockPool blocks_;
  std::unique_ptr<tls::TlsTransport> transport_;
  ScriptedTransport* wire_ = nullptr;
  IoStatus opened_ = IoStatus::would_block;
};

/// OpenSSL as a client, through memory.
class Client {
 public:
  Client() : ssl_(SSL_new(listener().clients.get())) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  void shake_hands_with(Reader& reader) {
    for (int turn = 0; turn < 10; ++turn) {
      SSL_do_handshake(ssl_.get());
      reader.receive(take());
      const std::string sent = reader.take_sent();
      BIO_write(SSL_get_rbio(ssl_.get()), sent.data(), static_cast<int>(sent.size()));
    }
    require(reader.is_open(), "they can always shake hands");
  }
  void write(std::string_view plain) {
    std::size_t size = 0;
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size) == 1) written += plain;
  }
  void close() {
    SSL_shutdown(ssl_.get());
    closed = true;
  }
  void update_keys() {
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl_.get());
  }
  /// What it has to send.
  std::string take() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
    BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  std::string written;
  bool closed = false;

 private:
  tls::SslConnection ssl_;
};

/// Takes up to `size` bytes from the front.
std::string take_front(std::string& bytes, std::size_t size) {
  std::string front = bytes.substr(0, size);
  bytes.erase(0, front.size());
  return front;
}

/// Different at each place, so that a lost or repeated record shows.
std::string text_at(std::size_t place, std::size_t size) {
  std::string text;
  while (text.size() <= size) text += std::to_string(place + text.size()) + " ";
  return text;
}

void run_script(std::string_view script) {
  Reader reader;
  Client client;
  client.shake_hands_with(reader);
  std::string wire;  // on its way to the reader
  while (script.size() >= 2) {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(script[1]));
    const char step = script.front();
    script.remove_prefix(2);
    if (step == 'w' && !client.closed) client.write(text_at(client.written.size(), size * 10));
    if (step == 'c' && !client.closed) client.close();
    if (step == 'k' && !client.closed) client.update_keys();
    wire += client.take();
    if (step == 'd') reader.receive(take_front(wire, size));
    if (step == 'a') reader.receive(std::exchange(wire, {}));
    if (step == 'x') take_front(wire, size);
    if (step == '2') wire.insert(0, wire.substr(0, size));
    if (step == 'f' && !wire.empty()) wire[size % wire.size()] ^= 1;
    if (step == 'e') reader.end_wire();
  }
  reader.end_wire();
  require(client.written.starts_with(reader.received), "only what the client has written arrives");
  require(reader.end.has_value(), "the end arrives");
  if (*reader.end != IoStatus::closed) return;
  require(client.closed && reader.received == client.written, "a cut is never a clean end");
}

void run_raw(std::string_view bytes) {
  Reader reader;
  Delivery delivery(Input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  for (auto piece = delivery.next(); !piece.empty(); piece = delivery.next()) {
    reader.receive(piece);
    (void)reader.take_sent();
  }
  reader.end_wire();
  require(reader.received.empty(), "nobody writes anything without a handshake");
  require(reader.end && *reader.end != IoStatus::closed, "a handshake that is cut has failed");
}

}  // namespace

int fuzz_one(Input input) {
  const std::string_view text = text_of(input);
  text.starts_with('r') ? run_raw(text.substr(1)) : run_script(text);
  require(ERR_peek_error() == 0, "no error is left for the next connection");
  ERR_clear_error();
  return 0;
}

}  // namespace bonedry::fuzz
