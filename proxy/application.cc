#include "proxy/application.h"

#include "admin/cluster/member.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/explain.h"
#include "admin/health_event.h"
#include "admin/hooks/hook_processes.h"
#include "admin/hooks/hooks.h"
#include "admin/passes.h"
#include "admin/phrases.h"
#include "admin/roll/rolls.h"
#include "admin/state_store.h"
#include "admin/user_curve_keeper.h"
#include "conf/loader.h"
#include "proxy/admin_doors.h"
#include "proxy/base/directory.h"
#include "proxy/base/duration.h"
#include "proxy/base/file.h"
#include "proxy/base/supervisor.h"
#include "proxy/certificate_watch.h"
#include "proxy/config_files.h"
#include "proxy/io/signal_reader.h"
#include "proxy/ledger_start.h"
#include "proxy/predecessor.h"
#include "proxy/running_totals.h"
#include "proxy/server.h"
#include "proxy/server_publisher.h"
#include "proxy/state_lock.h"
#include "proxy/upgrade_coordinator.h"
#include "session/mapped_ledger.h"
#include "session/secrets.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace bonedry::proxy {
namespace {

// Interval at which expiry, deadlines and dryness are checked.
constexpr Millis kControlTick{100};

}  // namespace

class Application::Impl {
 public:
  Impl(StartOptions options, const conf::Config& config)
      : start_options_(std::move(options)),
        config_(config),
        events_(clock_),
        tick_(loop_.timers(), [this] { on_tick(); }),
        delay_(loop_.timers(), [this] { finish(); }),
        give_up_(loop_.timers(), [this] {
          leave_cluster("[timeouts] shutdown has passed with requests still open");
        }) {}

  Result<> start() {
    Result<> started = load_state();
    if (started) started = start_serving();
    if (!started && predecessor_) predecessor_->give_up(started.error());
    return started;
  }

  void run() {
    try {
      loop_.run();
    } catch (const std::exception& error) {
      // The state of the interrupted work is unknown, so nothing is finished or cleaned up. This is
      // like a kill, which everything on disk is designed to survive.
      spdlog::critical("exiting: {}", error.what());
      spdlog::default_logger()->flush();
      std::_Exit(EXIT_FAILURE);
    }
    server_->end();
    upgrade_->report_last_totals();  // with what was open until now
    spdlog::info("exited");
  }

 private:
  /// Loads the state from disk and what the previous process hands over.
  Result<> load_state() {
    const Result<> locked =
        start_options_.predecessor.is_open() ? meet_predecessor() : lock_state_dir();
    if (!locked) return locked;
    const Result<session::Secrets> secrets = session::load_secrets(config_.server);
    if (!secrets) return Failure{secrets.error()};
    store_.emplace(config_.server.state_dir + "/nodes.json");
    Result<admin::NodeRecords> records = store_->load();
    if (!records) return Failure{records.error()};
    Result<session::MappedLedger::Start> ledger = open_ledger(*secrets);
    if (!ledger) return Failure{ledger.error()};
    log_start(*ledger);
    ledger_ = std::move(ledger->ledger);
    if (!predecessor_) check_age(*ledger_, *records, ledger->last_use, config_, clock_.now());
    if (config_.ledger.last_requests) last_requests_.emplace(config_.ledger.sessions);
    server_.emplace(
        Server::Parts{loop_, *ledger_, clock_, secrets->all, on_health(),
                      last_requests_ ? &*last_requests_ : nullptr, remote_sessions(), &fence_},
        config_);
    totals_.emplace(*server_);
    if (predecessor_) server_->adopt_ticket_keys(predecessor_->ticket_keys());
    publisher_.emplace(*server_, predecessor_.get(),
                       [this]() -> const std::string& { return config_text(); });
    const Result<> joined = make_member(secrets->all);
    if (!joined) return joined;
    records_ = std::move(*records);
    load_rolls();
    load_passes(secrets->all);
    journal_.emplace(config_.server.state_dir + "/events.jsonl");
    events_.keep_in(*journal_);
    run_hooks();
    return Done{};
  }

