#include "bench/demo/demo_environment.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace bonedry::demo {
namespace {

constexpr Millis kShopGrace{1000};
constexpr Millis kProxyGrace = std::chrono::seconds{5};
constexpr std::size_t kTailLines = 12;

std::filesystem::path make_private_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "bonedry-demo-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error(name + ": " + std::strerror(errno));
  }
  return name;
}

std::string read_all(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// The port that follows `prefix` in the lines of a program; 0: there is no such line yet.
std::uint16_t parse_port(const std::string& output, std::string_view prefix) {
  const std::size_t at = output.find(prefix);
  if (at == std::string::npos || output.find('\n', at) == std::string::npos) return 0;
  std::uint16_t port = 0;
  const char* end = output.data() + output.size();
  std::from_chars(output.data() + at + prefix.size(), end, port);
  return port;
}

}  // namespace

DemoEnvironment::DemoEnvironment(ProgramPaths programs)
    : programs_(std::move(programs)), directory_(make_private_directory()) {}

DemoEnvironment::~DemoEnvironment() {
  proxy_.reset();
  shops_.clear();
  std::error_code ignored;
  if (!keep_directory_) std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path DemoEnvironment::shop_log(const std::string& name) const {
  return directory_ / (name + "-" + std::to_string(shop(name).release) + ".log");
}

void DemoEnvironment::start_shop(const std::string& name, unsigned release) {
  ShopProcess& shop = shops_[name];
  shop.release = release;
  shop.child = std::make_unique<Child>(
      std::vector<std::string>{programs_.shop, "--name", name, "--version", std::to_string(release),
                               "--port", std::to_string(shop.port)},
      shop_log(name));
}

bool DemoEnvironment::shop_is_listening(const std::string& name) {
  const std::uint16_t port = parse_port(read_all(shop_log(name)), "listening on 127.0.0.1:");
  if (port != 0) shops_.at(name).port = port;
  return port != 0;
}

void DemoEnvironment::stop_shop(const std::string& name) {
  std::unique_ptr<Child>& child = shops_.at(name).child;
  child->terminate(kShopGrace);
  child.reset();
}

unsigned DemoEnvironment::running_release(const std::string& name) const {
  const auto shop = shops_.find(name);
  return shop != shops_.end() && shop->second.child ? shop->second.release : 0;
}

void DemoEnvironment::start_proxy(DemoConfig& config) {
  for (const auto& [name, shop] : shops_) config.set_node_port(name, shop.port);
  config.set_directory(directory_);
  config.listen_on_free_ports();
  std::filesystem::create_directory(directory_ / "state");
  const std::filesystem::path file = directory_ / "bonedry.toml";
  config.write(file);
  proxy_ = std::make_unique<Child>(std::vector<std::string>{programs_.proxy, "--config", file},
                                   directory_ / "bonedry.log");
}

std::string DemoEnvironment::dashboard() const {
  const std::uint16_t port =
      parse_port(read_all(directory_ / "bonedry.log"), "dashboard and HTTP API on 127.0.0.1:");
  return port == 0 ? "" : "http://127.0.0.1:" + std::to_string(port) + "/";
}

bool DemoEnvironment::stop_proxy() {
  return !proxy_ || proxy_->terminate(kProxyGrace);
}

std::string DemoEnvironment::unexpected_exit() {
  const auto describe = [](const std::string& name, const Child& child) {
    return name + " exited unexpectedly: " + child.exit_description();
  };
  if (proxy_ && !proxy_->running()) return describe("bonedry", *proxy_);
  for (const auto& [name, shop] : shops_) {
    if (shop.child && !shop.child->running()) return describe("the shop " + name, *shop.child);
  }
  return "";
}

std::string DemoEnvironment::proxy_log_tail() const {
  std::ifstream log(directory_ / "bonedry.log");
  std::deque<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > kTailLines) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

}  // namespace bonedry::demo
