#include "proxy/http/head.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace bonedry::http {
namespace {

using Row = std::pair<std::string_view, FieldName>;

/// Sorted by length. docs/proxies.md lists the names of `client_info_field`, and kClaims as well.
constexpr auto kNames = std::to_array<Row>({
    {"te", FieldName::te},
    {"via", FieldName::via},
    {"date", FieldName::date},
    {"host", FieldName::host},
    {"https", FieldName::client_info_field},
    {"proxy", FieldName::proxy},
    {"x-ssl", FieldName::client_info_field},
    {"cookie", FieldName::cookie},
    {"expect", FieldName::expect},
    {"x-host", FieldName::client_info_field},
    {"trailer", FieldName::trailer},
    {"upgrade", FieldName::upgrade},
    {"x-https", FieldName::client_info_field},
    {"x-scheme", FieldName::client_info_field},
    {"client-ip", FieldName::client_info_field},
    {"forwarded", FieldName::forwarded},
    {"x-real-ip", FieldName::client_info_field},
    {"cf-visitor", FieldName::client_info_field},
    {"connection", FieldName::connection},
    {"keep-alive", FieldName::keep_alive},
    {"set-cookie", FieldName::set_cookie},
    {"client-cert", FieldName::client_info_field},
    {"remote-addr", FieldName::client_info_field},
    {"remote-name", FieldName::client_info_field},
    {"remote-user", FieldName::client_info_field},
    {"x-client-dn", FieldName::client_info_field},
    {"x-client-ip", FieldName::client_info_field},
    {"x-forwarded", FieldName::client_info_field},
    {"x-real-port", FieldName::client_info_field},
    {"x-remote-ip", FieldName::client_info_field},
    {"bonedry-pass", FieldName::bonedry_pass},
    {"max-forwards", FieldName::max_forwards},
    {"remote-email", FieldName::client_info_field},
    {"x-clientcert", FieldName::client_info_field},
    {"x-request-id", FieldName::x_request_id},
    {"x-url-scheme", FieldName::client_info_field},
    {"fly-client-ip", FieldName::client_info_field},
    {"forwarded-for", FieldName::client_info_field},
    {"remote-groups", FieldName::client_info_field},
    {"x-client-cert", FieldName::client_info_field},
    {"x-remote-addr", FieldName::client_info_field},
    {"x-remote-user", FieldName::client_info_field},
    {"x-rewrite-url", FieldName::client_info_field},
    {"x-script-name", FieldName::client_info_field},
    {"cf-pseudo-ipv4", FieldName::client_info_field},
    {"content-length", FieldName::content_length},
    {"http-client-ip", FieldName::client_info_field},
    {"true-client-ip", FieldName::client_info_field},
    {"x-override-url", FieldName::client_info_field},
    {"x-proxyuser-ip", FieldName::client_info_field},
    {"x-remote-group", FieldName::client_info_field},
    {"front-end-https", FieldName::client_info_field},
    {"incap-client-ip", FieldName::client_info_field},
    {"proxy-client-ip", FieldName::client_info_field},
    {"x-client-verify", FieldName::client_info_field},
    {"x-forwarded-for", FieldName::x_forwarded_for},
    {"cf-connecting-ip", FieldName::client_info_field},
    {"do-connecting-ip", FieldName::client_info_field},
    {"fastly-client-ip", FieldName::client_info_field},
    {"proxy-connection", FieldName::proxy_connection},
    {"x-forwarded-host", FieldName::x_forwarded_host},
    {"x-originating-ip", FieldName::client_info_field},
    {"client-cert-chain", FieldName::client_info_field},
    {"transfer-encoding", FieldName::transfer_encoding},
    {"x-forwarded-proto", FieldName::x_forwarded_proto},
    {"x-sucuri-clientip", FieldName::client_info_field},
    {"cf-connecting-ipv6", FieldName::client_info_field},
    {"client-certificate", FieldName::client_info_field},
    {"proxy-authenticate", FieldName::proxy_authenticate},
    {"x-cluster-client-ip", FieldName::client_info_field},
    {"x-client-certificate", FieldName::client_info_field},
    {"x-http-host-override", FieldName::client_info_field},
    {"x-ms-client-principal", FieldName::client_info_field},
    {"x-envoy-external-address", FieldName::client_info_field},
    {"x-nf-client-connection-ip", FieldName::client_info_field},
});

/// Prefixes: every name that begins with one of them is a `client_info_field`.
constexpr auto kClaims = std::to_array<std::string_view>({"cf-access-authenticated-",
                                                          "cf-client-cert-",
                                                          "cloudfront-",
                                                          "ssl-client-",
                                                          "tailscale-user-",
                                                          "wl-proxy-",
                                                          "x-amzn-mtls-",
                                                          "x-amzn-oidc-",
                                                          "x-appengine-",
                                                          "x-arr-",
                                                          "x-auth-request-",
                                                          "x-authenticated-",
                                                          "x-azure-",
                                                          "x-client-cert-",
                                                          "x-envoy-original-",
                                                          "x-forwarded-",
                                                          "x-goog-authenticated-",
                                                          "x-goog-client-cert-",
                                                          "x-ms-client-principal-",
                                                          "x-original-",
                                                          "x-remote-extra-",
                                                          "x-ssl-",
                                                          "x-tls-client-",
                                                          "x-vercel-",
                                                          "x-webauth-"});
constexpr std::size_t kShortestClaim =
    std::ranges::min(kClaims, {}, &std::string_view::size).size();

/// Most field names begin with "x-", so the prefixes are grouped by their third character; the
/// group is `kLetters` if that is not a letter.
constexpr std::size_t kTelling = 2;
static_assert(kShortestClaim > kTelling);

constexpr std::size_t kLongestName = kNames.back().first.size();
static_assert(std::ranges::is_sorted(kNames, {}, [](const auto& row) { return row.first.size(); }));

constexpr std::size_t kLetters = 26;

/// Index of a letter; `kLetters` or more for any other character.
constexpr std::size_t letter_of(char lower) {
  return static_cast<unsigned char>(lower - 'a');
}

/// Names are grouped by length and first letter.
constexpr std::size_t group_of(std::string_view name) {
  return name.size() * kLetters + letter_of(name.front());
}

constexpr auto kGroupedNames = [] {
  auto names = kNames;
  std::ranges::sort(names, {}, [](const auto& row) { return group_of(row.first); });
  return names;
}();

/// Index in kGroupedNames at which each group begins; it ends where the next group begins.
constexpr auto kFirstOfGroup = [] {
  std::array<std::uint8_t, (kLongestName + 1) * kLetters + 1> first{};
  std::size_t row = 0;
  for (std::size_t group = 0; group < first.size(); ++group) {
    while (row < kGroupedNames.size() && group_of(kGroupedNames[row].first) < group) ++row;
    first[group] = static_cast<std::uint8_t>(row);
  }
  return first;
}();
static_assert(kNames.size() < UINT8_MAX);

constexpr std::size_t claim_group_of(std::string_view name) {
  return std::min(letter_of(name[kTelling]), kLetters);
}

constexpr auto kGroupedClaims = [] {
  auto claims = kClaims;
  std::ranges::sort(claims, {}, claim_group_of);
  return claims;
}();

/// The same for kGroupedClaims.
constexpr auto kFirstClaimOfGroup = [] {
  std::array<std::uint8_t, kLetters + 2> first{};
  std::size_t row = 0;
  for (std::size_t group = 0; group < first.size(); ++group) {
    while (row < kClaims.size() && claim_group_of(kGroupedClaims[row]) < group) ++row;
    first[group] = static_cast<std::uint8_t>(row);
  }
  return first;
}();

using ascii::to_lower;
using Word = std::uint64_t;

Word load_word(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

/// Lower case of eight characters. The additions set the high bit of each byte above a limit. For
/// bytes between the two limits this bit is moved to the bit that makes a letter lower case (0x20).
Word to_lower(Word word) {
  constexpr Word kOnes = 0x0101010101010101U;
  const Word low_bits = word & (kOnes * 0x7f);
  const Word from_a = low_bits + kOnes * (0x80 - 'A');
  const Word beyond_z = low_bits + kOnes * (0x7f - 'Z');
  const Word upper = from_a & ~beyond_z & ~word & (kOnes * 0x80);
  return word | (upper >> 2U);
}

constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0; c < plain.size(); ++c) {
    plain[c] =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  }
  return plain;
}();

