#include "proxy/http/response_fields.h"

#include "proxy/base/ascii.h"
#include "proxy/http/rules.h"

#include <algorithm>
#include <string>

namespace bonedry::http {
namespace {

bool is_removed_field(const Head& head, const Field& field, const ResponseEdits& edits,
                      std::string_view hsts) {
  const auto is = [&](std::string_view name) {
    return equal_ignoring_case(head.name(field), name);
  };
  return (!edits.removed_field.empty() && is(edits.removed_field)) ||
         (!edits.request_id.empty() && field.id == FieldName::x_request_id) ||
         (!hsts.empty() && is("Strict-Transport-Security"));
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

/// The first directive of a list; commas within quotes do not separate (RFC 9110, 5.6.4).
std::string_view first_directive(std::string_view list) {
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      return list.substr(0, i);
    }
  }
  return list;
}

/// Whether a directive would let shared caches store the response, or is one that we add ourselves.
bool is_overridden(std::string_view directive, CacheAdvice advice) {
  std::string_view name = directive.substr(0, directive.find('='));
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  if (advice == CacheAdvice::no_cache) return equal_ignoring_case(name, "no-cache");
  return equal_ignoring_case(name, "public") || equal_ignoring_case(name, "s-maxage") ||
         equal_ignoring_case(name, "private");
}

/// The directives of a Cache-Control that our own directives do not replace.
std::string kept_directives(std::string_view list, CacheAdvice advice) {
  std::string kept;
  while (!list.empty()) {
    const std::string_view written = first_directive(list);
    list.remove_prefix(std::min(written.size() + 1, list.size()));
    const std::string_view directive = ascii::trimmed(written);
    if (directive.empty() || is_overridden(directive, advice)) continue;
    if (!kept.empty()) kept += ", ";
    kept += directive;
  }
  return kept;
}

/// Whether a field is for caches and our advice overrides it; then it needs no further writing.
bool write_cache_field(const Head& head, const Field& field, CacheAdvice advice, FieldSink& sink) {
  if (advice == CacheAdvice::as_is) return false;
  const std::string_view name = head.name(field);
  if (equal_ignoring_case(name, "Cache-Control")) {
    const std::string kept = kept_directives(head.value(field), advice);
    if (!kept.empty()) sink.added("Cache-Control", kept);
    return true;
  }
  // RFC 9213, 2: "CDN-Cache-Control" and similar fields, and their predecessors: the caches at
  // which they are aimed prefer them to Cache-Control.
  return ends_with_ignoring_case(name, "-Cache-Control") ||
         equal_ignoring_case(name, "Surrogate-Control") ||
         equal_ignoring_case(name, "Edge-Control") || equal_ignoring_case(name, "X-Accel-Expires");
}

}  // namespace

std::string_view via_version(const Head& head) {
  if (head.major == 2) return "2.0";
  return head.http_1_0() ? "1.0" : "1.1";
}

void each_response_field(const Head& head, const ResponseEdits& edits, std::string_view hsts,
                         FieldSink& sink) {
  const HopByHop hop_by_hop(head);
  const CacheAdvice advice = edits.set_cookie.empty() ? CacheAdvice::as_is : edits.cache;
  // RFC 9110, 8.6: neither 1xx nor 204 has a Content-Length, whatever the node sends.
  const bool bare = head.status < 200 || head.status == 204;
  for (const Field& field : head.fields) {
    if (field.id == FieldName::content_length) {
      if (!bare) forward_length(head, field, sink);
    } else if (!hop_by_hop(field) && !is_removed_field(head, field, edits, hsts) &&
               !write_cache_field(head, field, advice, sink)) {
      sink.received(field);
    }
  }
  if (!edits.set_cookie.empty()) {
    sink.added("Set-Cookie", edits.set_cookie);
    if (advice == CacheAdvice::make_private) sink.added("Cache-Control", "private");
    if (advice == CacheAdvice::no_cache) sink.added("Cache-Control", "no-cache");
  }
  if (!hsts.empty()) sink.added("Strict-Transport-Security", hsts);
  if (!edits.request_id.empty()) sink.added("X-Request-Id", edits.request_id);
  sink.begin("Via");
  sink.part(via_version(head));
  sink.part(" bonedry");
  sink.end();
}

}  // namespace bonedry::http
