#pragma once

#include "conf/config.h"
#include "conf/toml_tree.h"
#include "proxy/base/result.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Checks and converts the values of keys: functions from TOML values to the types of config.h. An
/// error says what was wrong and what was expected; the TableReader adds the place.
namespace bonedry::conf {

/// So many cannot be guessed where they are random; a token must also fit on a command line of the
/// admin socket.
constexpr std::size_t kMinTokenBytes = 16;
constexpr std::size_t kMaxTokenBytes = 256;

/// Names of pools and nodes: 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_name(std::string_view text);

[[nodiscard]] Result<bool> boolean(const Value& value);
[[nodiscard]] Result<Millis> duration(const Value& value);
[[nodiscard]] Result<Millis> positive_duration(const Value& value);
/// A duration longer than 0, or "never", which is 0.
[[nodiscard]] Result<Millis> duration_or_never(const Value& value);

/// A whole number within the bounds, both included.
[[nodiscard]] Result<std::int64_t> integer_between(const Value& value, std::int64_t min,
                                                   std::int64_t max);

/// As integer_between, for fields of type T.
template <class T>
[[nodiscard]] auto integer(std::int64_t min, std::int64_t max) {
  return [min, max](const Value& value) -> Result<T> {
    const Result<std::int64_t> number = integer_between(value, min, max);
    if (!number) return Failure{number.error()};
    return static_cast<T>(*number);
  };
}

[[nodiscard]] Result<std::string> name(const Value& value);
/// Any non-empty text: a name that must match another one, which is_name has already checked.
[[nodiscard]] Result<std::string> reference(const Value& value);

[[nodiscard]] Result<Address> listen_address(const Value& value);  ///< port 0: any free port
[[nodiscard]] Result<Address> node_address(const Value& value);

[[nodiscard]] Result<Network> network(const Value& value);

[[nodiscard]] Result<std::string> file_path(const Value& value);
[[nodiscard]] Result<std::string> file_path_or_nothing(const Value& value);
/// Short enough for sockaddr_un.
[[nodiscard]] Result<std::string> socket_path(const Value& value);
/// An address as `listen_address` reads it, or the absolute path of a Unix socket.
[[nodiscard]] Result<AdminHttp> http_door_address(const Value& value);
/// At min 32 bytes. No error shows any of it.
[[nodiscard]] Result<std::string> secret(const Value& value);

/// What a token of the admin interface may have: see kMinTokenBytes. Empty: it is sound; else what
/// is wrong, which never shows any of it.
[[nodiscard]] std::string token_error(std::string_view token);
/// The URL of a Redis or Valkey server: visible ASCII. What connects to it reads the rest.
[[nodiscard]] Result<std::string> store_url(const Value& value);
/// Visible ASCII, or the empty string.
[[nodiscard]] Result<std::string> user_name_or_nothing(const Value& value);
/// A token of the admin interface, which only its digest is kept of.
[[nodiscard]] Result<TokenDigest> admin_token(const Value& value);
/// "read", "bleed:POOL/NODE" or "operate".
[[nodiscard]] Result<TokenScope> token_scope(const Value& value);
/// A word of a command that is run without a shell.
[[nodiscard]] Result<std::string> command_word(const Value& value);

/// A list of ciphers, suites or groups as OpenSSL reads it, or empty; OpenSSL checks it later.
[[nodiscard]] Result<std::string> cipher_list(const Value& value);
/// A host name without a wildcard, or a numeric IP address; or empty.
[[nodiscard]] Result<std::string> server_name(const Value& value);

/// A request target in origin form: begins with '/', visible ASCII.
[[nodiscard]] Result<std::string> url_path(const Value& value);
/// As url_path, but without a query.
[[nodiscard]] Result<std::string> path_without_query(const Value& value);
/// As path_without_query; with a `*` at its end, the beginning of a path. Not "/*", which is all.
[[nodiscard]] Result<TextPattern> path_pattern(const Value& value);
/// Printable ASCII; a `*` at either end stands for anything. Not "*", which is all.
[[nodiscard]] Result<TextPattern> user_agent_pattern(const Value& value);
/// As network, but not a network of all addresses.
[[nodiscard]] Result<Network> part_of_internet(const Value& value);
/// A token of RFC 9110: method names, and names of cookies by RFC 6265.
[[nodiscard]] Result<std::string> token(const Value& value);
/// As token, or the empty string.
[[nodiscard]] Result<std::string> token_or_nothing(const Value& value);
/// A protocol to switch to by Upgrade, such as "websocket"; never HTTP or TLS, with which a client
/// could send a node requests that the proxy does not see.
[[nodiscard]] Result<std::string> upgrade_protocol(const Value& value);
/// A service of gRPC, such as "shop.Orders"; empty: the whole server.
[[nodiscard]] Result<std::string> grpc_service(const Value& value);
/// Attributes of a cookie: nothing in them can end the attribute or the header field.
[[nodiscard]] Result<std::string> cookie_path(const Value& value);
[[nodiscard]] Result<std::string> cookie_domain(const Value& value);

/// The index in `words` of a string that must be one of them.
[[nodiscard]] Result<std::size_t> one_of(const Value& value,
                                         const std::vector<std::string_view>& words);

/// A string that is one of some words.
class Word {
 public:
  Word(std::initializer_list<std::string_view> words) : words_(words) {}

  Result<std::string> operator()(const Value& value) const {
    const Result<std::size_t> index = one_of(value, words_);
    if (!index) return Failure{index.error()};
    return std::string(words_[*index]);
  }

 private:
  std::vector<std::string_view> words_;
};

/// A string that stands for a value of an enum.
template <class T>
class Choice {
 public:
  Choice(std::initializer_list<std::pair<std::string_view, T>> options) {
    for (const auto& [word, meaning] : options) {
      words_.push_back(word);
      meanings_.push_back(meaning);
    }
  }

  Result<T> operator()(const Value& value) const {
    const Result<std::size_t> index = one_of(value, words_);
    if (!index) return Failure{index.error()};
    return meanings_[*index];
  }

 private:
  std::vector<std::string_view> words_;
  std::vector<T> meanings_;
};

}  // namespace bonedry::conf