/// kPlain for eight characters of a token at once, with the method of `to_lower`. After the bit
/// for lower case (0x20) is set in all bytes, the plain characters of a token are '-', the digits
/// (the only ones below 'a' with bit 0x10) and 'a' to 'z'.
bool plain(Word word) {
  constexpr Word kOnes = 0x0101010101010101U;
  const Word folded = word | (kOnes * 0x20);
  const Word from_a = folded + kOnes * (0x80 - 'a');
  const Word beyond_z = folded + kOnes * (0x7f - 'z');
  const Word digit = folded << 3U;
  // Only '-' becomes 0 after the XOR; 0x80 minus any other value has no high bit.
  const Word dash = (kOnes * 0x80) - (folded ^ (kOnes * '-'));
  const Word fine = (from_a | digit | dash) & ~beyond_z;
  return (fine & (kOnes * 0x80)) == kOnes * 0x80;
}

/// Loads four to seven characters, some of them twice.
Word load_short(std::string_view text) {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof(first));
  std::memcpy(&last, text.data() + text.size() - sizeof(last), sizeof(last));
  return first | (static_cast<Word>(last) << 32U);
}

}  // namespace

std::string_view name_of_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool port =
      colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
  return port ? host.substr(0, colon) : host;
}

bool has_cgi_ambiguous_char(std::string_view name) {
  if (name.size() < sizeof(Word) / 2) {
    return !std::ranges::all_of(name, [](char c) { return kPlain[static_cast<unsigned char>(c)]; });
  }
  if (name.size() < sizeof(Word)) return !plain(load_short(name));
  for (std::size_t at = 0; at + sizeof(Word) < name.size(); at += sizeof(Word)) {
    if (!plain(load_word(name.data() + at))) return true;
  }
  return !plain(load_word(name.data() + name.size() - sizeof(Word)));
}

