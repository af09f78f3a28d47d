#include "proxy/redis/settings.h"

#include "proxy/base/ascii.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace bonedry::redis {
namespace {

constexpr std::string_view kDefaultPort = ":6379";
constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view kForms =
    R"(the forms are "redis://10.0.0.5:6379/0", "rediss://10.0.0.5:6379/0" with TLS, and )"
    R"("unix:///run/redis.sock?db=0")";

/// Removes a prefix if it is there.
bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// What follows `mark`, which is cut off with it; nullopt if there is none.
std::optional<std::string_view> cut_after(std::string_view& text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + mark.size());
  text = text.substr(0, at);
  return rest;
}

/// Nothing at all is database 0.
Result<unsigned> parse_database(std::optional<std::string_view> text) {
  if (!text || text->empty()) return 0U;
  unsigned number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc{} && stop == end) return number;
  return Failure{"\"" + std::string(*text) + "\" is not the number of a database"};
}

/// Names that sentinels accept.
bool is_set_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return ascii::is_alphanumeric(c) || std::string_view{"._-"}.find(c) != std::string_view::npos;
  });
}

Failure<std::string> not_an_address(std::string_view text) {
  return Failure{"\"" + std::string(text) +
                 "\" is not a numeric IP address and a port from 1 to 65535; host names are not "
                 "resolved"};
}

Result<conf::Address> parse_server(std::string_view text) {
  const bool has_port = text.rfind(':') != std::string_view::npos && !text.ends_with(']');
  const auto address =
      conf::parse_address(std::string(text) + std::string(has_port ? "" : kDefaultPort));
  if (!address || address->port == 0) return not_an_address(text);
  return *address;
}

Result<WatchedSet> parse_set(std::string_view name, const std::vector<conf::Address>& sentinels) {
  if (!is_set_name(name)) {
    return Failure{"\"" + std::string(name) +
                   "\" is no name of a primary's set (letters, digits, '.', '_', '-'), which "
                   "takes the place of host and port if there are sentinels"};
  }
  return WatchedSet{std::string(name), sentinels};
}

Result<Settings> parse_network(std::string_view rest, const std::vector<conf::Address>& sentinels) {
  Settings settings;
  const Result<unsigned> database = parse_database(cut_after(rest, "/"));
  if (!database) return Failure{database.error()};
  settings.database = *database;
  if (sentinels.empty()) {
    const Result<conf::Address> address = parse_server(rest);
    if (!address) return Failure{address.error()};
    settings.store = *address;
  } else {
    const Result<WatchedSet> set = parse_set(rest, sentinels);
    if (!set) return Failure{set.error()};
    settings.store = *set;
  }
  return settings;
}

Result<Settings> parse_path(std::string_view rest, const std::vector<conf::Address>& sentinels) {
  if (!sentinels.empty()) return Failure{std::string("sentinels do not watch a Unix socket")};
  Settings settings;
  const Result<unsigned> database = parse_database(cut_after(rest, "?db="));
  if (!database) return Failure{database.error()};
  settings.database = *database;
  if (!rest.starts_with('/'))
    return Failure{std::string("the path of the socket must be absolute")};
  if (rest.size() > kMaxPath) return Failure{std::string("the path of the socket is too long")};
  settings.store = UnixPath{std::string(rest)};
  return settings;
}

}  // namespace

std::string to_string(const ServerAddress& address) {
  if (const auto* const unix = std::get_if<UnixPath>(&address)) return unix->path;
  return conf::to_string(std::get<conf::Address>(address));
}

Result<Settings> parse_store_url(const std::string& url,
                                 const std::vector<conf::Address>& sentinels) {
  std::string_view rest = url;
  if (skip(rest, "unix://")) return parse_path(rest, sentinels);
  const bool encrypted = skip(rest, "rediss://");
  if (!encrypted && !skip(rest, "redis://")) return Failure{std::string(kForms)};
  if (rest.find('@') != std::string_view::npos) {
    return Failure{std::string("user and password are not part of the URL")};
  }
  Result<Settings> settings = parse_network(rest, sentinels);
  if (settings && encrypted) settings->tls.emplace();
  return settings;
}

}  // namespace bonedry::redis
