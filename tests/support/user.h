#pragma once

#include "bench/demo/cookie_jar.h"
#include "tests/support/http_client.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::test {

/// One browser: a connection, reopened when it was closed, and a cookie jar.
class User {
 public:
  enum class Protocol : std::uint8_t { http1, http2 };

  /// TLS: see story_tls.h.
  explicit User(const std::string& address, Protocol protocol = Protocol::http1);
  /// With HTTP/1.1, over TLS if `tls` has a value. Cookies are kept as without it: the jar ignores
  /// Secure.
  User(const std::string& address, const std::optional<TlsClient>& tls);
  User(const std::string& address, Protocol protocol, const std::optional<TlsClient>& tls);
  /// One of several users on one connection, as behind a gateway. It is never reopened.
  explicit User(std::shared_ptr<ClientConnection> shared);

  /// Requests a page as a browser would, and stores the cookies of the response.
  Response click(const std::string& target = "/", const Headers& headers = {});
  Response send(Request request, Millis deadline = kDeadline);

  /// Continues as the same browser after the shop's address has changed.
  void go_to(const std::string& address);
  /// Closes the connection, as browsers do now and then; the cookies stay.
  void disconnect() { connection_.reset(); }

  /// The cookie's value; "" when there is no such cookie.
  [[nodiscard]] std::string cookie(const std::string& name = "bonedry") const {
    return cookies_.value(name);
  }
  [[nodiscard]] bool has_cookie(const std::string& name = "bonedry") const {
    return cookies_.has(name);
  }
  void set_cookie(const std::string& name, const std::string& value) { cookies_.set(name, value); }
  void forget_cookies() { cookies_.clear(); }

  /// The node that served the last click, from its X-Node; "" when the proxy responded itself.
  [[nodiscard]] const std::string& node() const { return node_; }

 private:
  using Connect = std::function<std::shared_ptr<ClientConnection>(const std::string& address)>;

  std::string address_;
  Connect connect_;
  std::shared_ptr<ClientConnection> connection_;
  demo::CookieJar cookies_;
  std::string node_;
};

}  // namespace bonedry::test
