#pragma once

#include <llhttp.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::demo {

/// The parts of a request or a response that shops and shoppers use.
struct HttpMessage {
  std::string target;                                        ///< of a request
  int status = 0;                                            ///< of a response
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  bool keep_alive = false;

  /// All values of the header, in order; `name` in lower case.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
};

/// Splits the bytes of one connection into messages.
class HttpParser {
 public:
  /// `on_message` is called from inside `feed` and `end`; it must not destroy the parser.
  HttpParser(llhttp_type_t type, std::function<void(HttpMessage&&)> on_message);
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  /// False when the bytes are not HTTP: the connection cannot be used any more.
  [[nodiscard]] bool feed(std::string_view bytes);
  /// The peer closed: this completes a response without a length.
  void end();

 private:
  static const llhttp_settings_t& settings();
  static HttpParser& self(llhttp_t* parser) { return *static_cast<HttpParser*>(parser->data); }
  void finish_header();
  void finish_message();

  llhttp_t parser_{};
  std::function<void(HttpMessage&&)> on_message_;
  HttpMessage message_;
  std::string name_;  // the header being read, which may arrive in pieces
  std::string value_;
};

}  // namespace bonedry::demo
