#include "tests/support/bonedry_process.h"

#include "tests/support/story_tls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace bonedry::test {
namespace {

void add_lines(std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) text += line + '\n';
}

/// Whether these lines of a table say something of TLS.
bool sets_tls(const std::vector<std::string>& lines) {
  return std::any_of(lines.begin(), lines.end(),
                     [](const std::string& line) { return line.starts_with("tls ="); });
}

std::string story_tls_path(const std::string& socket, const std::string& name) {
  return std::filesystem::path(socket).parent_path() / ("story-" + name);
}

/// `alpn = ["h2", "http/1.1"]`, or "h2c" for "h2" without TLS; "" for an empty list.
std::string alpn_key(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& each : protocols) {
    const bool prior_knowledge = each == "h2" && !story_tls_files();
    list += (list.empty() ? "\"" : ", \"") + (prior_knowledge ? "h2c" : each) + '"';
  }
  return list.empty() ? "" : "alpn = [" + list + "]";
}

/// What a listener and a pool need in a run of the stories with TLS.
std::string listener_tls(const std::string& socket, const std::string& alpn) {
  return "tls = { certificates = [{ certificate = \"" + story_tls_path(socket, "certificate.pem") +
         "\", key = \"" + story_tls_path(socket, "key.pem") + "\" }]" +
         (alpn.empty() ? "" : ", " + alpn) + " }\n";
}
std::string listener_protocols(const TestPool& pool, const std::string& socket) {
  const std::string alpn = alpn_key(pool.alpn);
  if (sets_tls(pool.listener)) return "";
  return story_tls_files() ? listener_tls(socket, alpn) : alpn + '\n';
}
std::string pool_tls(const std::string& socket) {
  if (!story_tls_files()) return "";
  return "tls = { ca = \"" + story_tls_path(socket, "ca.pem") +
         "\", server_name = \"shop.example\" }\n";
}

void write_story_tls_files(const std::string& socket) {
  const std::optional<StoryTlsFiles> files = story_tls_files();
  if (!files) return;
  write_file(story_tls_path(socket, "ca.pem"), files->ca);
  write_file(story_tls_path(socket, "certificate.pem"), files->certificate);
  write_file(story_tls_path(socket, "key.pem"), files->key);
}

std::string to_toml(const TestConfig& config, const std::string& socket,
                    const std::string& state_dir) {
  std::string text = "[server]\nworkers = " + std::to_string(config.workers) + "\nstate_dir = \"" +
                     state_dir + "\"\n";
  add_lines(text, config.server);
  text += "[admin]\nsocket = \"" + socket + "\"\n";
  add_lines(text, config.admin);
  add_lines(text, config.sections);
  text += "[timeouts]\n";
  add_lines(text, config.timeouts);
  text += "[limits]\n";
  add_lines(text, config.limits);
  text += "[ledger]\n";
  add_lines(text, config.ledger);
  for (const TestPool& pool : config.pools) {
    text += "[[listener]]\naddress = \"" + pool.address + "\"\npool = \"" + pool.name + "\"\n";
    text += listener_protocols(pool, socket);
    add_lines(text, pool.listener);
  }
  for (const TestPool& pool : config.pools) {
    text += "[[pool]]\nname = \"" + pool.name + "\"\n";
    if (!sets_tls(pool.keys)) text += pool_tls(socket);
    add_lines(text, pool.keys);
    text += "[pool.session]\n";
    add_lines(text, pool.session);
    if (pool.health) {
      text += "[pool.health]\n";
      add_lines(text, *pool.health);
    }
    for (const TestNode& node : pool.nodes) {
      text += "[[pool.node]]\nname = \"" + node.name + "\"\naddress = \"" + node.address + "\"\n";
      add_lines(text, node.keys);
    }
  }
  return text;
}

std::string last_lines(const std::string& text, std::size_t bytes) {
  return text.size() <= bytes ? text : "[...]" + text.substr(text.size() - bytes);
}

std::string program(const std::string& name) {
  const std::string directory = kOtherPrograms != nullptr ? kOtherPrograms : BONEDRY_PROGRAMS;
  return directory + "/" + name;
}

/// Makes every sanitizer report fail the run, and keeps sanitizers from slowing the exit down.
const std::vector<std::string> kSanitizerEnvironment = {
    "ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS=exitcode=66:second_deadlock_stack=1",
};

/// What the kernel calls each open descriptor of a process, such as "socket:[4711]".
std::vector<std::string> descriptors_of(pid_t pid) {
  std::vector<std::string> open;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;  // the descriptor may be closed by now
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!gone) open.push_back(target);
  }
  return open;
}

/// The listening TCP sockets of this machine, by the names that `descriptors_of` gives.
std::set<std::string> listening_sockets() {
  std::set<std::string> listening;
  std::istringstream lines{read_file("/proc/net/tcp")};
  std::string line;
  std::getline(lines, line);  // the names of the columns
  while (std::getline(lines, line)) {
    std::istringstream columns{line};
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    columns >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
        timeout >> inode;
    if (state == "0A") listening.insert("socket:[" + inode + "]");
  }
  return listening;
}

}  // namespace

