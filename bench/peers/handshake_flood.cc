// Clients that only cost a TLS listener: some begin a handshake and never finish it, and come again
// when they are disconnected; others come at a steady rate and resume a session, ask for
// renegotiation, or send what is not TLS.
//
//   bench-handshake-flood PORT --unfinished 2000 --ramp 10 --rate 500
//
// Prints READY when all of the first kind have connected, runs until its standard input is closed,
// and then prints `FIGURES {"open": …, …}`.

#include "bench/peers/epoll_loop.h"
#include "proxy/tls/openssl.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <openssl/err.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::bench {
namespace {

using Time = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(100);  // before a client comes again
constexpr auto kPatience = std::chrono::seconds(20);
constexpr int kTickMs = 2;                 // short, so that a rate is not a series of bursts
constexpr std::size_t kMostAtOnce = 4000;  // clients that come at a rate

struct Parameters {
  std::uint16_t port = 0;
  std::size_t unfinished = 0;
  double ramp_seconds = 1;
  double rate = 0;
};

/// How often what happened. `cut`: a handshake that the server did not complete.
struct Totals {
  std::size_t connects = 0, disconnected = 0;
  std::size_t full = 0, resumed = 0, not_resumed = 0;
  std::size_t renegotiations_refused = 0, renegotiations_done = 0;
  std::size_t garbage_disconnected = 0;
  std::size_t cut = 0, unanswered = 0, not_begun = 0;
  std::size_t open_now = 0, most_open = 0;  // connections of both kinds

  void note_opened() { most_open = std::max(most_open, ++open_now); }
  void note_closed() { --open_now; }
};

[[noreturn]] void refuse(const char* what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  throw std::runtime_error(std::string(what) + ": " + reason.data());
}

UniqueFd begin_connection(std::uint16_t port) {
  sockaddr_in address = any_address(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) fail("socket");
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), raw, sizeof(address)) != 0 && errno != EINPROGRESS) fail("connect");
  return fd;
}

/// False when the server has disconnected.
bool discard_input(const UniqueFd& fd) {
  std::array<char, 16 * 1024> bytes;
  while (true) {
    const ssize_t size = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return would_block();
    if (size == 0) return false;
  }
}