  Result<> make_member(const std::vector<std::string>& secrets) {
    if (!config_.cluster) return Done{};
    auto member = admin::cluster::Member::make(
        {loop_, clock_, events_, *ledger_, *publisher_, fence_, secrets, config_.server.state_dir},
        *config_.cluster);
    if (!member) return Failure{member.error()};
    member_ = std::move(*member);
    return Done{};
  }

  /// Workers are made after the member.
  Server::RemoteSessionsMaker remote_sessions() {
    if (!config_.cluster) return nullptr;
    return [this](io::Mailbox& worker) { return member_->remote_sessions(worker); };
  }

  void run_hooks() {
    using Role = admin::Hooks::Role;
    hooks_.emplace(admin::Hooks::Parts{
        events_, hook_processes_, loop_.timers(),
        [this]() -> const conf::Hooks& { return (control_ ? control_->config() : config_).hooks; },
        [this] { return control_ && control_->is_standby() ? Role::standby : Role::deciding; },
        [this](const std::string& node) { return address_of(node); }});
  }

  [[nodiscard]] std::string address_of(const std::string& node) const {
    const auto id = balancer::NodeId::parse(node);
    if (!id || !control_) return "";
    const balancer::NodeView* const view = control_->topology()->find_node(*id);
    return view == nullptr ? "" : conf::to_string(view->address);
  }

  /// Nobody's session depends on a roll, so a damaged file is no reason not to start.
  void load_rolls() {
    roll_store_.emplace(config_.server.state_dir + "/rolls.json");
    rolls_.emplace(*roll_store_, events_, clock_, [this] { return role(); });
    Result<admin::RollMap> rolls = roll_store_->load();
    if (!rolls) spdlog::error("unfinished rolls are not known: {}", rolls.error());
    rolls_->adopt(rolls ? std::move(*rolls) : admin::RollMap{});
  }

  /// A damaged file is no reason not to start: whatever it revoked, all passes are void then.
  void load_passes(const std::vector<std::string>& secrets) {
    pass_store_.emplace(config_.server.state_dir + "/passes.json");
    passes_.emplace(clock_, *pass_store_, secrets);
    const Result<> loaded = passes_->load();
    if (loaded) return;
    spdlog::error("all passes made so far are void, since it is not known which were revoked: {}",
                  loaded.error());
    std::vector<balancer::NodeId> nodes;
    for (const conf::Pool& pool : config_.pools) {
      for (const conf::Node& node : pool.nodes) nodes.push_back({pool.name, node.name});
    }
    passes_->distrust(nodes);
  }

  [[nodiscard]] admin::Rolls::Role role() const {
    if (control_ && control_->is_standby()) return admin::Rolls::Role::standby;
    return closing_ == Stopping::yes ? admin::Rolls::Role::stopping : admin::Rolls::Role::deciding;
  }

  Result<> lock_state_dir() {
    const Result<> directory = make_directory(config_.server.state_dir, 0700);
    if (!directory) return directory;
    const Result<> safe = check_directory(config_.server.state_dir, Writers::none);
    if (!safe) return Failure{"state_dir is not secure: " + safe.error()};
    Result<UniqueFd> lock = lock_state(config_.server.state_dir);
    if (!lock) return Failure{lock.error()};
    lock_ = std::move(*lock);
    return Done{};
  }

  Result<> meet_predecessor() {
    auto predecessor = Predecessor::connect(std::move(start_options_.predecessor));
    if (!predecessor) return Failure{"cannot take over: " + predecessor.error()};
    predecessor_ = std::move(*predecessor);
    lock_ = predecessor_->take_lock();
    struct stat held {};
    struct stat wanted {};
    const std::string path = config_.server.state_dir + "/lock";
    const bool same = ::fstat(lock_.get(), &held) == 0 && ::stat(path.c_str(), &wanted) == 0 &&
                      held.st_dev == wanted.st_dev && held.st_ino == wanted.st_ino;
    if (same) return Done{};
    return Failure{std::string("changing state_dir requires a restart")};
  }

