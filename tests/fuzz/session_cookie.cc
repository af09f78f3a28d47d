// The value of a Cookie field: our cookies in it are opened, and removed before it is forwarded.
#include "proxy/http/rules.h"
#include "session/sealed_cookie.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

#include <algorithm>

namespace bonedry::fuzz {
namespace {

using session::CookieSealer;

// With more cookies of our name than this, other cookies may be dropped too.
constexpr std::size_t kOursAtMost = 7;

// The corpus has cookies sealed with each.
const std::string kNew = "fuzz secret, the first of the two";
const std::string kOld = "fuzz secret, the second of the two";

struct Sealers {
  CookieSealer both{std::vector{kNew, kOld}, "shop"};
  CookieSealer old{std::vector{kOld}, "shop"};
  CookieSealer other_pool{std::vector{kNew, kOld}, "other"};
};

/// Only an exact sealed value can be opened.
void check_value(std::string_view value) {
  static Sealers sealers;  // only the keys: no state is kept from an input
  const auto peeked = session::peek(value);
  require(!peeked || value.size() == session::kCookieLength, "a cookie has its length");
  const auto content = sealers.both.open(value);
  if (!content) return;
  require(peeked.has_value() && peeked->key == content->key, "what opens can be peeked into");
  require(!sealers.other_pool.open(value), "a cookie is good for its pool alone");
  const auto is_value = [value](const CookieSealer::Value& sealed) {
    return std::string_view(sealed.data(), sealed.size()) == value;
  };
  require(is_value(sealers.both.seal(*content)) || is_value(sealers.old.seal(*content)),
          "only what was sealed opens");
}

struct Pairs {
  std::vector<std::string_view> ours;
  std::vector<std::string_view> others;
};

bool is_ours(std::string_view pair) {
  const std::size_t sign = pair.find('=');
  return sign != std::string_view::npos && ascii::trimmed(pair.substr(0, sign)) == kCookieName;
}

std::string_view value_of(std::string_view pair) {
  return ascii::trimmed(pair.substr(pair.find('=') + 1));
}

/// Parsed by RFC 6265, section 4.2.1; spaces and empty pairs are tolerated.
Pairs pairs_of(std::string_view field) {
  Pairs pairs;
  while (true) {
    const std::size_t end = field.find(';');
    const std::string_view pair = ascii::trimmed(field.substr(0, end));
    if (!pair.empty()) (is_ours(pair) ? pairs.ours : pairs.others).push_back(pair);
    if (end == std::string_view::npos) return pairs;
    field.remove_prefix(end + 1);
  }
}

std::string joined(const std::vector<std::string_view>& pairs) {
  std::string text;
  for (const std::string_view pair : pairs) text += std::string(pair) + "\n";
  return text;
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

void check_find(std::string_view field) {
  const Pairs pairs = pairs_of(field);
  const auto found = session::find_cookie(field, kCookieName);
  require(found.has_value() == !pairs.ours.empty(), "our cookie is found where there is one");
  if (!found) return;
  require_equal(found->value, unquoted(value_of(pairs.ours.front())),
                "the first of our cookies is found");
  const std::string rest = std::string(found->before) + std::string(found->after);
  const Pairs left = pairs_of(rest);
  require_equal(joined(left.others), joined(pairs.others), "other cookies are left alone");
  require(left.ours.size() + 1 == pairs.ours.size(), "one of ours is taken out");
}

void check_filter(std::string_view field) {
  const std::string text =
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + std::string(field) + "\r\n\r\n";
  const ReadHead read(http::Parser::Kind::request, {}, {"", text});
  // Some bytes cannot be in a head, or would end the field.
  if (read.status != http::ParseStatus::complete || read.head.fields.size() != 2) return;
  const auto facts = validate_request(read.head);
  require(facts.has_value(), "a cookie is no reason to refuse a request");
  SliceQueue queue;
  BlockPool blocks;
  const OwnCookie cookies;
  forward_request(read.head, *facts, &cookies, {queue, blocks});
  const std::string forwarded = drain(queue);
  const StrictHead strict(forwarded);

  const Pairs came = pairs_of(read.head.value(read.head.fields[1]));
  const bool any = strict.count("cookie") == 1;
  require(any || came.others.empty() || came.ours.size() > kOursAtMost, "cookies of others go on");
  const Pairs went = any ? pairs_of(strict.value("cookie")) : Pairs{};
  require(went.ours.empty(), "no cookie of ours goes on");
  if (came.ours.size() <= kOursAtMost) {
    require_equal(joined(went.others), joined(came.others), "cookies of others go on as they are");
  } else {
    require(joined(came.others).starts_with(joined(went.others)), "and nothing is made up");
  }
}

}  // namespace

int fuzz_one(Input input) {
  const std::string_view field = text_of(input);
  check_value(field);
  for (const std::string_view pair : pairs_of(field).ours) {
    check_value(unquoted(value_of(pair)));
  }
  check_find(field);
  check_filter(field);
  return 0;
}

}  // namespace bonedry::fuzz
