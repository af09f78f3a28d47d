#include "admin/cluster/statement.h"

#include "admin/cluster/wire.h"
#include "session/hmac.h"

#include <exception>

namespace bonedry::admin::cluster {
namespace {

constexpr std::string_view kFormat = "bonedry-member-1 ";
// The key is for this purpose alone: cookies and passes are sealed with others.
constexpr std::string_view kPurpose = "bonedry cluster statement";

std::string mac_of(std::string_view body, const std::string& secret) {
  const session::Digest key = session::hmac_sha256(secret, kPurpose);
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  std::string text;
  for (const unsigned char byte : session::hmac_sha256(bytes, body)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

/// In a time that does not depend on where they differ.
bool equal(std::string_view one, std::string_view other) {
  unsigned difference = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < one.size() && i < other.size(); ++i) {
    difference |= static_cast<unsigned char>(one[i] ^ other[i]);
  }
  return difference == 0;
}

}  // namespace

std::string seal(const Statement& statement, const std::vector<std::string>& secrets) {
  // A reason may contain any bytes.
  const std::string body =
      to_json(statement).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return std::string(kFormat) + mac_of(body, secrets.front()) + " " + body;
}

Result<Statement> unseal(std::string_view text, const std::vector<std::string>& secrets) {
  if (!text.starts_with(kFormat)) {
    return Failure{std::string("it is not the statement of a member, or of another version")};
  }
  text.remove_prefix(kFormat.size());
  const std::size_t end = text.find(' ');
  if (end == std::string_view::npos) return Failure{std::string("its statement is damaged")};
  const std::string_view mac = text.substr(0, end);
  const std::string_view body = text.substr(end + 1);
  bool known = false;
  for (const std::string& secret : secrets) known = known || equal(mac, mac_of(body, secret));
  if (!known) return Failure{std::string("it has another secret")};
  try {
    return statement_from_json(nlohmann::json::parse(body));
  } catch (const std::exception& error) {
    return Failure{std::string("its statement cannot be read: ") + error.what()};
  }
}

}  // namespace bonedry::admin::cluster