  Result<session::MappedLedger::Start> open_ledger(const session::Secrets& secrets) {
    const std::string path = config_.server.state_dir + "/ledger";
    if (predecessor_) return session::MappedLedger::share(path, secrets, clock_);
    return session::MappedLedger::open(path, config_.ledger.sessions, secrets, clock_);
  }

  /// Steps that are likely to fail come first, while the previous process can still go on alone.
  Result<> start_serving() {
    const Result<std::vector<Server::BoundListener>> bound =
        server_->bind([this](const std::string& at) {
          return predecessor_ ? predecessor_->take_sockets(at) : std::vector<UniqueFd>{};
        });
    if (!bound) return Failure{bound.error()};
    const bool ours = predecessor_ && predecessor_->admin_path() == config_.admin.socket;
    Result<admin::SocketFile> socket = admin::SocketFile::bind_temporary(
        config_.admin.socket,
        ours ? admin::SocketFile::IfInUse::replace : admin::SocketFile::IfInUse::refuse);
    if (!socket) return Failure{socket.error()};
    const Result<> controlled = make_control(*bound);
    if (!controlled) return controlled;
    make_doors();
    Result<> serving = doors_->bind(std::move(*socket), predecessor_ ? AdminDoors::Addresses::shared
                                                                     : AdminDoors::Addresses::free);
    if (serving) serving = join_cluster();
    if (serving && !must_wait()) serving = serve();
    if (serving) serving = doors_->open();
    if (!serving) {
      doors_->close([this] { loop_.stop(); }, admin::kStopping);
      loop_.run();
      return serving;
    }
    log_addresses(*bound);
    begin_ticks();
    if (must_wait()) {
      spdlog::info("no client is served yet: waiting for {}",
                   control_->cluster_status()->waiting_for);
      // A start that takes as long as the store is away must not be killed for that.
      notify_service_manager("READY=1\nSTATUS=waiting for the other members of the cluster");
    } else {
      announce();
    }
    return Done{};
  }

  Result<> join_cluster() {
    using Start = admin::cluster::Member::Start;
    if (!member_) return Done{};
    return member_->join(*control_, predecessor_ ? Start::takes_over : Start::first);
  }

  /// Whether this member must not serve clients yet.
  [[nodiscard]] bool must_wait() const { return member_ && !member_->may_serve(); }

  /// Serves clients from now on, once this member may.
  void serve_if_allowed() {
    if (serving_ == Serving::yes || must_wait() || stopping_ == Stopping::yes) return;
    const Result<> started = serve();
    if (!started) throw std::runtime_error(started.error());
    announce();
  }

  void make_doors() {
    const admin::Commands::Parts commands{
        *control_, events_, *rolls_, clock_,
        [this](const admin::ChangeCallback& callback) { reopen_log(callback); }};
    const auto not_serving = [this] {
      if (stopping_ == Stopping::yes) return std::string(admin::kStopping);
      return std::string(control_->is_standby() ? admin::kTakenOver : "");
    };
    doors_.emplace(AdminDoors::Parts{loop_, commands, not_serving}, config_.admin,
                   server_->descriptors().admin);
  }

  void log_addresses(const std::vector<Server::BoundListener>& bound) const {
    for (const Server::BoundListener& one : bound) {
      if (one.redirect.empty()) {
        spdlog::info("listening on {} for pool {}", one.address, one.pool);
      } else {
        spdlog::info("listening on {}, redirecting to {}", one.address, one.redirect);
      }
    }
    const std::string http = doors_->http_address();
    if (!http.empty()) spdlog::info("dashboard and HTTP API on {}", http);
  }

  /// What the control plane publishes to: in a cluster, the other members route by it, too.
  admin::Publisher& publisher() {
    if (member_) return *member_;
    return *publisher_;
  }