/// The contexts of those who do speak TLS, and the session that they resume. Certificates are not
/// checked: that would only cost the load's core.
class Tls {
 public:
  Tls() : current_(make_context(TLS1_3_VERSION)), old_(make_context(TLS1_2_VERSION)) {
    // Otherwise OpenSSL uses a ticket once.
    SSL_CTX_set_session_cache_mode(current_.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(current_.get(), &Tls::on_message);
  }

  /// Resumes the session, if there is one yet.
  [[nodiscard]] tls::SslConnection connect_to_resume(int fd) const {
    auto ssl = connect(*current_, fd);
    if (session_) SSL_set_session(ssl.get(), session_.get());
    return ssl;
  }
  [[nodiscard]] tls::SslConnection connect_to_renegotiate(int fd) const {
    return connect(*old_, fd);
  }

  /// The first record of a client.
  [[nodiscard]] std::string client_hello() const {
    auto ssl = connect(*current_, -1);
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_do_handshake(ssl.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

  [[nodiscard]] bool has_session() const { return session_ != nullptr; }
  [[nodiscard]] static bool has_ticket(SSL* ssl) { return SSL_get_app_data(ssl) != nullptr; }

  /// At the end of a connection. The first session serves all, so that none has to wait for one.
  void keep_session(SSL* ssl) {
    if (!session_) session_.reset(SSL_get1_session(ssl));
  }

 private:
  static tls::SslContext make_context(int version) {
    tls::SslContext context{SSL_CTX_new(TLS_client_method())};
    if (!context) refuse("OpenSSL");
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    // P-256 for the certificate: in TLS 1.2 its curve has to be one of these.
    SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
    return context;
  }
  static tls::SslConnection connect(SSL_CTX& context, int fd) {
    tls::SslConnection ssl{SSL_new(&context)};
    if (!ssl) refuse("OpenSSL");
    if (fd >= 0) SSL_set_fd(ssl.get(), fd);
    SSL_set_tlsext_host_name(ssl.get(), "shop.example");
    SSL_set_connect_state(ssl.get());
    return ssl;
  }
  static void on_message(int sent, int /*version*/, int content_type, const void* bytes,
                         std::size_t size, SSL* ssl, void* /*argument*/) {
    const bool is_ticket = sent == 0 && content_type == SSL3_RT_HANDSHAKE && size > 0 &&
                           *static_cast<const unsigned char*>(bytes) == SSL3_MT_NEWSESSION_TICKET;
    if (is_ticket) SSL_set_app_data(ssl, ssl);  // not null: the ticket has come
  }

  tls::SslContext current_;
  tls::SslContext old_;
  tls::SslSession session_;
};

/// Begins a handshake with some bytes, or none, and then waits until it is disconnected.
class Unfinished final : public Watched {
 public:
  Unfinished(EpollLoop& loop, Totals& totals, std::uint16_t port, std::string_view first_bytes)
      : loop_(loop), totals_(totals), port_(port), first_bytes_(first_bytes) {}

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  [[nodiscard]] Time::time_point left() const { return left_; }

  void begin() {
    ++totals_.connects;
    totals_.note_opened();
    fd_ = begin_connection(port_);
    sent_ = first_bytes_.empty();
    loop_.add(fd_.get(), sent_ ? EPOLLIN : EPOLLOUT, *this);
  }

  void on_event(std::uint32_t /*events*/) override {
    if (!sent_) {
      sent_ = true;
      (void)::send(fd_.get(), first_bytes_.data(), first_bytes_.size(), MSG_NOSIGNAL);
      return loop_.change(fd_.get(), EPOLLIN, *this);
    }
    if (discard_input(fd_)) return;
    ++totals_.disconnected;
    totals_.note_closed();
    fd_.reset();
    left_ = Time::now();
  }

 private:
  EpollLoop& loop_;
  Totals& totals_;
  std::uint16_t port_;
  std::string_view first_bytes_;
  UniqueFd fd_;
  bool sent_ = false;
  Time::time_point left_;
};

/// Comes once, does one thing, and leaves.
class Visitor final : public Watched {
 public:
  Visitor(EpollLoop& loop, Totals& totals, Tls& tls, std::uint16_t port)
      : loop_(loop), totals_(totals), tls_(tls), port_(port) {}

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  [[nodiscard]] Time::time_point begun() const { return begun_; }

  void begin_to_resume() {
    begin();
    offers_session_ = tls_.has_session();
    ssl_ = tls_.connect_to_resume(fd_.get());
    state_ = State::resuming;
  }
  void begin_to_renegotiate() {
    begin();
    ssl_ = tls_.connect_to_renegotiate(fd_.get());
    state_ = State::shaking_hands;
  }
  void begin_with_garbage(std::string_view garbage) {
    begin();
    garbage_ = garbage;
    state_ = State::sending_garbage;
  }
  void give_up() {
    ++totals_.unanswered;
    leave();
  }

  void on_event(std::uint32_t /*events*/) override {
    switch (state_) {
      case State::resuming:
        return resume();
      case State::awaiting_ticket:
        return await_ticket();
      case State::shaking_hands:
        return shake_hands();
      case State::renegotiating:
        return renegotiate();
      case State::sending_garbage:
        return send_garbage();
      case State::awaiting_end:
        return await_end();
    }
  }

 private:
  enum class State : std::uint8_t {
    resuming,
    awaiting_ticket,
    shaking_hands,
    renegotiating,
    sending_garbage,
    awaiting_end
  };
  enum class Step : std::uint8_t { done, waits, failed };

  void begin() {
    begun_ = Time::now();
    totals_.note_opened();
    fd_ = begin_connection(port_);
    wanted_ = EPOLLOUT;
    loop_.add(fd_.get(), wanted_, *this);
  }
  void leave() {
    totals_.note_closed();
    ssl_.reset();
    fd_.reset();
  }

  void resume() {
    const Step step = step_of(SSL_do_handshake(ssl_.get()));
    if (step == Step::failed) return cut();
    if (step == Step::waits) return;
    note_completed();
    state_ = State::awaiting_ticket;
    await_ticket();
  }
  void note_completed() {
    if (!offers_session_) return void(++totals_.full);
    ++(SSL_session_reused(ssl_.get()) == 1 ? totals_.resumed : totals_.not_resumed);
  }
  void await_ticket() {
    char byte = 0;
    const Step step = step_of(SSL_read(ssl_.get(), &byte, 1));
    if (step == Step::failed) return cut();
    if (!Tls::has_ticket(ssl_.get())) return;
    SSL_shutdown(ssl_.get());  // before it is kept: OpenSSL gives up the session of a connection
                               // that was cut
    tls_.keep_session(ssl_.get());
    leave();
  }

  void shake_hands() {
    const Step step = step_of(SSL_do_handshake(ssl_.get()));
    if (step == Step::failed) return cut();
    if (step == Step::waits) return;
    state_ = State::renegotiating;
    if (SSL_renegotiate(ssl_.get()) != 1) refuse("OpenSSL");
    renegotiate();
  }
  void renegotiate() {
    const Step step = step_of(SSL_do_handshake(ssl_.get()));
    if (step == Step::waits) return;
    ++(step == Step::done ? totals_.renegotiations_done : totals_.renegotiations_refused);
    leave();
  }

  void send_garbage() {
    (void)::send(fd_.get(), garbage_.data(), garbage_.size(), MSG_NOSIGNAL);
    state_ = State::awaiting_end;
    want(EPOLLIN);
  }
  void await_end() {
    if (discard_input(fd_)) return;
    ++totals_.garbage_disconnected;
    leave();
  }

  void cut() {
    ++totals_.cut;
    leave();
  }
  Step step_of(int result) {
    if (result > 0) return Step::done;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) want(EPOLLIN);
    if (error == SSL_ERROR_WANT_WRITE) want(EPOLLOUT);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Step::waits;
    ERR_clear_error();
    return Step::failed;
  }
  void want(std::uint32_t events) {
    if (events != wanted_) loop_.change(fd_.get(), events, *this);
    wanted_ = events;
  }

  EpollLoop& loop_;
  Totals& totals_;
  Tls& tls_;
  std::uint16_t port_;
  Time::time_point begun_;
  UniqueFd fd_;
  tls::SslConnection ssl_;
  bool offers_session_ = false;
  State state_ = State::resuming;
  std::uint32_t wanted_ = 0;
  std::string_view garbage_;
};

/// Other protocols, and records that break the rules. None leaves the server waiting for more.
std::vector<std::string> make_garbage(const std::string& client_hello) {
  using namespace std::string_literals;
  std::string wrong_length = client_hello;
  wrong_length.at(8) = static_cast<char>(wrong_length.at(8) - 1);  // of the message in the record
  std::string wrong_version = client_hello;
  wrong_version.at(1) = 9;
  return {
      "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "\x16\x03\x01\xff\xff"s + std::string(64, 'x'),  // longer than a record may be
      "\x17\x03\x03\x00\x10"s + std::string(16, 'x'),  // data before a handshake
      "\x15\x03\x01\x00\x02\x02\x28"s,                 // an alert
      "\x16\x03\x01\x00\x04\x0e\x00\x00\x00"s,         // ServerHelloDone
      "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"s + std::string(37, 'x'),  // SSL 2
      std::string(64, '\0'),
      wrong_length,
      wrong_version,
  };
}

/// All those who never finish: connected one after the other during the ramp, then again and again.
class UnfinishedClients {
 public:
  UnfinishedClients(EpollLoop& loop, Totals& totals, const Parameters& parameters,
                    const std::string& client_hello)
      : ramp_seconds_(parameters.ramp_seconds) {
    const std::string_view whole = client_hello;
    const std::array<std::string_view, 3> kinds{"", whole.substr(0, whole.size() / 2), whole};
    while (clients_.size() < parameters.unfinished) {
      clients_.push_back(std::make_unique<Unfinished>(loop, totals, parameters.port,
                                                      kinds.at(clients_.size() % kinds.size())));
    }
  }

  void begin_due(double elapsed) {
    const double share = std::min(1.0, elapsed / ramp_seconds_);
    const auto due = static_cast<std::size_t>(share * static_cast<double>(clients_.size()));
    while (begun_ < due) clients_[begun_++]->begin();
  }
  void begin_again(Time::time_point now) {
    for (std::size_t i = 0; i < begun_; ++i) {
      if (!clients_[i]->is_open() && now - clients_[i]->left() >= kPause) clients_[i]->begin();
    }
  }
  [[nodiscard]] bool all_begun() const { return begun_ == clients_.size(); }
  [[nodiscard]] std::size_t open() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(clients_, [](const auto& client) { return client->is_open(); }));
  }

