#include "proxy/application.h"

#include "admin/admin_server.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/state_store.h"
#include "conf/loader.h"
#include "proxy/base/file.h"
#include "proxy/base/signals.h"
#include "proxy/server.h"
#include "session/mapped_ledger.h"
#include "session/secrets.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <uv.h>

#include <array>
#include <csignal>
#include <optional>
#include <utility>

namespace bonedry::proxy {
namespace {

// How soon expiry, deadlines and dryness are noticed.
constexpr Millis kControlTick{100};

/// Hands the control plane's topologies to the workers.
class ServerPublisher final : public admin::Publisher {
 public:
  explicit ServerPublisher(Server& server) : server_(server) {}
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override {
    server_.publish(topology, std::move(acknowledged));
  }

 private:
  Server& server_;
};

/// Two proxies on one state directory would overwrite each other's node states.
Result<UniqueFd> lock_state(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  UniqueFd lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock.is_open()) return Failure{"cannot write " + path + ": " + errno_text(errno)};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Failure{"another bonedry uses the state directory " + state_dir};
  }
  return lock;
}

void report(const session::MappedLedger::Start& start) {
  using Origin = session::MappedLedger::Origin;
  if (!start.set_aside.empty()) {
    spdlog::warn("the ledger that was there is not used: {}", start.set_aside);
  }
  const session::Ledger::Totals totals = start.ledger->totals();
  if (start.origin == Origin::restored) spdlog::info("ledger: {} sessions", totals.sessions);
  if (start.origin == Origin::resized) {
    spdlog::info("ledger: {} sessions, with room for {} now", totals.sessions, totals.capacity);
  }
}

}  // namespace

class Application::Impl {
 public:
  Impl(std::string config_path, const conf::Config& config)
      : config_path_(std::move(config_path)),
        config_(config),
        events_(clock_),
        tick_(loop_.timers(), [this] { on_tick(); }),
        give_up_(loop_.timers(), [this] { on_drained("some exchanges did not finish in time"); }) {}

  ~Impl() {
    for (uv_signal_t* signal : signals_) {
      if (signal != nullptr) {
        uv_close(reinterpret_cast<uv_handle_t*>(signal),
                 [](uv_handle_t* handle) { delete reinterpret_cast<uv_signal_t*>(handle); });
      }
    }
  }

  Outcome start() {
    const Outcome folder = make_folder(config_.server.state_dir, 0700);
    if (!folder) return folder;
    Result<UniqueFd> lock = lock_state(config_.server.state_dir);
    if (!lock) return Failure{lock.error()};
    lock_ = std::move(*lock);
    const Result<session::Secrets> secrets = session::load_secrets(config_.server);
    if (!secrets) return Failure{secrets.error()};
    store_.emplace(config_.server.state_dir + "/nodes.json");
    const Result<admin::NodeRecords> records = store_->load();
    if (!records) return Failure{records.error()};
    Result<session::MappedLedger::Start> ledger = session::MappedLedger::open(
        config_.server.state_dir + "/ledger", config_.ledger.sessions, *secrets, clock_);
    if (!ledger) return Failure{ledger.error()};
    report(*ledger);
    ledger_ = std::move(ledger->ledger);
    server_.emplace(Server::Parts{loop_, *ledger_, clock_, secrets->all, on_health()}, config_);
    publisher_.emplace(*server_);
    return open_doors(*records);
  }

  void run() {
    loop_.run();
    block_signals();
    spdlog::info("ended");
  }

 private:
  Outcome open_doors(const admin::NodeRecords& records) {
    const Result<std::vector<Server::Bound>> bound = server_->bind();
    if (!bound) return Failure{bound.error()};
    control_.emplace(admin::ControlPlane::Parts{clock_, *ledger_, *publisher_, *store_, events_,
                                                [this] { return load_config(); }},
                     config_, records, ledger_->incomplete_since());
    std::vector<admin::ListenerStatus> listeners;
    for (const Server::Bound& one : *bound) listeners.push_back({one.address, one.pool});
    control_->set_listeners(std::move(listeners));
    admin_.emplace(loop_.raw(), config_.admin.socket, *control_, events_, clock_);
    const Outcome listening = admin_->listen();
    if (!listening) return listening;
    server_->start(control_->topology());
    for (const Server::Bound& one : *bound) {
      spdlog::info("listening on {} for pool {}", one.address, one.pool);
    }
    catch_signals();
    tick_.arm(kControlTick);
    events_.add("start", "", "bonedry " BONEDRY_VERSION " started");
    return Done{};
  }

  HealthProber::OnChange on_health() {
    return [this](const balancer::Node& node, balancer::Health before, balancer::Health now,
                  const std::string& why) {
      events_.add("health", node.key(),
                  std::string(balancer::to_string(before)) + " -> " + balancer::to_string(now) +
                      (why.empty() ? "" : ": " + why));
    };
  }

  Result<conf::Config> load_config() {
    Result<conf::Loaded> loaded = conf::load_file(config_path_);
    if (!loaded) return Failure{loaded.error()};
    for (const std::string& warning : loaded->warnings) spdlog::warn("{}", warning);
    return std::move(loaded->config);
  }

  void on_tick() {
    control_->tick();
    tick_.arm(kControlTick);
  }

  void catch_signals() {
    static constexpr std::array<int, 3> kSignals{SIGTERM, SIGINT, SIGHUP};
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      signals_[i] = new uv_signal_t;
      signals_[i]->data = this;
      uv_signal_init(loop_.raw(), signals_[i]);
      uv_signal_start(
          signals_[i],
          [](uv_signal_t* signal, int number) {
            static_cast<Impl*>(signal->data)->on_signal(number);
          },
          kSignals[i]);
    }
  }

  void on_signal(int number) {
    if (number == SIGHUP) {
      return control_->reload("SIGHUP", [](const Result<std::string>& result) {
        if (!result) spdlog::error("{}", result.error());
      });
    }
    if (std::exchange(stopping_, Stopping::yes) == Stopping::yes) {
      return on_drained("a second signal ends it at once");
    }
    events_.add("stop", "", "finishing what is under way");
    give_up_.arm(control_->config().timeouts.shutdown);
    server_->drain([this] { on_drained("nothing is under way any more"); });
  }

  void on_drained(const char* why) {
    if (std::exchange(closing_, Stopping::yes) == Stopping::yes) return;
    spdlog::info("ending: {}", why);
    give_up_.disarm();
    tick_.disarm();
    admin_->close([this] { loop_.stop(); });
  }

  const std::string config_path_;
  const conf::Config config_;
  SystemClock clock_;
  io::EventLoop loop_;
  admin::EventLog events_;
  UniqueFd lock_;
  std::optional<admin::StateStore> store_;
  std::unique_ptr<session::MappedLedger> ledger_;
  std::optional<Server> server_;
  std::optional<ServerPublisher> publisher_;
  std::optional<admin::ControlPlane> control_;
  std::optional<admin::AdminServer> admin_;
  io::Timer tick_;
  io::Timer give_up_;
  std::array<uv_signal_t*, 3> signals_{};
  enum class Stopping : std::uint8_t { no, yes };
  Stopping stopping_ = Stopping::no;
  Stopping closing_ = Stopping::no;
};

Application::Application(std::string config_path, const conf::Config& config)
    : impl_(std::make_unique<Impl>(std::move(config_path), config)) {}
Application::~Application() = default;

Outcome Application::start() {
  return impl_->start();
}

void Application::run() {
  impl_->run();
}

}  // namespace bonedry::proxy
