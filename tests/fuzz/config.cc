// A config file.
#include "admin/printable.h"
#include "conf/loader.h"
#include "tests/fuzz/target.h"

#include <algorithm>
#include <set>

namespace bonedry::fuzz {
namespace {

constexpr std::string_view kFile = "fuzz.toml";

/// Checks "FILE:LINE:COLUMN: text"; returns the line's number.
std::size_t check_message(std::string_view message) {
  require(message.starts_with(std::string(kFile) + ":"), "a message begins with its file");
  require(!admin::has_control(message), "a message is one line");
  message.remove_prefix(kFile.size() + 1);
  std::size_t number = 0;
  while (!message.empty() && message.front() >= '0' && message.front() <= '9') {
    number = number * 10 + static_cast<std::size_t>(message.front() - '0');
    message.remove_prefix(1);
  }
  require(number > 0 && message.starts_with(':'), "a message has a line and a column");
  return number;
}

void check_error(std::string_view error) {
  std::size_t last = 0;
  while (true) {
    const std::size_t end = error.find('\n');
    const std::size_t number = check_message(error.substr(0, end));
    require(number >= last, "errors come in the order of the file");
    last = number;
    if (end == std::string_view::npos) return;
    error.remove_prefix(end + 1);
  }
}

void check_pool(const conf::Pool& pool) {
  require(!pool.name.empty() && !pool.nodes.empty(), "a pool has a name and nodes");
  std::set<std::string> names;
  for (const conf::Node& node : pool.nodes) {
    require(names.insert(node.name).second, "the nodes of a pool have names of their own");
    require(conf::parse_address(to_string(node.address)) == node.address,
            "an address can be written and read");
    require(!admin::has_control(node.name), "a name is one line");
    require(node.weight <= 1000, "a weight is within its limits");
  }
  require(!admin::has_control(pool.session.cookie), "a cookie's name is one line");
  require(!admin::has_control(pool.session.attributes.path), "its path is");
  require(!admin::has_control(pool.session.attributes.domain), "its domain is");
  for (const conf::Exemption& one : pool.session.exempt) {
    const bool limited = !one.method.empty() || one.path || one.user_agent || one.client;
    require(limited, "an exemption does not hold for all requests");
  }
  require(!admin::has_control(pool.health.path), "and so is what health checks ask for");
}

void check_admin(const conf::Config& config) {
  std::set<std::string> names;
  for (const conf::AdminToken& token : config.admin.tokens) {
    require(names.insert(token.name).second, "tokens have names of their own");
    require(!token.scopes.empty(), "a token may do something");
    const bool read = !(token.digest == conf::TokenDigest{});
    require(read == token.file.empty(), "a token is in the config or in a file");
  }
  for (const std::vector<std::string>& words : config.hooks.commands) {
    require(words.empty() || words.front().starts_with('/'), "a program is named by its path");
  }
}

void check_config(const conf::Config& config) {
  check_admin(config);
  require(!config.listeners.empty(), "there is a listener");
  std::set<std::string> names;
  for (const conf::Pool& pool : config.pools) {
    require(names.insert(pool.name).second, "pools have names of their own");
    check_pool(pool);
  }
  for (const conf::Listener& listener : config.listeners) {
    require(names.contains(listener.pool), "a listener's pool is there");
    require(conf::parse_address(to_string(listener.address)) == listener.address,
            "an address can be written and read");
  }
}

}  // namespace

int fuzz_one(Input input) {
  const std::string text(text_of(input));
  const auto loaded = conf::load_text(text, kFile);
  const auto with_comment = conf::load_text(text + "\n# the end\n", kFile);
  if (!loaded) {
    check_error(loaded.error());
    return 0;
  }
  for (const std::string& warning : loaded->warnings) check_message(warning);
  check_config(loaded->config);
  require(with_comment && with_comment->config == loaded->config, "a comment changes nothing");
  return 0;
}

}  // namespace bonedry::fuzz
