#include "proxy/server.h"

#include "proxy/base/file.h"
#include "proxy/io/listener.h"
#include "proxy/worker.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace bonedry::proxy {
namespace {

std::size_t count_workers(unsigned configured) {
  if (configured != 0) return configured;
  return std::max(1U, std::thread::hardware_concurrency());
}

/// Calls `done` once all workers have acknowledged.
class AckBarrier {
 public:
  AckBarrier(std::size_t count, std::function<void()> done)
      : left_(count), done_(std::move(done)) {}
  void one() {
    if (--left_ == 0) done_();
  }

 private:
  std::size_t left_;
  std::function<void()> done_;
};

}  // namespace

Server::Server(Parts parts, const conf::Config& config)
    : parts_(std::move(parts)),
      config_(config),
      worker_count_(count_workers(config.server.workers)),
      log_reopening_(parts_.loop, parts_.clock),
      access_log_(config.log),
      mailbox_(parts_.loop),
      prober_(parts_.loop, parts_.on_health),
      ticket_keys_(std::make_shared<const tls::TicketKeys>(parts_.clock.wall())) {}

Server::~Server() = default;

Result<std::vector<Server::BoundListener>> Server::bind(const InheritedSockets& inherited) {
  std::vector<BoundListener> all;
  for (const conf::Listener& listener : config_.listeners) {
    BoundListener bound;
    const Result<> done = bind_one(listener, inherited(conf::to_string(listener.address)), bound);
    if (!done) return Failure{done.error()};
    all.push_back(bound);
  }
  descriptor_limit_ = descriptor_limit();
  own_descriptors_ = open_descriptors();
  const auto shares = share_descriptors(descriptor_limit_, own_descriptors_, worker_count_);
  if (!shares) return Failure{shares.error()};
  descriptors_ = *shares;
  if (config_.limits.connections > descriptors_.clients) {
    spdlog::warn(
        "[limits] connections is {}, but the descriptor limit allows only {}; see LimitNOFILE, "
        "ulimit -n",
        config_.limits.connections, descriptors_.clients);
  }
  return all;
}

Result<> Server::bind_one(const conf::Listener& listener, std::vector<UniqueFd> inherited,
                          BoundListener& bound) {
  conf::Address address = listener.address;
  auto& sockets = sockets_.emplace_back(std::move(inherited));
  // A new socket that listened beside inherited ones would get its share of the clients at once, so
  // it must not listen before `start`. A member of a cluster opens no listener before it has met
  // the others.
  const bool shared = !sockets.empty();
  const bool waits = shared || config_.cluster.has_value();
  if (shared) address.port = io::bound_port(sockets.front());
  while (sockets.size() < worker_count_) {
    const auto target = io::make_address(address.host, address.port);
    if (!target) return Failure{target.error()};
    if (sockets.empty() && address.port != 0) {
      const Result<> free = io::check_free(*target, conf::to_string(address));
      if (!free) return free;
    }
    Result<UniqueFd> socket = io::bind_to(*target);
    if (!socket) return Failure{socket.error()};
    if (!waits) {
      const Result<> heard = io::start_listening(*socket);
      if (!heard) return heard;
    }
    address.port = io::bound_port(*socket);  // port 0: all workers share the port that was chosen
    sockets.push_back(std::move(*socket));
  }
  for (const UniqueFd& socket : sockets) {
    UniqueFd same{::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0)};
    if (!same.is_open()) return Failure{"cannot duplicate a socket: " + errno_text(errno)};
    listening_.push_back({sockets_.size() - 1, conf::to_string(listener.address), std::move(same)});
  }
  const bool redirects = listener.redirect == conf::Redirect::https;
  bound = {conf::to_string(address), listener.pool, redirects ? "https" : ""};
  return Done{};
}

Result<> Server::start(const std::shared_ptr<const balancer::Topology>& topology) {
  for (const auto& sockets : sockets_) {
    for (const UniqueFd& socket : sockets) {
      const Result<> heard = io::start_listening(socket);  // no effect if it listens already
      if (!heard) return heard;
    }
  }
  const SharedParts shared{parts_.ledger,
                           parts_.clock,
                           access_log_,
                           parts_.secrets,
                           clients_,
                           descriptors_,
                           config_.server.underscore_names,
                           config_.log.request_id,
                           parts_.last_requests,
                           ticket_keys_,
                           parts_.remote_sessions,
                           parts_.fence};
  prober_.set_limits(descriptors_.checks);
  prober_.adopt(*topology);
  ocsp_watch_.adopt(topology->listeners, parts_.clock.wall());
  for (std::size_t index = 0; index < worker_count_; ++index) {
    const auto seed = static_cast<std::uint64_t>(parts_.clock.now().ms) + index;
    try {
      workers_.push_back(
          std::make_unique<Worker>(shared, listens_of(index), topology, Worker::Id{index, seed}));
    } catch (const std::system_error& error) {
      return Failure{std::string("cannot start a worker: ") + error.what()};
    }
  }
  mailbox_.post([waiting = std::exchange(acknowledged_at_start_, {})] {
    for (const auto& acknowledged : waiting) acknowledged();
  });
  return Done{};
}

