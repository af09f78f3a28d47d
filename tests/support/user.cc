#include "tests/support/user.h"

#include "tests/support/http2_client.h"
#include "tests/support/story_tls.h"

#include <utility>

namespace bonedry::test {

User::User(const std::string& address, Protocol protocol)
    : User(address, protocol, story_client_tls()) {}

User::User(const std::string& address, const std::optional<TlsClient>& tls)
    : User(address, Protocol::http1, tls) {}

User::User(const std::string& address, Protocol protocol, const std::optional<TlsClient>& tls)
    : address_(address) {
  if (protocol == Protocol::http1) {
    connect_ = [tls](const std::string& to) { return std::make_shared<HttpClient>(to, tls); };
  } else {
    connect_ = [tls](const std::string& to) { return std::make_shared<Http2Client>(to, tls); };
  }
}

User::User(std::shared_ptr<ClientConnection> shared)
    : connect_([shared = std::move(shared)](const std::string&) { return shared; }) {}

Response User::click(const std::string& target, const Headers& headers) {
  return send({.method = "GET", .target = target, .headers = headers});
}

Response User::send(Request request, Millis deadline) {
  if (connection_ && !connection_->usable()) connection_.reset();
  if (!connection_) connection_ = connect_(address_);
  if (std::string cookies = cookies_.header(); !cookies.empty()) {
    request.headers.add("Cookie", std::move(cookies));
  }
  node_.clear();
  try {
    Response response = connection_->exchange(request, deadline);
    for (const std::string& line : response.headers.all("Set-Cookie")) cookies_.take(line);
    node_ = response.headers.get("X-Node");
    if (!connection_->usable()) connection_.reset();
    return response;
  } catch (...) {
    connection_.reset();  // its next bytes could belong to the failed request
    throw;
  }
}

void User::go_to(const std::string& address) {
  address_ = address;
  connection_.reset();
}

}  // namespace bonedry::test
