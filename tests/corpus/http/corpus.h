#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The corpus of HTTP/1 messages; README.md in its directory describes the files.
namespace bonedry::corpus {

enum class Verdict {
  refused,    ///< a request: gets `status`, its connection is closed, no node sees any of it
  cut,        ///< a request: its head is valid, its body is not; never complete at the node
  forwarded,  ///< a request: `count` of them reach the node
  bad,        ///< a response: the client gets a 502
  aborted,    ///< a response: its head is valid, its body is not; never complete at the client
  passed,     ///< a response: the client gets it, with `status` when that is not 0
};

/// Whether the peer closes its side after the bytes.
enum class End { open, close };

struct Case {
  std::string name;
  std::string where;  ///< file and line, for failures
  std::string rfc;
  Verdict verdict = Verdict::refused;
  int status = 0;         ///< 0: any
  std::size_t count = 1;  ///< number of requests that are forwarded
  End end = End::open;
  std::string asked = "GET /case HTTP/1.1";  ///< for a response: the request
  std::optional<std::string> then;           ///< "open", "closed" or "dropped"
  std::vector<std::string> sees;             ///< what the other side must find in the message
  std::vector<std::string> hides;            ///< what the other side must not find
  std::string bytes;

  [[nodiscard]] std::string method() const { return asked.substr(0, asked.find(' ')); }
};

/// Throws std::runtime_error with file and line when a file is malformed.
[[nodiscard]] std::vector<Case> read_cases(const std::string& path);
/// Replaces the escapes of a file by their bytes.
[[nodiscard]] std::string unescaped(std::string_view text);

/// The files of kind "requests" or "responses", sorted.
[[nodiscard]] std::vector<std::string> files_of(const std::string& kind);
/// Turns "requests/host.txt" into a test's name: "host".
[[nodiscard]] std::string test_name(const std::string& path);

/// Makes bytes printable for a failure message, and shortens them.
[[nodiscard]] std::string shown(std::string_view bytes);

}  // namespace bonedry::corpus
