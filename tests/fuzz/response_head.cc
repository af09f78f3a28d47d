// The head of a response: parsed, validated, and written for a client of either version.
#include "proxy/http/rules.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

namespace bonedry::fuzz {
namespace {

using http::FramingKind;
using http::Parser;
using http::RequestKind;

constexpr http::HeadLimits kLimits{2048, 16};
constexpr http::HeadLimits kWrittenLimits{8192, 32};
constexpr std::string_view kSetCookie = "bonedry=x; Path=/";

std::string written(const http::Head& head, const http::ResponseWriteOptions& options) {
  SliceQueue queue;
  BlockPool blocks;
  http::write_response_head(head, options, {queue, blocks});
  return drain(queue);
}

std::string meaning(const http::Head& head, http::Framing framing) {
  return std::to_string(head.status) + " " + std::string(head.text(head.reason)) + ", body " +
         std::to_string(static_cast<int>(framing.kind)) + " " + std::to_string(framing.length);
}

/// The framing that the client must derive from the forwarded head.
http::Framing sent_framing(const http::ResponseFacts& facts,
                           const http::ResponseWriteOptions& options) {
  return {options.framing, facts.framing.length};
}

void check_forwarded(const http::Head& head, const http::ResponseFacts& facts,
                     RequestKind request_kind, Client client) {
  http::ResponseWriteOptions options =
      facts.interim ? http::ResponseWriteOptions{} : extras_for(facts, client);
  if (!facts.interim) options.set_cookie = kSetCookie;
  const http::Framing sent = sent_framing(facts, options);
  const std::string text = written(head, options);
  const StrictHead strict(text);
  require_one_framing(strict, sent);
  require_fields_kept(head, strict);
  const bool says_how_it_ends = client == Client::http_1_0 && !facts.interim;
  require(strict.count("connection") == (says_how_it_ends ? 1U : 0U),
          "the connection to a client is ours");
  require(head.status >= 200 || strict.count("content-length") == 0, "1xx has no length");

  const ReadHead again(Parser::Kind::response, kWrittenLimits, {"", text});
  require_equal(again.refusal(), "", "what goes on can be parsed");
  require(again.head.size == text.size(), "what goes on is one head");
  const auto understood = validate_response(again.head, request_kind);
  require_equal(understood ? "" : understood.error(), "", "what goes on is fit to be forwarded");
  require_equal(meaning(again.head, understood->framing), meaning(head, sent),
                "what goes on means the same");
  require(understood->persistence == options.persistence, "the client is told of the end");

  options.set_cookie = "";
  const std::string twice = written(again.head, options);
  require_same_lines(StrictHead(twice), strict, {"via"});
}

std::string verdict_on(const ReadHead& read, RequestKind request_kind) {
  if (const std::string refusal = read.refusal(); !refusal.empty()) return refusal;
  const auto judged = validate_response(read.head, request_kind);
  return judged ? "" : judged.error();
}

void check(const ReadHead& read, const ReadHead& in_pieces, RequestKind request_kind) {
  require_same_verdict(verdict_on(in_pieces, request_kind), verdict_on(read, request_kind));
  if (read.status != http::ParseStatus::complete) return;
  const auto facts = validate_response(read.head, request_kind);
  if (!facts) return;
  for (const Client client : {Client::http_1_0, Client::http_1_1}) {
    check_forwarded(read.head, *facts, request_kind, client);
  }
}

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  const ReadHead read(Parser::Kind::response, kLimits, delivery.whole());
  const ReadHead in_pieces(Parser::Kind::response, kLimits, delivery);
  for (const RequestKind request_kind : {RequestKind::head, RequestKind::other})
    check(read, in_pieces, request_kind);
  if (read.status == http::ParseStatus::complete) {
    require_equal(in_pieces.description(), read.description(), "nor does what was read");
  }
  return 0;
}

}  // namespace bonedry::fuzz