TestConfig shop(unsigned workers, std::vector<TestNode> nodes, std::vector<std::string> session,
                std::vector<std::string> pool) {
  TestConfig config;
  config.workers = workers;
  config.pools.push_back({.name = "shop",
                          .keys = std::move(pool),
                          .session = std::move(session),
                          .health = std::nullopt,
                          .nodes = std::move(nodes),
                          .listener = {}});
  return config;
}

TestConfig with_http2(TestConfig config) {
  for (TestPool& pool : config.pools) pool.alpn = {"h2", "http/1.1"};
  return config;
}

bool NodeView::blocked_by(std::string_view words) const {
  for (const std::string& reason : dry_blocked_by) {
    if (reason.find(words) != std::string::npos) return true;
  }
  return false;
}

NodeView node_view(const nlohmann::json& status, std::string_view node, std::string_view pool) {
  for (const nlohmann::json& one_pool : status.at("pools")) {
    if (one_pool.at("name") != pool) continue;
    for (const nlohmann::json& one : one_pool.at("nodes")) {
      if (one.at("name") != node) continue;
      const nlohmann::json& counters = one.at("counters");
      return {.state = one.at("state"),
              .health = one.at("health"),
              .dry = one.at("dry"),
              .dry_blocked_by = one.at("dry_blocked_by"),
              .live = one.at("sessions").at("live"),
              .pending = one.at("sessions").at("pending"),
              .exchanges_open = one.at("exchanges_open"),
              .begun = counters.at("new"),
              .moved = counters.at("moved"),
              .rescued = counters.at("rescued"),
              .late = counters.at("late"),
              .logged_out = counters.at("logged_out"),
              .bleeding = one.value("bleeding", nlohmann::json{})};
    }
  }
  throw std::runtime_error("status shows no node " + std::string{pool} + '/' + std::string{node});
}

BonedryProcess::BonedryProcess(TestConfig config, Start start_when) {
  std::filesystem::create_directory(state_dir());
  configure(std::move(config));
  if (start_when == Start::now) start();
}

BonedryProcess::~BonedryProcess() {
  if (predecessor_) {
    predecessor_->signal(SIGTERM);
    EXPECT_TRUE(predecessor_ends()) << "the process of before does not stop on SIGTERM";
  }
  if (running()) stop();
  const std::string report = sanitizer_report(err());
  EXPECT_EQ(report, "") << "bonedry made a sanitizer complain";
  if (testing::Test::HasFailure()) show_output();
}

void BonedryProcess::configure(TestConfig config) {
  if (config.timeouts.empty()) config.timeouts = {"shutdown = \"2s\""};
  write_story_tls_files(socket_path());
  write_file(config_path(), to_toml(config, socket_path(), state_dir()));
  descriptors_ = config.descriptors;
  program_ = config.program.empty() ? bonedry_program() : std::move(config.program);
  out_ = config.out.empty() ? dir_ / "out" : std::move(config.out);
  err_ = config.err.empty() ? dir_ / "err" : std::move(config.err);
  environment_ = std::move(config.environment);
  // The first entry with a name wins.
  environment_.insert(environment_.end(), kSanitizerEnvironment.begin(),
                      kSanitizerEnvironment.end());
}

void BonedryProcess::start() {
  child_ = std::make_unique<ChildProcess>(
      ChildProcess::Command{.arguments = {program_, "--config", config_path()},
                            .environment = environment_,
                            .out_path = out_,
                            .err_path = err_,
                            .descriptors = descriptors_});
  if (eventually([this] { return is_ready() || !running(); }, kDeadline * 2) && running()) return;
  throw std::runtime_error("bonedry does not start: " + last_lines(err() + out(), 4000));
}

bool BonedryProcess::is_ready() {
  try {
    listeners_ = status().at("listeners");
    return !listeners_.empty();
  } catch (const SocketError&) {
    return false;
  }
}

void BonedryProcess::stop() {
  child_->signal(SIGTERM);
  const auto ended = child_->wait(kDeadline * 3);
  if (!ended) {
    ADD_FAILURE() << "bonedry does not stop on SIGTERM";
    kill9();
    return;
  }
  EXPECT_EQ(ended->signal, 0) << "bonedry was killed";
  EXPECT_EQ(ended->code, 0) << "bonedry's exit code on SIGTERM";
}

void BonedryProcess::kill9() {
  child_->signal(SIGKILL);
  if (!child_->wait(kDeadline)) throw std::runtime_error("a process that SIGKILL does not end");
}

void BonedryProcess::restart() {
  stop();
  start();
}