  Result<> make_control(const std::vector<Server::BoundListener>& bound) {
    using Parts = admin::ControlPlane::Parts;
    try {
      control_.emplace(
          Parts{clock_, *ledger_, publisher(), *store_, *passes_, events_,
                [this] { return load_config(); },
                [this](const std::string& by, const admin::ChangeCallback& callback) {
                  upgrade(by, callback);
                },
                predecessor_ ? Parts::OtherProcess::predecessor : Parts::OtherProcess::none,
                [this] { return lagging_process(); },
                [this](const balancer::NodeId& id) { return server_->checks_of(id.text()); },
                last_requests_ ? &*last_requests_ : nullptr, curves_.load()},
          config_, records_, ledger_->incomplete_since());
    } catch (const std::runtime_error& error) {
      return Failure{std::string(error.what())};
    }
    upgrade_.emplace(
        UpgradeCoordinator::Parts{loop_, *server_, *control_, *store_, *passes_, events_, *ledger_,
                                  lock_, [this] { return totals_->report(*control_->topology()); },
                                  [this] { curves_.save(*control_); }, start_options_.program,
                                  start_options_.config_path},
        UpgradeCoordinator::Events{[this] { leave_to_successor(); },
                                   [this] {
                                     if (stopping_ == Stopping::yes) return;
                                     stopping_ = Stopping::yes;
                                     server_->announce_stop();
                                     finish();
                                   },
                                   [this] { reopen_log([](const auto&) {}); }});
    std::vector<admin::ListenerStatus> listeners;
    for (const Server::BoundListener& one : bound) {
      listeners.push_back({one.address, one.pool, std::nullopt, one.redirect});
    }
    control_->set_data_plane(std::move(listeners),
                             [this] { return totals_->status(predecessor_.get()); });
    if (predecessor_) {
      predecessor_->follow_totals(
          [this](const std::string& report) { totals_->inherit(report, *control_->topology()); });
    }
    return Done{};
  }

  [[nodiscard]] std::string lagging_process() const {
    if (!predecessor_ || !predecessor_->is_lagging()) return "";
    return "the previous process (" + std::to_string(predecessor_->pid()) + ")";
  }

  Result<> serve() {
    if (predecessor_) {
      // Before this process accepts clients, the previous one must route by what is decided here.
      const Result<> synced =
          predecessor_->sync_routing_state(publisher_->routing_state(*control_->topology()));
      if (!synced) return Failure{"cannot take over: " + synced.error()};
    }
    if (predecessor_) predecessor_->hand_over_health(*control_->topology());
    ledger_->start_sweeping(clock_.now());  // just before clients are accepted
    const Result<> started = server_->start(control_->topology());
    if (!started) return started;
    serving_ = Serving::yes;
    if (member_) member_->note_serving();
    return Done{};
  }

  void begin_ticks() {
    signals_.emplace(loop_, [this](int number) { on_signal(number); });
    tick_.arm(kControlTick);
    certificate_watch_.emplace(
        loop_, clock_, [this] { return watched_config(); },
        [this](const auto& readings) { control_->renew_certificates(readings); });
    if (member_) member_->start();
  }

  void announce() {
    events_.add("start", "", "bonedry " BONEDRY_VERSION " started");
    // A node that somebody bled before the start is easily forgotten.
    const auto status = control_->status(std::nullopt);
    const auto kept =
        status ? admin::out_of_rotation(*status, clock_.wall()) : std::vector<std::string>{};
    if (!kept.empty()) spdlog::info("out of rotation as before: {}", admin::first_few(kept));
    if (predecessor_) {
      predecessor_->replace(
          loop_, [this] { events_.add("upgrade", "", "the previous process has exited"); });
    }
    notify_service_manager("READY=1\nMAINPID=" + std::to_string(::getpid()));
    if (member_) notify_service_manager("STATUS=serving");
  }

  void upgrade(const std::string& by, const admin::ChangeCallback& callback) {
    const char* why = nullptr;
    if (stopping_ == Stopping::yes) why = "not upgraded: bonedry is stopping";
    if (serving_ == Serving::no) why = "not upgraded: this member does not serve yet; restart it";
    if (why == nullptr) return upgrade_->upgrade(by, callback);
    callback(admin::fail(admin::ErrorCode::unavailable, why));
  }

