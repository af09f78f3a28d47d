#include "bench/demo/demo_config.h"

#include "proxy/base/duration.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace bonedry::demo {
namespace {

constexpr const char* kIdleTimeout = "pool[0].session.idle_timeout";

toml::table parse(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw std::runtime_error(file.string() + ": no such file");
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << file.string() << ":" << error.source().begin.line << ": " << error.description();
    throw std::runtime_error(text.str());
  }
}

std::string loopback(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

}  // namespace

template <class T>
T DemoConfig::value_at(const char* path) const {
  const std::optional<T> value = table_.at_path(path).value<T>();
  if (!value) throw std::runtime_error(file_name_ + ": the demo needs " + path);
  return *value;
}

DemoConfig::DemoConfig(const std::filesystem::path& file)
    : file_name_(file.string()), table_(parse(file)) {
  pool_ = value_at<std::string>("pool[0].name");
  cookie_ = value_at<std::string>("pool[0].session.cookie");
  const auto timeout = parse_duration(value_at<std::string>(kIdleTimeout));
  if (!timeout) throw std::runtime_error(file_name_ + ": " + kIdleTimeout + " is not a duration");
  idle_timeout_ = *timeout;
  if (const toml::array* nodes = table_.at_path("pool[0].node").as_array()) {
    for (const toml::node& node : *nodes) {
      const auto node_name =
          node.as_table() ? node.as_table()->at_path("name").value<std::string>() : std::nullopt;
      if (node_name) nodes_.push_back(*node_name);
    }
  }
  if (nodes_.size() < 2) throw std::runtime_error(file_name_ + ": the demo needs two nodes");
}

void DemoConfig::replace(const char* path, const std::string& text) {
  static_cast<void>(value_at<std::string>(path));  // throws unless there is a value to replace
  *table_.at_path(path).as_string() = text;
}

void DemoConfig::set_idle_timeout(Millis timeout) {
  idle_timeout_ = timeout;
  replace(kIdleTimeout, format_duration(timeout));
}

void DemoConfig::set_directory(const std::filesystem::path& directory) {
  replace("server.state_dir", (directory / "state").string());
  replace("admin.socket", (directory / "admin.sock").string());
}

void DemoConfig::listen_on(Ports ports) {
  replace("listener[0].address", loopback(ports.users));
  replace("admin.http", loopback(ports.dashboard));
}

void DemoConfig::join_cluster(const Membership& membership) {
  table_.at_path("server").as_table()->insert_or_assign("secrets", toml::array{membership.secret});
  table_.insert_or_assign("cluster",
                          toml::table{{"name", membership.name},
                                      {"members", static_cast<std::int64_t>(membership.members)},
                                      {"store", membership.store}});
}

void DemoConfig::set_node_port(const std::string& node, std::uint16_t port) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i] != node) continue;
    replace(("pool[0].node[" + std::to_string(i) + "].address").c_str(), loopback(port));
  }
}

std::string DemoConfig::admin_socket() const {
  return value_at<std::string>("admin.socket");
}

void DemoConfig::write(const std::filesystem::path& file) const {
  std::ofstream out(file);
  out << table_ << '\n';
  if (!out.flush()) throw std::runtime_error(file.string() + ": cannot write the file");
}

}  // namespace bonedry::demo