void BonedryProcess::upgrade() {
  ChildProcess::adopt_orphans();
  const std::string answer = admin("upgrade", kDeadline * 3);
  int pid = 0;
  if (std::sscanf(answer.c_str(), "process %d has taken over", &pid) != 1) {
    throw std::runtime_error("the upgrade failed: " + answer);
  }
  predecessor_ = std::exchange(child_, std::make_unique<ChildProcess>(pid));
}

void BonedryProcess::follow_successor() {
  const std::string parent = std::to_string(pid());
  std::istringstream children{read_file("/proc/" + parent + "/task/" + parent + "/children")};
  pid_t successor = 0;
  if (!(children >> successor)) throw std::runtime_error("nobody has taken over");
  predecessor_ = std::exchange(child_, std::make_unique<ChildProcess>(successor));
}

void BonedryProcess::kill_predecessor() {
  predecessor_->signal(SIGKILL);
  if (!predecessor_->wait(kDeadline)) throw std::runtime_error("SIGKILL does not end it");
  predecessor_.reset();
}

bool BonedryProcess::predecessor_ends(Millis deadline) {
  const auto ended = predecessor_->wait(deadline);
  if (!ended) return false;
  EXPECT_EQ(ended->signal, 0) << "the process of before was killed";
  EXPECT_EQ(ended->code, 0) << "the exit code of the process of before";
  predecessor_.reset();
  return true;
}

bool BonedryProcess::predecessor_drains() const {
  return eventually([this] {
    const std::vector<std::string> open = descriptors_of(predecessor_->pid());
    const std::set<std::string> listening = listening_sockets();
    return std::none_of(open.begin(), open.end(), [&listening](const std::string& descriptor) {
      return listening.contains(descriptor);
    });
  });
}

void BonedryProcess::pause() {
  child_->signal(SIGSTOP);
  if (!eventually([this] { return all_threads_paused(); })) {
    throw std::runtime_error("SIGSTOP does not stop bonedry");
  }
}

void BonedryProcess::resume() {
  child_->signal(SIGCONT);
}

bool BonedryProcess::all_threads_paused() const {
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid()) + "/task")) {
    const std::string stat = read_file(task.path() / "stat");
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string::npos || stat[name_end + 2] != 'T') return false;
  }
  return true;
}

std::string BonedryProcess::address(std::string_view pool) const {
  for (const nlohmann::json& listener : listeners_) {
    if (listener.at("pool") == pool) return listener.at("address");
  }
  throw std::runtime_error("no listener for pool " + std::string{pool});
}

std::string BonedryProcess::admin(std::string_view line, Millis deadline) const {
  Socket socket = Socket::connect_unix(socket_path(), deadline);
  try {
    socket.send_all(std::string{line} + '\n', deadline);
  } catch (const ConnectionReset&) {
    // A client that is turned away gets its response before it has sent a request.
  }
  return socket.receive_all(deadline);
}

nlohmann::json BonedryProcess::admin_json(std::string_view line) const {
  const std::string answer = admin(line);
  if (!nlohmann::json::accept(answer)) {
    throw std::runtime_error("not JSON, the answer to '" + std::string{line} + "': " + answer);
  }
  return nlohmann::json::parse(answer);
}

NodeView BonedryProcess::node(std::string_view name, std::string_view pool) const {
  return node_view(status(), name, pool);
}

bool BonedryProcess::says(std::string_view text) const {
  return eventually([&] { return err().find(text) != std::string::npos; });
}

std::size_t BonedryProcess::resident_bytes() const {
  std::ifstream file{"/proc/" + std::to_string(pid()) + "/status"};
  for (std::string word; file >> word;) {
    std::size_t kilobytes = 0;
    if (word == "VmRSS:" && file >> kilobytes) return kilobytes * 1024;
  }
  throw std::runtime_error("no VmRSS for bonedry");
}

std::size_t BonedryProcess::open_descriptors(std::string_view kind) const {
  const std::vector<std::string> open = descriptors_of(pid());
  return static_cast<std::size_t>(std::count_if(
      open.begin(), open.end(),
      [kind](const std::string& descriptor) { return descriptor.starts_with(kind); }));
}

void BonedryProcess::show_output() const {
  std::cerr << "--- bonedry's config\n"
            << read_file(config_path()) << "--- bonedry's standard error\n"
            << last_lines(err(), 6000) << "--- bonedry's standard output\n"
            << last_lines(out(), 6000) << "---\n";
}

RunResult Ctl::run(const std::vector<std::string>& arguments, Millis deadline) const {
  std::vector<std::string> all = {bonedryctl_program(), "--socket", socket_path_};
  all.insert(all.end(), arguments.begin(), arguments.end());
  RunResult result = run_program(std::move(all), kSanitizerEnvironment, deadline);
  EXPECT_EQ(sanitizer_report(result.err), "") << "bonedryctl made a sanitizer complain";
  return result;
}

std::string bonedry_program() {
  return program("bonedry");
}

std::string bonedryctl_program() {
  return program("bonedryctl");
}

}  // namespace bonedry::test
