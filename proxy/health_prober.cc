#include "proxy/health_prober.h"

#include "balancer/health_judge.h"
#include "proxy/base/chunk.h"
#include "proxy/base/file.h"
#include "proxy/base/read_buffer.h"
#include "proxy/http/parser.h"
#include "proxy/io/socket.h"
#include "proxy/proxy_header.h"

#include <cerrno>
#include <optional>
#include <set>
#include <utility>

namespace bonedry::proxy {

using balancer::CheckResult;
using balancer::Health;

namespace {

constexpr http::HeadLimits kLimits{16384, 100};

}  // namespace

/// The checks of one node, one after another.
class HealthProber::Probe final : public io::Retirable, private io::FdWatcher::Handler {
 public:
  Probe(io::EventLoop& loop, Turns& turns, const OnChange& on_change,
        std::shared_ptr<balancer::Node> node)
      : loop_(loop),
        turns_(turns),
        on_change_(on_change),
        node_(std::move(node)),
        next_(loop.timers(), [this] { begin(); }),
        timeout_(loop.timers(), [this] { end(CheckResult::failed, "timed out"); }) {}

  void adopt(const balancer::NodeView& view, const conf::Pool& pool) {
    const conf::Health& config = pool.health;
    const bool elsewhere = judge_ && address_ != view.address;
    config_ = config;
    proxy_protocol_ = pool.proxy_protocol;
    address_ = view.address;
    if (elsewhere) stop();  // what was measured is not true of another machine
    if (elsewhere || !judge_) {
      judge_.emplace(config.rise, config.fall, node_->health());
      next_.arm(Millis{0});
    } else {
      judge_->set_thresholds(config.rise, config.fall);
    }
  }

  /// Stops all events; the memory may go in the next round. Nobody knows any more how the node is.
  void stop() {
    next_.disarm();
    timeout_.disarm();
    close();
    node_->set_health(Health::unknown);
  }

 private:
  void begin() {
    if (!take_turn()) return;
    timeout_.arm(config_.timeout);
    const auto target = io::make_address(address_.host, address_.port);
    io::ConnectStart start = io::start_connect(*target);
    if (io::is_local_shortage(start.error)) return again();  // says nothing about the node
    if (start.error != 0) return end(CheckResult::failed, errno_text(start.error));
    connected_ = Connected::no;
    socket_.emplace(loop_, std::move(start.fd), static_cast<io::FdWatcher::Handler&>(*this));
    socket_->want(io::Ready::write);
  }

  void on_ready(io::Ready ready) override {
    if (connected_ == Connected::no) return on_connect_decided();
    if (has(ready, io::Ready::write) && !out_.empty()) write();
    if (socket_ && has(ready, io::Ready::read)) read();
  }

  void on_unwatched(int /*error*/) override { again(); }  // says nothing about the node

  void on_connect_decided() {
    const int error = socket_->connect_error();
    if (error != 0) return end(CheckResult::failed, errno_text(error));
    out_.push_copy(chunks_, own_proxy_header(proxy_protocol_));
    if (config_.path.empty()) return end_connect_check();
    connected_ = Connected::yes;
    parser_.start();
    head_.clear();
    out_.push_copy(chunks_, "GET " + config_.path +
                                " HTTP/1.1\r\nHost: " + conf::to_string(address_) +
                                "\r\nUser-Agent: bonedry-health\r\nConnection: close\r\n\r\n");
    write();
  }

  /// Connecting was the check; a node that expects a PROXY header gets it, rather than a riddle.
  void end_connect_check() {
    (void)socket_->write(out_);
    end(CheckResult::passed, "");
  }

  void write() {
    if (socket_->write(out_) == io::IoStatus::failed) {
      return end(CheckResult::failed, errno_text(socket_->error()));
    }
    socket_->want(out_.empty() ? io::Ready::read : io::Ready::both);
  }

  void read() {
    const io::ReadResult result = socket_->read(in_.room(chunks_, kLimits.bytes));
    switch (result.status) {
      case io::IoStatus::done:
        in_.filled(result.size);
        return parse();
      case io::IoStatus::would_block:
        return;
      case io::IoStatus::closed:
        return end(CheckResult::failed, "connection closed without a response");
      case io::IoStatus::failed:
      case io::IoStatus::refused:
        return end(CheckResult::failed, errno_text(socket_->error()));
    }
  }