  /// Reopens the access log of this process and of the one that it has taken over from.
  void reopen_log(const admin::ChangeCallback& callback) {
    if (predecessor_) predecessor_->reopen_access_log();
    server_->reopen_access_log([this, callback](const Result<>& reopened) {
      if (reopened) {
        spdlog::info("access log: reopened");
        return callback(admin::ChangeResult(admin::ReopenResult{config_.log.access}));
      }
      const std::string why =
          "the access log was not reopened, and what was open stays in use: " + reopened.error();
      spdlog::error("{}", why);
      callback(admin::fail(admin::ErrorCode::failed, why));
    });
  }

  /// The successor accepts clients; this process serves only the connections it has.
  void leave_to_successor() {
    doors_->leave(admin::kTakenOver);
    server_->drain(DrainMode::close_after_response, [this] {
      hooks_->finish([this] { on_drained("all connections are closed"); });
    });
  }

  HealthCheck::OnChange on_health() {
    return [this](const balancer::Node& node, balancer::Health before, balancer::Health now,
                  const std::string& why) {
      const std::string text = admin::health_text({before, now}, why);
      if (now == balancer::Health::down) return events_.warn("health", node.key(), text);
      events_.add("health", node.key(), text);
    };
  }

  Result<conf::Config> load_config() {
    Result<std::string> text = read_file(start_options_.config_path);
    if (!text) return Failure{text.error()};
    Result<conf::Loaded> loaded = proxy::load_config(*text, start_options_.config_path);
    if (!loaded) return Failure{loaded.error()};
    for (const std::string& warning : loaded->warnings) spdlog::warn("{}", warning);
    read_last_ = {loaded->config, std::move(*text)};
    if (certificate_watch_) certificate_watch_->check_soon();  // it may name other files
    return std::move(loaded->config);
  }

  /// The text of the config in effect; the config that was read last may have been refused.
  const std::string& config_text() {
    if (read_last_ && read_last_->config == control_->config()) {
      start_options_.config_text = std::move(read_last_->text);
      read_last_.reset();
    }
    return start_options_.config_text;
  }

  /// Null while another process decides: it has read the files itself.
  [[nodiscard]] const conf::Config* watched_config() const {
    return control_->is_standby() ? nullptr : &control_->config();
  }

  void on_tick() {
    if (leaving_ != nullptr) return go_on_leaving();
    if (member_) member_->tick();
    serve_if_allowed();
    control_->tick();
    curves_.tick(*control_);
    hooks_->tick();
    server_->follow_descriptor_limit();
    server_->rotate_ticket_keys();
    server_->check_ocsp_responses();
    server_->check_log_reopening();
    doors_->set_descriptors(server_->descriptors().admin);
    tick_.arm(kControlTick);
  }

  void on_signal(int number) {
    const auto log = [](const Result<admin::ChangeResult, admin::CommandError>& result) {
      if (!result) spdlog::error("{}", result.error().text);
    };
    if (number == SIGHUP) return control_->reload(admin::Force::no, "SIGHUP", log);
    if (number == SIGUSR2) return control_->upgrade("SIGUSR2", log);
    if (number == SIGUSR1) return reopen_log([](const auto&) {});
    if (number != SIGTERM && number != SIGINT && number != SIGQUIT) return;
    if (std::exchange(stopping_, Stopping::yes) == Stopping::yes) {
      return on_drained("second signal received");
    }
    upgrade_->abandon();
    if (control_->is_standby()) return finish();  // the new process goes on
    notify_service_manager("STOPPING=1");
    server_->announce_stop();
    const Millis delay = control_->config().timeouts.shutdown_delay;
    if (delay == Millis{0}) return finish();
    events_.add("stop", "", "listeners close in " + format_duration(delay));
    delay_.arm(delay);
  }

