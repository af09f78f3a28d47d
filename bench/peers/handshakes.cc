// The client of the handshake cases: a TLS connection for each request, some at the same time, and
// every one of them checked. Whatever is not as it should be ends the program with 1.
//
//   bench-handshakes PORT REQUESTS --ca FILE [--resume]
//
// Prints `FIGURES {"requests": …, "tickets": …, "seconds": …, "errors": 0, "p50": …, "p99": …}`;
// the percentiles are of the microseconds from connecting to the end of the connection.

#include "bench/peers/epoll_loop.h"
#include "proxy/tls/openssl.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <openssl/err.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::bench {
namespace {

using Time = std::chrono::steady_clock;
using Session = std::unique_ptr<SSL_SESSION, tls::Freed<&SSL_SESSION_free>>;

constexpr int kPatienceMs = 20'000;  // as wrk's --timeout in the other cases

struct Parameters {
  std::uint16_t port = 0;
  std::string requests_file;
  std::string ca_file;
  std::size_t body_bytes = 64;
  std::size_t connections = 64;
  int seconds = 1;
};

enum class Handshake : std::uint8_t { full, resumed };

[[noreturn]] void refuse(const std::string& what) {
  std::array<char, 256> reason{};
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, reason.data(), reason.size());
  throw std::runtime_error(what + (code == 0 ? "" : std::string(": ") + reason.data()));
}

/// What all connections share: one version, one group, one accepted certificate, and the session to
/// resume, which is the one that a server has issued last.
class Client {
 public:
  explicit Client(const std::string& ca_file) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX* const context = context_.get();
    if (context == nullptr || SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1)
      refuse(ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context, "X25519");
    // Otherwise OpenSSL uses a ticket once, and there are not enough of them at the start.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(context, &Client::on_message);
    SSL_CTX_set_msg_callback_arg(context, this);
  }

  [[nodiscard]] tls::SslConnection connect(int fd, Handshake kind) const {
    tls::SslConnection ssl{SSL_new(context_.get())};
    if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) refuse("SSL_new");
    SSL_set_tlsext_host_name(ssl.get(), "shop.example");
    SSL_set_connect_state(ssl.get());
    if (kind == Handshake::full) return ssl;
    if (SSL_set_session(ssl.get(), session_.get()) != 1) refuse("SSL_set_session");
    return ssl;
  }

  static void check(SSL* ssl, Handshake kind) {
    if (SSL_session_reused(ssl) != (kind == Handshake::resumed ? 1 : 0))
      refuse(kind == Handshake::resumed ? "a session was not resumed" : "a session was resumed");
    const std::string_view suite = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
    if (suite != "TLS_AES_128_GCM_SHA256") refuse("wrong cipher suite: " + std::string(suite));
    if (SSL_get_negotiated_group(ssl) != NID_X25519) refuse("the group is not X25519");
  }

  [[nodiscard]] std::size_t tickets() const { return tickets_; }

  /// At the end of a connection, when its tickets have come.
  void keep_session(SSL* ssl) {
    session_.reset(SSL_get1_session(ssl));
    if (SSL_SESSION_is_resumable(session_.get()) != 1) refuse("the server has issued no ticket");
  }

 private:
  static void on_message(int sent, int /*version*/, int content_type, const void* bytes,
                         std::size_t size, SSL* /*ssl*/, void* self) {
    const bool is_ticket = sent == 0 && content_type == SSL3_RT_HANDSHAKE && size > 0 &&
                           *static_cast<const unsigned char*>(bytes) == SSL3_MT_NEWSESSION_TICKET;
    if (is_ticket) ++static_cast<Client*>(self)->tickets_;
  }

  tls::SslContext context_;
  Session session_;
  std::size_t tickets_ = 0;
};

/// What the visitors are told and what they report.
class Run {
 public:
  Run(std::vector<std::string> requests, std::size_t body_bytes, Handshake handshake)
      : requests_(std::move(requests)), body_bytes_(body_bytes), handshake_(handshake) {}

  [[nodiscard]] Handshake handshake() const { return handshake_; }
  [[nodiscard]] std::size_t body_bytes() const { return body_bytes_; }
  const std::string& next_request() { return requests_[turn_++ % requests_.size()]; }
  void done(Time::duration took) {
    times_.push_back(std::chrono::duration<double, std::micro>(took).count());
  }
  [[nodiscard]] nlohmann::json figures(Time::duration took) {
    return {{"requests", times_.size()},
            {"seconds", std::chrono::duration<double>(took).count()},
            {"errors", 0},
            {"p50", percentile(50)},
            {"p99", percentile(99)}};
  }

 private:
  double percentile(std::size_t percent) {
    if (times_.empty()) return 0;
    const auto at =
        times_.begin() + static_cast<std::ptrdiff_t>((times_.size() - 1) * percent / 100);
    std::ranges::nth_element(times_, at);
    return *at;
  }

  std::vector<std::string> requests_;
  std::size_t body_bytes_;
  Handshake handshake_;
  std::size_t turn_ = 0;
  std::vector<double> times_;
};

