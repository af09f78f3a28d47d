#include "admin/cluster/pool_fingerprints.h"

#include "session/hmac.h"
#include "session/secrets.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string_view>

namespace bonedry::admin::cluster {
namespace {

std::string word(const char* name, const std::string& text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const session::Digest digest = session::hmac_sha256("bonedry pool fingerprint", text);
  std::string hash;
  for (std::size_t i = 0; i < 8; ++i) {
    hash += kDigits[digest[i] >> 4U];
    hash += kDigits[digest[i] & 0xFU];
  }
  return std::string(name) + ":" + hash;
}

std::string nodes_text(const conf::Pool& pool) {
  std::vector<std::string> names;
  for (const conf::Node& node : pool.nodes) names.push_back(node.name);
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += name + " ";
  return text;
}

std::string times_text(const conf::Session& session) {
  std::string text;
  for (const Millis time : {session.idle_timeout, session.pending_timeout, session.max_lifetime,
                            session.renewal_grace}) {
    text += std::to_string(time.count()) + " ";
  }
  return text;
}

std::string secrets_text(const std::vector<std::string>& secrets) {
  std::vector<std::uint64_t> ids;
  for (const std::string& secret : secrets) ids.push_back(session::secret_id(secret));
  std::ranges::sort(ids);
  std::string text;
  for (const std::uint64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string one; stream >> one;) words.push_back(one);
  return words;
}

std::string name_of(const std::string& fingerprint) {
  std::string name = fingerprint.substr(0, fingerprint.find(':'));
  std::ranges::replace(name, '-', ' ');
  return name;
}

}  // namespace

std::map<std::string, std::string> pool_fingerprints(const conf::Config& config,
                                                     const std::vector<std::string>& secrets) {
  std::map<std::string, std::string> all;
  for (const conf::Pool& pool : config.pools) {
    const std::string cookie =
        std::to_string(static_cast<int>(pool.session.sticky)) + " " + pool.session.cookie;
    all[pool.name] = word("nodes", nodes_text(pool)) + " " + word("cookie", cookie) + " " +
                     word("session-times", times_text(pool.session)) + " " +
                     word("secrets", secrets_text(secrets));
  }
  return all;
}

std::string differing(const std::string& one, const std::string& other) {
  const std::vector<std::string> mine = words_of(one);
  const std::vector<std::string> theirs = words_of(other);
  std::vector<std::string> names;
  const auto add_missing = [&names](const auto& from, const auto& in) {
    for (const std::string& each : from) {
      const bool known = std::ranges::find(in, each) != in.end();
      const std::string name = name_of(each);
      if (!known && std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  };
  add_missing(mine, theirs);
  add_missing(theirs, mine);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace bonedry::admin::cluster
