// What an exchange has to do with its user's session: whose request it is, what the answer changes.

#include "proxy/exchange.h"
#include "proxy/worker.h"
#include "session/cookie_header.h"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace bonedry::proxy {
namespace {

// A browser may send an old cookie of another path beside the right one; more is nobody's honest
// request.
constexpr std::size_t kCookiesLookedAt = 4;

}  // namespace

void Exchange::arrive() {
  session::Affinity& affinity = runtime_->affinity();
  if (!affinity.sticky()) return;
  std::array<std::string_view, kCookiesLookedAt> values;
  std::size_t count = 0;
  for (const http::Field& field : request_head_.fields) {
    if (field.id != http::FieldName::cookie) continue;
    std::string_view rest = request_head_.value(field);
    while (count < values.size()) {
      const auto found = session::find_cookie(rest, affinity.cookie_name());
      if (!found) break;
      values[count++] = found->value;
      rest = found->after;
    }
  }
  visit_ = affinity.arrive({values.data(), count}, worker_.exact_now());
}

/// A new user counts from here on, and one who leaves counts no more: before the client hears a
/// word, and before the exchange leaves the node's count.
std::string Exchange::update_session() {
  std::string cookie = runtime_->affinity().answered(visit_, node_index_, heard_of_user());
  release_place();
  return cookie;
}

session::Answer Exchange::heard_of_user() const {
  session::Answer answer;
  const session::Affinity& affinity = runtime_->affinity();
  if (!affinity.sticky()) return answer;
  const std::string_view method = request_head_.text(request_head_.method);
  if (affinity.logs_out(method, facts_.path, response_head_.status)) {
    answer.user = session::Presence::left;
  }
  const std::string& logout = affinity.logout_header();
  for (const http::Field& field : response_head_.fields) {
    if (field.id == http::FieldName::set_cookie) {
      affinity.note_set_cookie(response_head_.value(field), answer);
    } else if (!logout.empty() && http::equal_ignoring_case(response_head_.name(field), logout)) {
      answer.user = session::Presence::left;
    }
  }
  return answer;
}

}  // namespace bonedry::proxy