/// Has one connection after the other.
class Visitor final : public Watched {
 public:
  Visitor(EpollLoop& loop, Client& client, Run& run, std::uint16_t port)
      : loop_(loop), client_(client), run_(run), address_(any_address(port)) {
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  [[nodiscard]] bool is_idle() const { return state_ == State::idle; }

  void begin() {
    begun_ = Time::now();
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const auto* const address = reinterpret_cast<const sockaddr*>(&address_);
    if (::connect(fd_.get(), address, sizeof(address_)) != 0 && errno != EINPROGRESS)
      fail("connect");
    ssl_ = client_.connect(fd_.get(), run_.handshake());
    response_.clear();
    state_ = State::shaking_hands;
    wanted_ = EPOLLOUT;
    loop_.add(fd_.get(), wanted_, *this);
  }

  void on_event(std::uint32_t /*events*/) override {
    if (state_ == State::shaking_hands && achieved(SSL_do_handshake(ssl_.get()))) {
      Client::check(ssl_.get(), run_.handshake());
      state_ = State::sending;
      request_ = run_.next_request();
    }
    if (state_ == State::sending &&
        achieved(SSL_write(ssl_.get(), request_.data(), static_cast<int>(request_.size())))) {
      state_ = State::receiving;
    }
    if (state_ == State::receiving) receive();
  }

 private:
  enum class State : std::uint8_t { idle, shaking_hands, sending, receiving };

  /// False: not yet.
  bool achieved(int result) {
    if (result > 0) return true;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        want(EPOLLIN);
        return false;
      case SSL_ERROR_WANT_WRITE:
        want(EPOLLOUT);
        return false;
      default:
        refuse("connection failed");
    }
  }

  void receive() {
    std::array<char, 16 * 1024> bytes;
    while (true) {
      const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (size <= 0 && SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN) return finish();
      if (!achieved(size)) return;
      response_.append(bytes.data(), static_cast<std::size_t>(size));
    }
  }

  void finish() {
    const std::size_t end = response_.find("\r\n\r\n");
    if (!response_.starts_with("HTTP/1.1 200 ") || end == std::string::npos ||
        response_.size() - end - 4 != run_.body_bytes()) {
      refuse("unexpected response:\n" + response_.substr(0, 1000));
    }
    // The proxy has gone. Without this, OpenSSL would give up the session.
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    client_.keep_session(ssl_.get());
    ssl_.reset();
    fd_.reset();
    state_ = State::idle;
    run_.done(Time::now() - begun_);
  }

  void want(std::uint32_t events) {
    if (events != wanted_) loop_.change(fd_.get(), events, *this);
    wanted_ = events;
  }

  EpollLoop& loop_;
  Client& client_;
  Run& run_;
  sockaddr_in address_;
  Time::time_point begun_;
  UniqueFd fd_;
  tls::SslConnection ssl_;
  State state_ = State::idle;
  std::uint32_t wanted_ = 0;
  std::string request_;
  std::string response_;
};

/// `count` visitors, who stop coming after `seconds`, but come once. Returns when all have left.
nlohmann::json visit(Client& client, Run run, std::uint16_t port, std::size_t count, int seconds) {
  EpollLoop loop;
  std::vector<std::unique_ptr<Visitor>> visitors;
  while (visitors.size() < count)
    visitors.push_back(std::make_unique<Visitor>(loop, client, run, port));
  const std::size_t tickets_before = client.tickets();
  const auto start = Time::now();
  for (const auto& visitor : visitors) visitor->begin();
  std::size_t busy = count;
  while (busy > 0) {
    if (loop.run_once(kPatienceMs) == 0) refuse("the server does not respond");
    const bool over = Time::now() - start >= std::chrono::seconds(seconds);
    busy = 0;
    for (const auto& visitor : visitors) {
      if (visitor->is_idle() && !over) visitor->begin();
      if (!visitor->is_idle()) ++busy;
    }
  }
  nlohmann::json figures = run.figures(Time::now() - start);
  figures["tickets"] = client.tickets() - tickets_before;
  return figures;
}

/// A file of heads, one after the other.
std::vector<std::string> read_requests(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> requests;
  constexpr std::string_view kEnd = "\r\n\r\n";
  for (std::size_t end = text.find(kEnd); end != std::string::npos; end = text.find(kEnd)) {
    requests.push_back(text.substr(0, end + kEnd.size()));
    text.erase(0, end + kEnd.size());
  }
  if (requests.empty()) refuse(path + " has no requests");
  return requests;
}

nlohmann::json measure(const Parameters& parameters, Handshake handshake) {
  const auto requests = read_requests(parameters.requests_file);
  Client client(parameters.ca_file);
  if (handshake == Handshake::resumed) {
    (void)visit(client, Run(requests, parameters.body_bytes, Handshake::full), parameters.port, 1,
                0);
  }
  return visit(client, Run(requests, parameters.body_bytes, handshake), parameters.port,
               parameters.connections, parameters.seconds);
}

}  // namespace
}  // namespace bonedry::bench

int main(int argc, char** argv) {
  using namespace bonedry::bench;
  CLI::App app{"Makes TLS connections to 127.0.0.1, one for each request."};
  Parameters parameters;
  app.add_option("PORT", parameters.port)->required();
  app.add_option("REQUESTS", parameters.requests_file,
                 "file of heads with Connection: close, sent in turn")
      ->required();
  app.add_option("--ca", parameters.ca_file, "the only certificate that is accepted (PEM)")
      ->required();
  app.add_option("--body", parameters.body_bytes, "bytes of a response's body")
      ->capture_default_str();
  app.add_option("--connections", parameters.connections, "at the same time")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seconds", parameters.seconds)
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  Handshake handshake = Handshake::full;
  app.add_flag_callback(
      "--resume", [&handshake] { handshake = Handshake::resumed; },
      "resume sessions by ticket, each time with the latest one");
  CLI11_PARSE(app, argc, argv);
  try {
    const std::string figures = measure(parameters, handshake).dump();
    std::cout << "FIGURES " << figures << '\n';
  } catch (const std::exception& error) {
    std::cerr << "bench-handshakes: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