  /// Interim answers say nothing yet (RFC 9110, 15.2); the timeout is the bound of them.
  void parse() {
    while (!in_.empty()) {
      switch (parser_.parse_head(in_.data(), in_.size(), kLimits, head_)) {
        case http::ParseStatus::more:
          return;
        case http::ParseStatus::failed:
          return end(CheckResult::failed, "the response is not HTTP");
        case http::ParseStatus::complete:
          break;
      }
      const auto facts = http::judge_response(head_, http::AskedBy::other);
      if (!facts) return end(CheckResult::failed, facts.error());
      if (!facts->interim) return judge_status();
      in_.consume(head_.size);
      parser_.start();
      head_.clear();
    }
  }

  void judge_status() {
    const bool good = head_.status >= 200 && head_.status < 400;
    end(good ? CheckResult::passed : CheckResult::failed,
        good ? "" : "status " + std::to_string(head_.status));
  }

  /// False: `begin` is called when it is this one's turn.
  [[nodiscard]] bool take_turn() {
    if (turn_ == Turn::taken) return true;  // it was waited for
    if (turns_.taken >= turns_.most) {
      turn_ = Turn::waiting;
      turns_.waiting.push_back(this);
      return false;
    }
    turn_ = Turn::taken;
    ++turns_.taken;
    return true;
  }

  void give_turn_back() {
    if (turn_ == Turn::waiting) std::erase(turns_.waiting, this);
    if (turn_ == Turn::taken) --turns_.taken;
    turn_ = Turn::none;
    while (!turns_.waiting.empty() && turns_.taken < turns_.most) {
      Probe& first = *turns_.waiting.front();
      turns_.waiting.pop_front();
      first.turn_ = Turn::taken;
      ++turns_.taken;
      first.next_.arm(Millis{0});
    }
  }

  void again() {
    close();
    timeout_.disarm();
    next_.arm(config_.interval);
  }

  void end(CheckResult result, const std::string& why) {
    again();
    const Health before = judge_->health();
    const auto changed = judge_->note(result);
    if (result == CheckResult::passed) node_->note_connect_success();
    if (!changed) return;
    node_->set_health(*changed);
    on_change_(*node_, before, *changed, why);
  }

  void close() {
    give_turn_back();
    socket_.reset();
    out_.clear();
    in_.clear();
    head_.clear();
  }

  io::EventLoop& loop_;
  Turns& turns_;
  const OnChange& on_change_;
  std::shared_ptr<balancer::Node> node_;
  conf::Health config_;
  conf::ProxyProtocol proxy_protocol_ = conf::ProxyProtocol::off;
  conf::Address address_;
  std::optional<balancer::HealthJudge> judge_;
  ChunkPool chunks_;
  enum class Turn : std::uint8_t { none, waiting, taken } turn_ = Turn::none;
  enum class Connected : std::uint8_t { no, yes } connected_ = Connected::no;
  std::optional<io::Socket> socket_;
  ReadBuffer in_;
  SliceQueue out_;
  http::Parser parser_{http::Parser::Kind::response};
  http::Head head_;
  io::Timer next_;
  io::Timer timeout_;
};

HealthProber::HealthProber(io::EventLoop& loop, OnChange on_change)
    : loop_(loop), on_change_(std::move(on_change)) {}

HealthProber::~HealthProber() = default;

void HealthProber::adopt(const balancer::Topology& topology) {
  std::set<std::string> wanted;
  for (const balancer::PoolView& pool : topology.pools) {
    if (!pool.config.health.active) continue;
    for (const balancer::NodeView& view : pool.nodes) {
      wanted.insert(view.node->key());
      auto& probe = probes_[view.node->key()];
      if (!probe) probe = std::make_unique<Probe>(loop_, turns_, on_change_, view.node);
      probe->adopt(view, pool.config);
    }
  }
  for (auto probe = probes_.begin(); probe != probes_.end();) {
    if (wanted.contains(probe->first)) {
      ++probe;
      continue;
    }
    probe->second->stop();
    loop_.retire(std::move(probe->second));
    probe = probes_.erase(probe);
  }
}

}  // namespace bonedry::proxy
