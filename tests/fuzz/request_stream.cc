// A stream of requests: what is sent to a node is the same requests, and no others.
#include "tests/fuzz/relay.h"

namespace bonedry::fuzz {
namespace {

class RequestRelay final : public Relay {
 public:
  RequestRelay() : Relay(http::Parser::Kind::request) {}

 private:
  HeadVerdict rule(const http::Head& head, http::HeadSink sink) override {
    HeadVerdict ruling;
    const auto judged = validate_request(head);
    if (!judged) {
      ruling.refusal = std::to_string(judged.error().status) + " " + judged.error().why;
      return ruling;
    }
    const http::RequestFacts facts = with_host(*judged);
    forward_request(head, facts, &cookies_, sink);
    ruling.message.start = std::string(head.text(head.method)) + " " + std::string(facts.path) +
                           " at " + std::string(facts.host);
    ruling.message.sent_as = facts.framing.kind;
    ruling.framing = facts.framing;
    ruling.after = facts.persistence;
    return ruling;
  }

  const OwnCookie cookies_;
};

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  RequestRelay whole;
  whole.run(delivery.whole());
  RequestRelay in_pieces;
  in_pieces.run(delivery);
  require_same_stream(in_pieces, whole);
  RequestRelay node;
  require_same_messages(whole, node);
  RequestRelay other_node;
  require_same_messages(in_pieces, other_node);
  return 0;
}

}  // namespace bonedry::fuzz
