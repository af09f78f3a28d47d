#include "proxy/redis/reply_problem.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace bonedry::redis {
namespace {

/// Whether the text of the server is shown after ours: it names the command, the key or the limit.
enum class Quote : std::uint8_t { no, yes };

struct Problem {
  std::string_view begins;  ///< the error does
  std::string_view text;
  Quote quote = Quote::no;
};

// Error codes of Redis 7 and Valkey 8. All others, such as WRONGTYPE or NOSCRIPT, say something of
// one command.
constexpr std::array kProblems{
    Problem{"NOAUTH", "it asks for a password, and none is configured"},
    Problem{"WRONGPASS", "wrong username or password"},
    Problem{"NOPERM", "the user may not do what is needed", Quote::yes},
    Problem{"DENIED", "it is in protected mode, and answers only clients on its own machine"},
    Problem{"LOADING", "it is loading its data"},
    Problem{"READONLY", "it has become a replica, which cannot be written to"},
    Problem{"MASTERDOWN", "it is a replica that has lost its primary"},
    Problem{"MISCONF", "it takes no writes, since it cannot save its data to disk"},
    Problem{"OOM", "it is full: its maxmemory is used up"},
    Problem{"NOREPLICAS", "it takes no writes, since it has too few good replicas"},
    Problem{"BUSY ", "a script of somebody keeps it busy"},
    Problem{"UNKILLABLE", "a script of somebody keeps it busy"},
    Problem{"MOVED", "it is part of a Redis Cluster, which is not supported"},
    Problem{"ASK ", "it is part of a Redis Cluster, which is not supported"},
    Problem{"CROSSSLOT", "it is part of a Redis Cluster, which is not supported"},
    Problem{"CLUSTERDOWN", "it is part of a Redis Cluster, which is not supported"},
    Problem{"ERR max number of clients", "it has as many clients as its maxclients allows"},
    Problem{"ERR Protocol error", "it does not understand the protocol", Quote::yes}};

}  // namespace

std::optional<std::string> store_problem(std::string_view error) {
  const auto* const found = std::ranges::find_if(
      kProblems, [error](const Problem& each) { return error.starts_with(each.begins); });
  if (found == kProblems.end()) return std::nullopt;
  const std::string text{found->text};
  return found->quote == Quote::yes ? text + ": " + quoted(error) : text;
}

std::string foreign_program(std::string_view first_bytes) {
  // The first bytes of an alert record (RFC 8446, 5.1).
  if (first_bytes.starts_with("\x15\x03"))
    return "it speaks TLS; the URL must begin with rediss://";
  if (first_bytes.starts_with("HTTP/")) return "an HTTP server is there, no Redis or Valkey";
  return "another program is there, no Redis or Valkey: it answers " + quoted(first_bytes);
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 120;
  std::string shown{text.substr(0, kMost)};
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~' || c == '"'; }, '?');
  return '"' + shown + (text.size() > kMost ? "…" : "") + '"';
}

}  // namespace bonedry::redis