namespace {

/// Whether `same(word, word)` or `same(char, char)` holds for all of two texts of equal length.
template <class Same>
bool all_same(std::string_view a, std::string_view b, const Same& same) {
  if (a.size() < sizeof(Word) / 2) return std::ranges::equal(a, b, same);
  if (a.size() < sizeof(Word)) return same(load_short(a), load_short(b));
  for (std::size_t at = 0; at + sizeof(Word) < a.size(); at += sizeof(Word)) {
    if (!same(load_word(a.data() + at), load_word(b.data() + at))) return false;
  }
  const std::size_t last = a.size() - sizeof(Word);
  return same(load_word(a.data() + last), load_word(b.data() + last));
}

/// `name` is in lower case and as long as `text`.
bool is_in_any_case(std::string_view text, std::string_view name) {
  return all_same(text, name, [](auto ours, auto theirs) { return to_lower(ours) == theirs; });
}

bool begins_with_claim(std::string_view text) {
  if (text.size() < kShortestClaim) return false;
  const std::size_t group = std::min(letter_of(to_lower(text[kTelling])), kLetters);
  for (std::size_t i = kFirstClaimOfGroup[group]; i < kFirstClaimOfGroup[group + 1]; ++i) {
    const std::string_view claim = kGroupedClaims[i];
    if (text.size() >= claim.size() && is_in_any_case(text.substr(0, claim.size()), claim)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return all_same(a, b, [](auto one, auto other) { return to_lower(one) == to_lower(other); });
}

FieldName field_name(std::string_view text) {
  if (text.empty()) return FieldName::other;
  const std::size_t letter = letter_of(to_lower(text.front()));
  if (letter >= kLetters) return FieldName::other;
  if (text.size() <= kLongestName) {
    const std::size_t group = text.size() * kLetters + letter;
    for (std::size_t i = kFirstOfGroup[group]; i < kFirstOfGroup[group + 1]; ++i) {
      const auto& [name, id] = kGroupedNames[i];
      if (is_in_any_case(text, name)) return id;
    }
  }
  return begins_with_claim(text) ? FieldName::client_info_field : FieldName::other;
}

const Field* Head::find(FieldName id) const {
  const auto found = std::ranges::find(fields, id, &Field::id);
  return found == fields.end() ? nullptr : &*found;
}

void Head::clear() {
  block = BlockRef{};
  base = nullptr;
  size = 0;
  method = target = reason = Span{};
  status = major = minor = 0;
  fields.clear();
}

std::string_view protocol_text(const Head& head) {
  if (head.major == 2) return "HTTP/2.0";
  return head.http_1_0() ? "HTTP/1.0" : "HTTP/1.1";
}

RequestPreview request_preview(std::string_view bytes) {
  bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
  const std::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
  const std::string_view method = line.substr(0, line.find(' '));
  std::string_view rest = line.substr(method.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return {method, rest.substr(0, rest.find(' '))};
}

}  // namespace bonedry::http