void Server::follow_descriptor_limit() {
  const std::size_t limit = descriptor_limit();
  if (std::exchange(descriptor_limit_, limit) == limit) return;
  const auto shares = share_descriptors(limit, own_descriptors_, worker_count_);
  descriptors_ = shares ? *shares : DescriptorBudget::least();
  spdlog::warn("the descriptor limit is now {}, enough for {} clients", limit,
               descriptors_.clients);
  prober_.set_limits(descriptors_.checks);
  for (const auto& worker : workers_) worker->share(descriptors_);
}

/// The previous process may have had more workers, so a worker may get several of its sockets.
std::vector<Worker::ListenSocket> Server::listens_of(std::size_t worker) {
  std::vector<Worker::ListenSocket> listens;
  for (std::size_t listener = 0; listener < sockets_.size(); ++listener) {
    const conf::Listener& config = config_.listeners[listener];
    const ProxyHeaderMode proxy_header_mode =
        config.proxy_protocol ? ProxyHeaderMode::required : ProxyHeaderMode::none;
    for (std::size_t i = worker; i < sockets_[listener].size(); i += worker_count_) {
      listens.push_back(
          {std::move(sockets_[listener][i]), listener, config.pool, proxy_header_mode});
    }
  }
  return listens;
}

void Server::publish(const std::shared_ptr<const balancer::Topology>& topology,
                     std::function<void()> acknowledged) {
  if (workers_.empty()) {
    // They start with a topology that is at least as new.
    acknowledged_at_start_.push_back(std::move(acknowledged));
    return;
  }
  if (workers_are_ == WorkersAre::ended) return mailbox_.post(std::move(acknowledged));
  prober_.adopt(*topology);
  ocsp_watch_.adopt(topology->listeners, parts_.clock.wall());
  auto gather = std::make_shared<AckBarrier>(worker_count_, std::move(acknowledged));
  for (const auto& worker : workers_) {
    worker->publish(topology, [this, gather] { mailbox_.post([gather] { gather->one(); }); });
  }
}

std::string Server::ticket_keys() const {
  const bool used = std::ranges::any_of(
      config_.listeners, [](const conf::Listener& listener) { return listener.tls.has_value(); });
  return used ? ticket_keys_->serialize() : "";
}

void Server::adopt_ticket_keys(std::string_view keys) {
  if (auto inherited = tls::TicketKeys::parse(keys)) ticket_keys_ = std::move(inherited);
}

void Server::rotate_ticket_keys() {
  const WallTime now = parts_.clock.wall();
  if (!ticket_keys_->is_rotation_due(now)) return;
  ticket_keys_ = std::make_shared<const tls::TicketKeys>(ticket_keys_->rotated(now));
  for (const auto& worker : workers_) worker->set_ticket_keys(ticket_keys_);
}

ExchangeTotals Server::exchange_totals() const {
  ExchangeTotals totals;
  for (const auto& worker : workers_) totals.add(worker->counters().read());
  return totals;
}

HandshakeTotals Server::handshake_totals() const {
  HandshakeTotals totals;
  for (const auto& worker : workers_) totals.add(worker->handshakes().read());
  return totals;
}

Http2Totals Server::http2_totals() const {
  Http2Totals totals;
  for (const auto& worker : workers_) totals.add(worker->http2().read());
  return totals;
}

Http2Totals Server::http2_nodes_totals() const {
  Http2Totals totals;
  for (const auto& worker : workers_) totals.add(worker->http2_nodes().read());
  return totals;
}

std::vector<Millis> Server::loop_lags() const {
  std::vector<Millis> lags;
  for (const auto& worker : workers_) lags.push_back(worker->loop_lag(parts_.clock.now()));
  return lags;
}

void Server::announce_stop() {
  for (const auto& worker : workers_) worker->announce_stop();
}

void Server::drain(DrainMode mode, const std::function<void()>& drained) {
  listening_.clear();
  if (workers_.empty()) return mailbox_.post(drained);  // nobody was served yet
  auto gather = std::make_shared<AckBarrier>(worker_count_, drained);
  for (const auto& worker : workers_) {
    worker->drain(mode, [this, gather] { mailbox_.post([gather] { gather->one(); }); });
  }
}

void Server::end() {
  workers_are_ = WorkersAre::ended;
  for (const auto& worker : workers_) worker->end();
}

}  // namespace bonedry::proxy
