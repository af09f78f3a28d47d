// A stream of responses: what is sent to a client is the same responses, and no others.
#include "tests/fuzz/relay.h"

namespace bonedry::fuzz {
namespace {

using http::RequestKind;

class ResponseRelay final : public Relay {
 public:
  ResponseRelay(RequestKind request_kind, Client client)
      : Relay(http::Parser::Kind::response), request_kind_(request_kind), client_(client) {}

 private:
  HeadVerdict rule(const http::Head& head, http::HeadSink sink) override {
    HeadVerdict ruling;
    const auto facts = validate_response(head, request_kind_);
    if (!facts) {
      ruling.refusal = std::string("400 ") + facts.error();
      return ruling;
    }
    ruling.message.start = std::to_string(head.status) + " " + std::string(head.text(head.reason));
    if (facts->interim) {
      write_interim_head(head, sink);
      ruling.part = HeadVerdict::Part::interim;
      return ruling;
    }
    http::ResponseWriteOptions options = extras_for(*facts, client_);
    if (facts->persistence == http::Persistence::close) {
      options.persistence = http::Persistence::close;
    }
    write_response_head(head, options, sink);
    ruling.message.sent_as = options.framing;
    ruling.framing = facts->framing;
    ruling.after = options.persistence;
    return ruling;
  }

  RequestKind request_kind_;
  Client client_;
};

void check(Delivery delivery, RequestKind request_kind, Client client) {
  ResponseRelay whole(request_kind, client);
  whole.run(delivery.whole());
  ResponseRelay in_pieces(request_kind, client);
  in_pieces.run(delivery);
  require_same_stream(in_pieces, whole);
  for (const Relay* const proxy : {&whole, &in_pieces}) {
    ResponseRelay reader(request_kind, client);
    require_same_messages(*proxy, reader);
  }
}

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  check(delivery, RequestKind::other, Client::http_1_1);
  check(delivery, RequestKind::other, Client::http_1_0);
  check(delivery, RequestKind::head, Client::http_1_1);
  return 0;
}

}  // namespace bonedry::fuzz
