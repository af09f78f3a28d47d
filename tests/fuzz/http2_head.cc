// The head of an HTTP/2 request, one "name: value" a line: made a head of HTTP/1.1, judged, and
// written for a node, which must find in it one request that means the same.
#include "proxy/http2/request_builder.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

namespace bonedry::fuzz {
namespace {

using http::Parser;

// Small, so that inputs reach them.
constexpr http::HeadLimits kLimits{2048, 16};
// A written head has a few more fields than the received one.
constexpr http::HeadLimits kWrittenLimits{8192, 32};

http::RequestFacts facts_of(const http::RequestInfo& info) {
  http::RequestFacts facts;
  static_cast<http::RequestInfo&>(facts) = info;
  if (info.body.length == http::BodyLength::known) {
    facts.framing = {http::FramingKind::length, info.body.bytes};
  }
  if (info.body.length == http::BodyLength::unknown)
    facts.framing.kind = http::FramingKind::chunked;
  return facts;
}

void check_forwarded(const http::Head& head, const http::RequestFacts& facts) {
  SliceQueue queue;
  BlockPool blocks;
  const OwnCookie cookies;
  forward_request(head, facts, &cookies, {queue, blocks});
  const std::string text = drain(queue);
  const StrictHead strict(text);
  require_one_framing(strict, facts.framing);
  require(strict.count("host") == 1, "there is one Host");
  require(strict.count("cookie") <= 1, "crumbs are one field");
  require(strict.count("connection") == (facts.upgrade.empty() ? 0 : 1),
          "the connection to a node is ours");
  require(strict.count("x-forwarded-for") == 1, "the client's address goes on once");
  const ReadHead again(Parser::Kind::request, kWrittenLimits, {"", text});
  require_equal(again.refusal(), "", "HTTP/1.1 accepts it");
  require(again.head.size == text.size(), "what goes on is one head");
  const auto understood = http::validate_request(again.head);
  if (!understood && ends_at_next(facts)) {
    return require_equal(understood.error().why, "Max-Forwards is 0", "the node answers it");
  }
  require(understood.has_value(), "and fit to be forwarded");
  require_equal(understood->path, facts.path, "the path is the same");
  require_equal(understood->host, facts.host, "and the host");
  require_equal(understood->upgrade, facts.upgrade, "and the protocol to switch to");
  require(understood->framing.kind == facts.framing.kind &&
              understood->framing.length == facts.framing.length,
          "and the body");
}

}  // namespace

int fuzz_one(Input input) {
  std::string_view text = text_of(input);
  BlockPool blocks;
  http::Head head;
  http2::RequestBuilder builder;
  builder.start(kLimits, head);
  const http2::End end = text.starts_with('+') ? http2::End::no : http2::End::yes;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    // The first colon may be that of a pseudo-field.
    const std::size_t colon = line.find(':', 1);
    if (colon == std::string_view::npos) continue;
    builder.add(line.substr(0, colon), line.substr(colon + 1));
  }
  const auto info = builder.finish(end, blocks, "AAAAAAAAAAAAAAAAAAAAAA==");
  if (info) check_forwarded(head, facts_of(*info));
  return 0;
}

}  // namespace bonedry::fuzz
