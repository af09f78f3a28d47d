// The head of a request: parsed, validated, and written for a node.
#include "proxy/http/rules.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

namespace bonedry::fuzz {
namespace {

using http::Parser;

// Small, so that inputs reach them.
constexpr http::HeadLimits kLimits{2048, 16};
// A written head has a few more fields than the received one.
constexpr http::HeadLimits kWrittenLimits{8192, 32};

std::string verdict_on(const ReadHead& read) {
  if (const std::string refusal = read.refusal(); !refusal.empty()) return refusal;
  const auto judged = validate_request(read.head);
  if (judged) return "";
  return std::to_string(judged.error().status) + " " + judged.error().why;
}

std::string written(const http::Head& head, const http::RequestFacts& facts) {
  SliceQueue queue;
  BlockPool blocks;
  const OwnCookie cookies;
  forward_request(head, facts, &cookies, {queue, blocks});
  return drain(queue);
}

/// The parts of a request that a node must understand in the same way as we do.
std::string meaning(const http::Head& head, const http::RequestFacts& facts) {
  return std::string(head.text(head.method)) + " " + std::string(facts.path) + " at " +
         std::string(facts.host) + ", body " +
         std::to_string(static_cast<int>(facts.framing.kind)) + " " +
         std::to_string(facts.framing.length) + (facts.expects_continue ? ", asks before it" : "") +
         (facts.is_head ? ", HEAD" : "");
}

void check_forwarded(const http::Head& head, const http::RequestFacts& facts) {
  const std::string text = written(head, facts);
  const StrictHead strict(text);
  require_one_framing(strict, facts.framing);
  require_fields_kept(head, strict);
  require(strict.count("host") == 1, "there is one Host");
  require(strict.count("connection") == 0, "the connection to a node is ours");
  require(strict.count("x-forwarded-for") == 1, "the client's address goes on once");
  require(strict.value("x-forwarded-for").ends_with("192.0.2.1"), "and is the last of them");
  require_equal(strict.value("x-forwarded-host"), facts.host, "the asked host goes on");

  const ReadHead again(Parser::Kind::request, kWrittenLimits, {"", text});
  if (ends_at_next(facts)) {
    return require_equal(verdict_on(again), "200 Max-Forwards is 0", "the node answers it");
  }
  require_equal(verdict_on(again), "", "what goes on is fit to be forwarded");
  const auto understood = validate_request(again.head);
  require(again.head.size == text.size(), "what goes on is one head");
  require_equal(meaning(again.head, *understood), meaning(head, facts),
                "what goes on means the same");

  const std::string twice = written(again.head, *understood);
  require_same_lines(StrictHead(twice), strict, {"via", "x-forwarded-for"});
}

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  const ReadHead read(Parser::Kind::request, kLimits, delivery.whole());
  const ReadHead in_pieces(Parser::Kind::request, kLimits, delivery);
  require_same_verdict(verdict_on(in_pieces), verdict_on(read));
  if (read.status != http::ParseStatus::complete) return 0;
  require_equal(in_pieces.description(), read.description(), "nor does what was read");
  if (const auto facts = validate_request(read.head)) check_forwarded(read.head, with_host(*facts));
  return 0;
}

}  // namespace bonedry::fuzz
