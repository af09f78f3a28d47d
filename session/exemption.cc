#include "session/exemption.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <cstddef>

namespace bonedry::session {
namespace {

using conf::TextPattern;

// Clients choose the length, and a pattern may be searched for anywhere in the text. Those of
// browsers have about 200 bytes. A longer one matches no pattern.
constexpr std::size_t kMaxUserAgent = 1024;

/// `equal` compares two characters.
template <class Equal>
bool matches(const TextPattern& pattern, std::string_view text, const Equal& equal) {
  const std::string_view wanted = pattern.text;
  if (wanted.size() > text.size()) return false;
  switch (pattern.match) {
    case TextPattern::Match::whole:
      return std::ranges::equal(wanted, text, equal);
    case TextPattern::Match::prefix:
      return std::ranges::equal(wanted, text.substr(0, wanted.size()), equal);
    case TextPattern::Match::suffix:
      return std::ranges::equal(wanted, text.substr(text.size() - wanted.size()), equal);
    case TextPattern::Match::part:
      break;
  }
  // std::ranges::search of libstdc++ 12 is too much for clang 14.
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), equal) != text.end();
}

bool path_matches(const TextPattern& pattern, std::string_view target) {
  return matches(pattern, target.substr(0, target.find('?')), std::ranges::equal_to{});
}

bool user_agent_matches(const TextPattern& pattern, std::string_view user_agent) {
  if (user_agent.size() > kMaxUserAgent) return false;
  return matches(pattern, user_agent,
                 [](char a, char b) { return ascii::to_lower(a) == ascii::to_lower(b); });
}

bool matches(const conf::Exemption& exemption, const RequestTraits& request) {
  if (!exemption.method.empty() && exemption.method != request.method) return false;
  if (exemption.path && !path_matches(*exemption.path, request.target)) return false;
  if (exemption.user_agent && !user_agent_matches(*exemption.user_agent, request.user_agent)) {
    return false;
  }
  if (!exemption.client) return true;
  return request.client && exemption.client->contains(*request.client);
}

}  // namespace

bool matches_any(std::span<const conf::Exemption> exemptions, const RequestTraits& request) {
  return std::ranges::any_of(exemptions, [&request](const conf::Exemption& exemption) {
    return matches(exemption, request);
  });
}

}  // namespace bonedry::session
