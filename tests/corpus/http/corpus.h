#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The corpus of HTTP/1 messages, as README.md beside it describes its files.
namespace bonedry::corpus {

enum class Verdict {
  refused,    ///< a request: answered with `status`, closed, and the node sees nothing of it
  cut,        ///< a request: its head is fine, its body is not; never complete at the node
  forwarded,  ///< a request: `count` of them reach the node
  bad,        ///< a response: the client gets a 502
  aborted,    ///< a response: its head is fine, its body is not; never complete at the client
  passed,     ///< a response: the client gets it, with `status` when that is not 0
};

/// Whether a peer closes its side behind the bytes.
enum class End { open, close };

struct Case {
  std::string name;
  std::string where;  ///< file and line, for failures
  std::string rfc;
  Verdict verdict = Verdict::refused;
  int status = 0;         ///< 0: any
  std::size_t count = 1;  ///< of requests that are forwarded
  End end = End::open;
  std::string asked = "GET /case HTTP/1.1";  ///< a response: to what
  std::optional<std::string> then;           ///< "open", "closed" or "dropped"
  std::vector<std::string> sees;             ///< what the other side must find in the message
  std::vector<std::string> hides;            ///< and what it must not
  std::string bytes;

  [[nodiscard]] std::string method() const { return asked.substr(0, asked.find(' ')); }
};

/// Throws std::runtime_error with file and line when a file is not of the form.
[[nodiscard]] std::vector<Case> read_cases(const std::string& path);
/// What the escapes of a file stand for.
[[nodiscard]] std::string unescaped(std::string_view text);

/// The files of "requests" or "responses", sorted.
[[nodiscard]] std::vector<std::string> files_of(const std::string& kind);
/// "requests/host.txt" as the name of a test: "host".
[[nodiscard]] std::string test_name(const std::string& path);

/// Bytes for a failure: visible, and not too many.
[[nodiscard]] std::string shown(std::string_view bytes);

}  // namespace bonedry::corpus