 private:
  double ramp_seconds_;
  std::vector<std::unique_ptr<Unfinished>> clients_;
  std::size_t begun_ = 0;
};

/// All those who come at a rate: the three kinds in turn.
class Visitors {
 public:
  Visitors(EpollLoop& loop, Totals& totals, Tls& tls, const Parameters& parameters,
           std::vector<std::string> garbage)
      : loop_(loop),
        totals_(totals),
        tls_(tls),
        port_(parameters.port),
        rate_(parameters.rate),
        garbage_(std::move(garbage)) {}

  void begin_due(double elapsed) {
    for (const auto due = static_cast<std::size_t>(elapsed * rate_); turn_ < due; ++turn_) {
      Visitor* const visitor = find_free();
      if (visitor == nullptr) {
        ++totals_.not_begun;
        continue;
      }
      switch (turn_ % 3) {
        case 0:
          visitor->begin_to_resume();
          break;
        case 1:
          visitor->begin_to_renegotiate();
          break;
        default:
          visitor->begin_with_garbage(garbage_.at(turn_ / 3 % garbage_.size()));
      }
    }
  }
  void give_up_overdue(Time::time_point now) {
    for (const auto& visitor : visitors_) {
      if (visitor->is_open() && now - visitor->begun() >= kPatience) visitor->give_up();
    }
  }
  [[nodiscard]] std::size_t turns() const { return turn_; }

