// The corpus against parser, rules and writer in memory: as a whole, byte by byte, and split at
// every byte.
#include "proxy/base/block.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"
#include "proxy/http/rules.h"
#include "tests/corpus/http/corpus.h"
#include "tests/corpus/http/recording_node.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bonedry::corpus {
namespace {

using http::FramingKind;
using http::Parser;
using http::ParseStatus;
using Ends = std::vector<std::size_t>;

std::string text_of(const SliceQueue& queue) {
  std::vector<iovec> vectors(4096);
  const std::size_t count = queue.gather(vectors);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  }
  return text;
}

/// The result of parsing some bytes.
struct ParseOutcome {
  enum class Kind { clean, refused, broken, unfinished_head, unfinished_body } kind = Kind::clean;
  int status = 0;
  std::string why;
  std::size_t count = 0;  ///< complete messages
  std::string written;    ///< what is forwarded of them

  friend bool operator==(const ParseOutcome&, const ParseOutcome&) = default;
};

std::string described(const ParseOutcome& outcome) {
  static constexpr const char* kKinds[] = {"clean", "refused", "broken", "unfinished head",
                                           "unfinished body"};
  return std::string(kKinds[static_cast<int>(outcome.kind)]) + " " +
         std::to_string(outcome.status) + " '" + outcome.why + "', " +
         std::to_string(outcome.count) + " complete:\n" + shown(outcome.written);
}

/// Reads messages from bytes that arrive in pieces, as a connection does.
class Reading {
 public:
  Reading(Parser::Kind kind, std::string bytes, http::RequestKind request_kind)
      : kind_(kind), request_kind_(request_kind), bytes_(std::move(bytes)), parser_(kind) {}

  ParseOutcome run(const Ends& ends) {
    for (const std::size_t end : ends) {
      while (phase_ != Phase::over && step(end)) {
      }
    }
    if (phase_ == Phase::head && at_ < bytes_.size()) {
      outcome_.kind = ParseOutcome::Kind::unfinished_head;
    } else if (phase_ == Phase::body) {
      const bool whole = parser_.ends_at_close();
      outcome_.kind = whole ? ParseOutcome::Kind::clean : ParseOutcome::Kind::unfinished_body;
      outcome_.count += whole ? 1 : 0;
    }
    return outcome_;
  }

 private:
  enum class Phase { head, body, over };

  bool step(std::size_t end) { return phase_ == Phase::head ? head(end) : body(end); }

  bool head(std::size_t end) {
    if (at_ == end) return false;
    const ParseStatus status = parser_.parse_head(bytes_.data() + at_, end - at_, {}, head_);
    if (status == ParseStatus::more) return false;
    if (status == ParseStatus::failed) return refuse(parser_.refusal());
    at_ += head_.size;
    return kind_ == Parser::Kind::request ? validate_request() : validate_response();
  }

  bool validate_request() {
    const auto facts = http::validate_request(head_);
    if (!facts) return refuse(facts.error());
    // Slices need a block that keeps the bytes; here they outlive the queue.
    SliceQueue queue;
    http::write_request_head(head_, *facts, {"192.0.2.7", "http"}, {}, {queue, pool_});
    outcome_.written += text_of(queue);
    close_ = facts->persistence == http::Persistence::close;
    return expect(facts->framing);
  }

  bool validate_response() {
    const auto facts = http::validate_response(head_, request_kind_);
    if (!facts) return refuse({502, facts.error()});
    http::ResponseWriteOptions options;
    options.framing = facts->framing.kind;
    SliceQueue queue;
    http::write_response_head(head_, options, {queue, pool_});
    outcome_.written += text_of(queue);
    close_ = !facts->interim;  // there is only one request to respond to
    if (facts->interim) {
      head_.clear();
      parser_.start();
      return true;
    }
    return expect(facts->framing);
  }

  bool expect(http::Framing framing) {
    parser_.expect_body(framing);
    phase_ = Phase::body;
    return true;
  }

  bool body(std::size_t end) {
    if (at_ == end && parser_.framing().kind != FramingKind::none) return false;
    std::size_t used = 0;
    char* const data = bytes_.data() + at_;
    const ParseStatus status = parser_.parse_body(data, end - at_, pieces_, used);
    if (status == ParseStatus::failed) {
      phase_ = Phase::over;
      outcome_.kind = ParseOutcome::Kind::broken;
      outcome_.status = parser_.refusal().status;
      outcome_.why = parser_.refusal().why;
      return false;
    }
    for (const http::Span& piece : pieces_.all())
      outcome_.written.append(data + piece.at, piece.size);
    at_ += used;
    if (status == ParseStatus::more) return false;
    outcome_.written += parser_.trailers();
    ++outcome_.count;
    phase_ = close_ ? Phase::over : Phase::head;
    head_.clear();
    parser_.start();
    return true;
  }

