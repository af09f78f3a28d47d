#include "bench/micro/messages.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/rules.h"
#include "session/cookie_header.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::micro {
namespace {

using http::Parser;

/// Removes our cookie, as a worker's PoolRuntime does.
class OwnCookie final : public http::CookieFilter {
 public:
  [[nodiscard]] Kept filter(std::string_view value) const override {
    const auto found = session::find_cookie(value, "bonedry");
    if (!found) return {};
    return {found->before, found->after, true};
  }
};

/// Consumes the bytes of one written head; everything except the system call.
void send(SliceQueue& queue) {
  std::array<iovec, 64> vectors;
  benchmark::DoNotOptimize(queue.gather(vectors));
  benchmark::DoNotOptimize(vectors.data());
  benchmark::ClobberMemory();
  queue.consume(queue.bytes());
}

void set_bytes(benchmark::State& state, std::string_view text) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

// llhttp and our callbacks: once per request, and once per response.
void parse(benchmark::State& state, Parser::Kind kind, const std::string& text) {
  Message message(kind, text);
  for (auto _ : state) benchmark::DoNotOptimize(message.parse());
  set_bytes(state, text);
}
BENCHMARK_CAPTURE(parse, small, Parser::Kind::request, std::string(kSmallRequest))
    ->Name("heads/parse/request/small");
BENCHMARK_CAPTURE(parse, browser, Parser::Kind::request, browser_request())
    ->Name("heads/parse/request/browser");
BENCHMARK_CAPTURE(parse, response, Parser::Kind::response, std::string(kResponse))
    ->Name("heads/parse/response");

// The validation that llhttp leaves to a proxy, for a request.
void validate_request(benchmark::State& state, const std::string& text) {
  Message message(Parser::Kind::request, text);
  for (auto _ : state) {
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(http::validate_request(message.head()));
  }
}
BENCHMARK_CAPTURE(validate_request, small, std::string(kSmallRequest))
    ->Name("heads/judge/request/small");
BENCHMARK_CAPTURE(validate_request, browser, browser_request())
    ->Name("heads/judge/request/browser");

// The same for a response.
void validate_response(benchmark::State& state) {
  Message message(Parser::Kind::response, kResponse);
  for (auto _ : state) {
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(http::validate_response(message.head(), http::RequestKind::other));
  }
}
BENCHMARK(validate_response)->Name("heads/judge/response");

// Writes a request's head for a node, with our cookie removed from the browser's.
void write_request(benchmark::State& state, const std::string& text) {
  Message message(Parser::Kind::request, text);
  const auto facts = http::validate_request(message.head());
  const OwnCookie cookies;
  BlockPool blocks;
  SliceQueue queue;
  for (auto _ : state) {
    http::write_request_head(message.head(), *facts, {"203.0.113.195", "http"}, {&cookies},
                             {queue, blocks});
    send(queue);
  }
  set_bytes(state, text);
}
BENCHMARK_CAPTURE(write_request, small, std::string(kSmallRequest))
    ->Name("heads/write/request/small");
BENCHMARK_CAPTURE(write_request, browser, browser_request())->Name("heads/write/request/browser");

// Writes a response's head for a client: of a known session, and of a new one.
void write_response(benchmark::State& state, std::string_view set_cookie) {
  Message message(Parser::Kind::response, kResponse);
  http::ResponseWriteOptions options;
  options.framing = http::FramingKind::length;
  options.set_cookie = set_cookie;
  BlockPool blocks;
  SliceQueue queue;
  for (auto _ : state) {
    http::write_response_head(message.head(), options, {queue, blocks});
    send(queue);
  }
  set_bytes(state, kResponse);
}
BENCHMARK_CAPTURE(write_response, known, "")->Name("heads/write/response/known");
BENCHMARK_CAPTURE(write_response, new_session,
                  "bonedry=q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI0; Path=/; "
                  "HttpOnly; SameSite=Lax")
    ->Name("heads/write/response/new");

// All of the above for one exchange: the cost of HTTP for a proxied request without a body.
void whole_exchange(benchmark::State& state, const std::string& text) {
  Message request(Parser::Kind::request, text);
  Message response(Parser::Kind::response, kResponse);
  const OwnCookie cookies;
  BlockPool blocks;
  SliceQueue upstream;
  SliceQueue downstream;
  for (auto _ : state) {
    request.parse();
    const auto asked = http::validate_request(request.head());
    http::write_request_head(request.head(), *asked, {"203.0.113.195", "http"}, {&cookies},
                             {upstream, blocks});
    send(upstream);
    response.parse();
    const auto answered = http::validate_response(response.head(), http::RequestKind::other);
    http::ResponseWriteOptions options;
    options.framing = answered->framing.kind;
    http::write_response_head(response.head(), options, {downstream, blocks});
    send(downstream);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(whole_exchange, small, std::string(kSmallRequest))->Name("heads/exchange/small");
BENCHMARK_CAPTURE(whole_exchange, browser, browser_request())->Name("heads/exchange/browser");

}  // namespace
}  // namespace bonedry::micro