 private:
  Visitor* find_free() {
    const auto free = std::ranges::find_if(visitors_, [](const auto& v) { return !v->is_open(); });
    if (free != visitors_.end()) return free->get();
    if (visitors_.size() >= kMostAtOnce) return nullptr;
    visitors_.push_back(std::make_unique<Visitor>(loop_, totals_, tls_, port_));
    return visitors_.back().get();
  }

  EpollLoop& loop_;
  Totals& totals_;
  Tls& tls_;
  std::uint16_t port_;
  double rate_;
  std::vector<std::string> garbage_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::size_t turn_ = 0;
};

/// Whoever has started this program ends it by closing the other end, or by ending.
class StandardInput final : public Watched {
 public:
  explicit StandardInput(EpollLoop& loop) { loop.add(STDIN_FILENO, EPOLLIN, *this); }
  [[nodiscard]] bool is_closed() const { return closed_; }
  void on_event(std::uint32_t /*events*/) override {
    std::array<char, 64> ignored;
    closed_ = ::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0;
  }

 private:
  bool closed_ = false;
};

nlohmann::json figures(const Totals& totals, std::size_t open, std::size_t turns, double seconds) {
  return {{"seconds", seconds},
          {"open", open},
          {"most_open", totals.most_open},
          {"connects", totals.connects},
          {"disconnected", totals.disconnected},
          {"turns", turns},
          {"full", totals.full},
          {"resumed", totals.resumed},
          {"not_resumed", totals.not_resumed},
          {"renegotiations_refused", totals.renegotiations_refused},
          {"renegotiations_done", totals.renegotiations_done},
          {"garbage_disconnected", totals.garbage_disconnected},
          {"cut", totals.cut},
          {"unanswered", totals.unanswered},
          {"not_begun", totals.not_begun}};
}

nlohmann::json flood(const Parameters& parameters) {
  EpollLoop loop;
  Totals totals;
  Tls tls;
  StandardInput input(loop);
  const std::string client_hello = tls.client_hello();
  UnfinishedClients unfinished(loop, totals, parameters, client_hello);
  Visitors visitors(loop, totals, tls, parameters, make_garbage(client_hello));
  const auto start = Time::now();
  auto checked = start;
  const auto elapsed = [start] {
    return std::chrono::duration<double>(Time::now() - start).count();
  };
  bool ready = false;
  while (!input.is_closed()) {
    loop.run_once(kTickMs);
    unfinished.begin_due(elapsed());
    visitors.begin_due(elapsed());
    if (!ready && unfinished.all_begun()) {
      ready = true;
      std::cout << "READY" << std::endl;
    }
    const auto now = Time::now();
    if (now - checked < kPause) continue;
    checked = now;
    unfinished.begin_again(now);
    visitors.give_up_overdue(now);
  }
  return figures(totals, unfinished.open(), visitors.turns(), elapsed());
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace bonedry::bench

int main(int argc, char** argv) {
  using namespace bonedry::bench;
  CLI::App app{"Floods the TLS listener at 127.0.0.1 until standard input is closed."};
  Parameters parameters;
  app.add_option("PORT", parameters.port)->required();
  app.add_option("--unfinished", parameters.unfinished,
                 "clients that never finish a handshake, at the same time")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  app.add_option("--ramp", parameters.ramp_seconds, "seconds in which they connect at first")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  app.add_option("--rate", parameters.rate,
                 "connections a second that resume, ask for renegotiation, or send garbage")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    raise_descriptor_limit();
    const std::string text = flood(parameters).dump();
    std::cout << "FIGURES " << text << '\n';
  } catch (const std::exception& error) {
    std::cerr << "bench-handshake-flood: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
