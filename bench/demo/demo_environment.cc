#include "bench/demo/demo_environment.h"

#include "bench/demo/log_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace bonedry::demo {
namespace {

constexpr Millis kShopGrace{1000};

std::filesystem::path make_private_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "bonedry-demo-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error(name + ": " + std::strerror(errno));
  }
  return name;
}

}  // namespace

DemoEnvironment::DemoEnvironment(ProgramPaths programs)
    : programs_(std::move(programs)), directory_(make_private_directory()) {}

DemoEnvironment::~DemoEnvironment() {
  proxies_.clear();
  store_.reset();
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
  const std::uint16_t port = logged_port(shop_log(name), "listening on 127.0.0.1:");
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

StoreProcess& DemoEnvironment::start_store() {
  store_ = std::make_unique<StoreProcess>(directory_);
  return *store_;
}

ProxyProcess& DemoEnvironment::add_proxy(const std::string& name, DemoConfig config,
                                         const std::filesystem::path& directory) {
  for (const auto& [shop_name, shop] : shops_) config.set_node_port(shop_name, shop.port);
  std::filesystem::create_directories(directory_ / directory);
  proxies_.push_back(std::make_unique<ProxyProcess>(name, programs_.proxy, std::move(config),
                                                    directory_ / directory));
  return *proxies_.back();
}

std::string DemoEnvironment::unexpected_exit() {
  const auto describe = [](const std::string& name, const Child& child) {
    return name + " exited unexpectedly: " + child.exit_description();
  };
  for (const auto& proxy : proxies_) {
    if (const std::string exit = proxy->unexpected_exit(); !exit.empty()) return exit;
  }
  if (store_ && !store_->child().running()) return describe("the store", store_->child());
  for (const auto& [name, shop] : shops_) {
    if (shop.child && !shop.child->running()) return describe("the shop " + name, *shop.child);
  }
  return "";
}

std::string DemoEnvironment::proxy_log_tails() const {
  std::string text;
  for (const auto& proxy : proxies_) {
    const std::string tail = proxy->log_tail();
    if (!tail.empty()) text += "; last log lines of " + proxy->name() + ":\n" + tail;
  }
  return text;
}

}  // namespace bonedry::demo
