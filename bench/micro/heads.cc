// Heads, as every exchange has two of them: parsing, judging, writing on.
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"
#include "proxy/http/rules.h"

#include <benchmark/benchmark.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace bonedry::http {
namespace {

constexpr std::string_view kTiny = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /basket?item=4711 HTTP/1.1\r\nHost: shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://shop.example/\r\nConnection: keep-alive\r\n"
    "Cookie: theme=dark; consent=yes; basket=0123456789abcdef\r\n"
    "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: shop\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Length: 64\r\nCache-Control: no-store\r\n"
    "Connection: keep-alive\r\n\r\n";

/// A head in a chunk, as a connection has it, parsed over and over.
class Message {
 public:
  Message(Parser::Kind kind, std::string_view text) : parser_(kind), text_(text) {
    head_.chunk = pool_.take();
    std::memcpy(head_.chunk->data(), text.data(), text.size());
  }
  const Head& parse() {
    parser_.start();
    ChunkRef chunk = head_.chunk;
    head_.clear();
    (void)parser_.parse_head(chunk->data(), text_.size(), HeadLimits{}, head_);
    head_.chunk = std::move(chunk);
    return head_;
  }
  ChunkPool& pool() { return pool_; }

 private:
  ChunkPool pool_;
  Parser parser_;
  std::string_view text_;
  Head head_;
};

void parse_request(benchmark::State& state, std::string_view text) {
  Message message(Parser::Kind::request, text);
  for (auto _ : state) benchmark::DoNotOptimize(judge_request(message.parse()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(parse_request, tiny, kTiny);
BENCHMARK_CAPTURE(parse_request, browser, kBrowser);

void parse_response(benchmark::State& state) {
  Message message(Parser::Kind::response, kAnswer);
  for (auto _ : state) benchmark::DoNotOptimize(judge_response(message.parse(), AskedBy::other));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kAnswer.size()));
}
BENCHMARK(parse_response);

void drain(SliceQueue& queue) {
  std::array<iovec, 64> vectors;
  benchmark::DoNotOptimize(queue.gather(vectors));
  queue.consume(queue.bytes());
}

void write_request(benchmark::State& state, std::string_view text) {
  Message message(Parser::Kind::request, text);
  const Head& head = message.parse();
  const RequestFacts facts = *judge_request(head);
  SliceQueue queue;
  for (auto _ : state) {
    write_request_head(head, facts, {"192.0.2.1", "http"}, nullptr, {queue, message.pool()});
    drain(queue);
  }
}
BENCHMARK_CAPTURE(write_request, tiny, kTiny);
BENCHMARK_CAPTURE(write_request, browser, kBrowser);

void write_response(benchmark::State& state) {
  Message message(Parser::Kind::response, kAnswer);
  const Head& head = message.parse();
  SliceQueue queue;
  ResponseExtras extras;
  extras.framing = BodyKind::length;
  for (auto _ : state) {
    write_response_head(head, extras, {queue, message.pool()});
    drain(queue);
  }
}
BENCHMARK(write_response);

/// Eight pieces of one size as slices of their own, from a chunk where they are no neighbours.
void pieces_as_slices(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  ChunkPool pool;
  const ChunkRef chunk = pool.take();
  SliceQueue queue;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 8; ++i) {
      queue.push({chunk, chunk->data() + i * (size + 1) % 16384, size});
    }
    drain(queue);
  }
}
BENCHMARK(pieces_as_slices)->RangeMultiplier(4)->Range(64, 4096);

/// The same, copied together. What the kernel saves comes on top.
void pieces_copied(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  ChunkPool pool;
  const ChunkRef chunk = pool.take();
  SliceQueue queue;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 8; ++i) {
      queue.push_copy(pool, {chunk->data() + i * (size + 1) % 16384, size});
    }
    drain(queue);
  }
}
BENCHMARK(pieces_copied)->RangeMultiplier(4)->Range(64, 4096);

}  // namespace
}  // namespace bonedry::http