  bool refuse(const http::Refusal& refusal) {
    phase_ = Phase::over;
    outcome_.kind = ParseOutcome::Kind::refused;
    outcome_.status = refusal.status;
    outcome_.why = refusal.why;
    return false;
  }

  Parser::Kind kind_;
  http::RequestKind request_kind_;
  std::string bytes_;
  BlockPool pool_;
  Parser parser_;
  http::Head head_;
  http::BodyPieces pieces_;
  Phase phase_ = Phase::head;
  std::size_t at_ = 0;
  bool close_ = false;
  ParseOutcome outcome_;
};

ParseOutcome read(Parser::Kind kind, const Case& one, const Ends& ends) {
  const auto request_kind =
      one.method() == "HEAD" ? http::RequestKind::head : http::RequestKind::other;
  return Reading(kind, one.bytes, request_kind).run(ends);
}

ParseOutcome::Kind kind_of(const Case& one, const ParseOutcome& outcome) {
  using Kind = ParseOutcome::Kind;
  switch (one.verdict) {
    case Verdict::refused:
      return Kind::refused;
    case Verdict::bad: {
      // A truncated or missing head counts as refused.
      const bool cut = outcome.kind == Kind::unfinished_head || outcome.kind == Kind::clean;
      return one.end == End::close && cut && outcome.count == 0 ? outcome.kind : Kind::refused;
    }
    case Verdict::cut:
    case Verdict::aborted:
      return one.end == End::close ? Kind::unfinished_body : Kind::broken;
    case Verdict::forwarded:
    case Verdict::passed:
      break;
  }
  return Kind::clean;
}

/// What is wrong with the outcome, or "".
std::string problem_of(const Case& one, const ParseOutcome& outcome) {
  if (outcome.kind != kind_of(one, outcome)) return "another outcome";
  const bool clean = outcome.kind == ParseOutcome::Kind::clean;
  const bool told = one.verdict == Verdict::refused || one.verdict == Verdict::cut;
  if (!clean && told && one.status != 0 && outcome.status != one.status) return "another status";
  if (!clean) return outcome.count == 0 ? "" : "a message that is complete";
  if (one.verdict == Verdict::bad) return "";
  if (outcome.count != one.count) return "another number of messages";
  for (const std::string& text : one.sees) {
    if (outcome.written.find(text) == std::string::npos) return "missing: " + shown(text);
  }
  for (const std::string& text : one.hides) {
    if (outcome.written.find(text) != std::string::npos) return "not hidden: " + shown(text);
  }
  return "";
}

/// Where the pieces of a message end: all at once, byte by byte, and in two pieces split at every
/// position (in very long messages only at some).
std::vector<Ends> ways_to_cut(std::size_t size) {
  std::vector<Ends> ways{{size}};
  const std::size_t step = 1 + size / 500;
  Ends small;
  for (std::size_t end = step; end < size; end += step) {
    small.push_back(end);
    ways.push_back({end, size});
  }
  small.push_back(size);
  ways.push_back(small);
  return ways;
}

void check(Parser::Kind kind, const std::string& path) {
  for (const Case& one : read_cases(path)) {
    const ParseOutcome whole = read(kind, one, {one.bytes.size()});
    const std::string problem = problem_of(one, whole);
    if (!problem.empty()) {
      ADD_FAILURE() << one.where << ": [" << one.name << "] " << problem << ": " << described(whole)
                    << "\nof " << shown(one.bytes);
      continue;
    }
    for (const Ends& ends : ways_to_cut(one.bytes.size())) {
      const ParseOutcome cut = read(kind, one, ends);
      // Only two things may differ: how much of a broken body is forwarded before the fault, and
      // the reason.
      const bool same = whole.kind != ParseOutcome::Kind::clean || cut.written == whole.written;
      if (same && problem_of(one, cut).empty()) continue;
      ADD_FAILURE() << one.where << ": [" << one.name << "] read in " << ends.size()
                    << " pieces, the first of " << ends.front() << " bytes: " << described(cut);
      break;
    }
  }
}

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  return test_name(info.param);
}

class RequestsInMemory : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Corpus, RequestsInMemory, testing::ValuesIn(files_of("requests")),
                         name_of);
TEST_P(RequestsInMemory, AreJudgedAsTheCorpusSays) {
  check(Parser::Kind::request, GetParam());
}

class ResponsesInMemory : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Corpus, ResponsesInMemory, testing::ValuesIn(files_of("responses")),
                         name_of);
TEST_P(ResponsesInMemory, AreJudgedAsTheCorpusSays) {
  check(Parser::Kind::response, GetParam());
}

}  // namespace
}  // namespace bonedry::corpus