  void finish() {
    events_.add("stop", "", "waiting for open requests");
    give_up_.arm(control_->config().timeouts.shutdown);
    server_->drain(DrainMode::close_idle, [this] { leave_cluster("no requests are open"); });
    ledger_->begin_flush();
  }

  /// Nobody is served any more, so that what other members take over does not change again. While
  /// the process before still serves requests, this member does not leave.
  void leave_cluster(const char* why) {
    if (!member_ || control_->is_standby()) return on_drained(why);
    if (predecessor_ != nullptr && !predecessor_->is_gone()) {
      events_.warn("member", "", "another process still serves users, so this member stays");
      return on_drained(why);
    }
    if (leaving_ != nullptr) return;
    leaving_ = why;
    give_up_.disarm();
    server_->end();
    doors_->leave(admin::kStopping);
    member_->leave();
  }

  /// As on_tick, while this member leaves its cluster.
  void go_on_leaving() {
    member_->tick();
    if (member_->may_end()) return on_drained(leaving_);
    tick_.arm(kControlTick);
  }

  void on_drained(const char* why) {
    if (std::exchange(closing_, Stopping::yes) == Stopping::yes) return;
    spdlog::info("exiting: {}", why);
    delay_.disarm();
    give_up_.disarm();
    tick_.disarm();
    curves_.save(*control_);
    doors_->close([this] { hooks_->stop([this] { loop_.stop(); }); },
                  stopping_ == Stopping::yes ? admin::kStopping : admin::kTakenOver);
  }

  /// A config and the text that it was parsed from.
  struct Read {
    conf::Config config;
    std::string text;
  };

  // Many: the parts of the program are put together here.
  StartOptions start_options_;
  const conf::Config config_;
  std::optional<Read> read_last_;
  SystemClock clock_;
  io::EventLoop loop_;
  std::optional<admin::EventJournal> journal_;
  admin::EventLog events_;
  admin::HookProcesses hook_processes_{loop_};
  UniqueFd lock_;
  std::optional<admin::StateStore> store_;
  std::optional<admin::PassStore> pass_store_;
  std::optional<admin::Passes> passes_;
  std::unique_ptr<session::MappedLedger> ledger_;
  std::optional<session::LastRequests> last_requests_;
  admin::UserCurveKeeper curves_{config_.server.state_dir + "/curves.json", clock_};
  admin::NodeRecords records_;  // as they were at the start
  std::unique_ptr<Predecessor> predecessor_;
  // Destroyed after `server_`: its socket to the next process must not close before all workers of
  // this process have ended.
  std::optional<UpgradeCoordinator> upgrade_;
  // Null: one proxy alone. Destroyed after `server_`, whose workers ask it.
  std::unique_ptr<admin::cluster::Member> member_;
  balancer::Fence fence_;
  std::optional<Server> server_;
  std::optional<RunningTotals> totals_;
  std::optional<ServerPublisher> publisher_;
  std::optional<admin::ControlPlane> control_;
  std::optional<admin::RollStore> roll_store_;
  std::optional<admin::Rolls> rolls_;
  std::optional<AdminDoors> doors_;
  std::optional<admin::Hooks> hooks_;
  io::Timer tick_;
  io::Timer delay_;  // [timeouts] shutdown_delay
  io::Timer give_up_;
  std::optional<io::SignalReader> signals_;
  std::optional<CertificateWatch> certificate_watch_;
  enum class Serving : std::uint8_t { no, yes };
  Serving serving_ = Serving::no;
  enum class Stopping : std::uint8_t { no, yes };
  Stopping stopping_ = Stopping::no;
  Stopping closing_ = Stopping::no;
  const char* leaving_ = nullptr;  // the cluster, and why this process ends; null: not yet
};

Application::Application(StartOptions options, const conf::Config& config)
    : impl_(std::make_unique<Impl>(std::move(options), config)) {}
Application::~Application() = default;

Result<> Application::start() {
  return impl_->start();
}

void Application::run() {
  impl_->run();
}

}  // namespace bonedry::proxy
