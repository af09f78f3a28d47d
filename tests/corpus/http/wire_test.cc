// The corpus against the real bonedry, between a client that sends it and a node that keeps every
// byte. After each case a marker request is sent on a connection of its own: everything the case
// causes has reached the node before the marker.
#include "tests/corpus/http/corpus.h"
#include "tests/corpus/http/recording_node.h"
#include "tests/support/bonedry_process.h"
#include "tests/support/http_client.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace bonedry::corpus {
namespace {

using test::HttpClient;
using test::Response;
using test::SocketError;

const std::string kGood = "GET /good HTTP/1.1\r\nHost: shop.example\r\n\r\n";
// Follows bytes that must be refused: a parser that is fooled reads it as a request.
const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";

class Wire : public testing::TestWithParam<std::string> {
 protected:
  static test::TestConfig config(const RecordingNode& node) {
    return test::shop(1, {test::TestNode("node", node.address())}, {"sticky = 'none'"});
  }

  /// "" when another user's request gets its own response.
  std::string problem_of_marker() {
    HttpClient client{bonedry_.address()};
    client.send("GET /marker HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    const Response response = client.read_response();
    const bool fine = response.status == 200 && response.body == "ok /marker";
    return fine ? "" : "the next client got: " + shown(response.raw_head + response.body);
  }

  static std::string problem_of_text(const Case& one, const std::string& text) {
    for (const std::string& part : one.sees) {
      if (text.find(part) == std::string::npos)
        return "missing: " + shown(part) + " in " + shown(text);
    }
    for (const std::string& part : one.hides) {
      if (text.find(part) != std::string::npos) return "not hidden: " + shown(part);
    }
    return "";
  }

  RecordingNode node_;
  test::BonedryProcess bonedry_{config(node_)};
};

std::string wire_name_of(const testing::TestParamInfo<std::string>& info) {
  return test_name(info.param);
}

// -- Requests -------------------------------------------------------------------------------------

enum class Way { whole, byte_by_byte, behind_a_good_one };
constexpr const char* kWays[] = {"whole", "byte by byte", "behind a good one"};

class RequestsOnTheWire : public Wire {
 protected:
  std::string problem_of(const Case& one, Way way) {
    HttpClient client{bonedry_.address()};
    send(client, one, way);
    if (way == Way::behind_a_good_one) {
      const Response good = client.read_response();
      if (good.body != "ok /good") return "the good request got " + std::to_string(good.status);
    }
    if (std::string problem = problem_of_answer(client, one); !problem.empty()) return problem;
    if (std::string problem = problem_of_marker(); !problem.empty()) return problem;
    return problem_of_seen(one, way);
  }

 private:
  static void send(HttpClient& client, const Case& one, Way way) {
    static constexpr std::size_t kPackets = 2048;
    std::string bytes = way == Way::behind_a_good_one ? kGood + one.bytes : one.bytes;
    if (one.verdict != Verdict::forwarded && one.end == End::open) bytes += kSmuggled;
    const std::size_t step = way == Way::byte_by_byte ? 1 + bytes.size() / kPackets : bytes.size();
    try {
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        client.send(std::string_view(bytes).substr(at, step));
      }
      if (one.end == End::close) client.socket().finish_sending();
    } catch (const SocketError&) {  // bonedry reads no more; its response is still to be read
    }
  }

  static std::string problem_of_answer(HttpClient& client, const Case& one) {
    if (one.verdict == Verdict::forwarded) return problem_of_answers(client, one);
    std::optional<Response> response;
    try {
      response = client.read_response();
    } catch (const test::TimedOut&) {
      return "no answer, and no end";
    } catch (const SocketError& error) {
      if (one.verdict == Verdict::refused) return std::string("no answer: ") + error.what();
    }
    if (response && one.status != 0 && response->status != one.status) {
      return "answered " + std::to_string(response->status);
    }
    if (response && one.status == 0 && response->status < 400) return "answered by a node";
    return client.closed_by_peer() ? "" : "the connection stays open, or more is said";
  }

  static std::string problem_of_answers(HttpClient& client, const Case& one) {
    const std::string method = one.bytes.substr(0, one.bytes.find(' '));
    for (std::size_t i = 0; i < one.count; ++i) {
      const Response response = client.read_response(method);
      if (response.status != 200) {
        return "answered " + std::to_string(response.status) + " " + shown(response.body);
      }
    }
    if (one.then == "closed" && !client.closed_by_peer()) return "the connection stays open";
    if (one.then == "open" && !client.is_idle_and_open()) return "the connection ended";
    return "";
  }

  std::string problem_of_seen(const Case& one, Way way) {
    std::vector<Seen> seen = node_.take();
    const std::size_t before = way == Way::behind_a_good_one ? 1 : 0;
    const std::size_t own = one.verdict == Verdict::forwarded ? one.count : 0;
    std::string all;
    for (const Seen& request : seen) {
      all += request.all();
      if (!request.wrong.empty()) return "the node saw " + request.wrong + ": " + shown(all);
    }
    if (seen.size() != before + own + 1) {
      return "the node saw " + std::to_string(seen.size()) + " requests:\n" + shown(all);
    }
    if (one.verdict != Verdict::forwarded) return "";
    std::string text;
    for (std::size_t i = before; i < before + own; ++i) text += seen[i].all();
    return problem_of_text(one, text);
  }
};

INSTANTIATE_TEST_SUITE_P(Corpus, RequestsOnTheWire, testing::ValuesIn(files_of("requests")),
                         wire_name_of);

TEST_P(RequestsOnTheWire, ReachANodeOnlyAsTheCorpusSays) {
  std::size_t max_partial = 0;
  for (const Case& one : read_cases(GetParam())) {
    for (const Way way : {Way::whole, Way::byte_by_byte, Way::behind_a_good_one}) {
      if (one.verdict == Verdict::cut) ++max_partial;
      std::string problem;
      try {
        problem = problem_of(one, way);
      } catch (const std::exception& error) {
        problem = error.what();
      }
      if (problem.empty()) continue;
      ADD_FAILURE() << one.where << ": [" << one.name << "] " << kWays[static_cast<int>(way)]
                    << ": " << problem << "\nof " << shown(one.bytes);
      (void)node_.take();
    }
  }
  bonedry_.stop();
  const std::vector<std::string> partial = node_.stop();
  EXPECT_LE(partial.size(), max_partial) << shown(partial.front());
  for (const std::string& bytes : partial) {
    EXPECT_EQ(bytes.find("smuggled"), std::string::npos) << shown(bytes);
  }
}

// -- Responses ------------------------------------------------------------------------------------

class ResponsesOnTheWire : public Wire {
 protected:
  std::string problem_of(const Case& one, Pace pace) {
    node_.answer_case(
        one.bytes, pace,
        one.end == End::close ? RecordingNode::After::close : RecordingNode::After::keep);
    if (std::string problem = problem_of_answer(one); !problem.empty()) return problem;
    if (std::string problem = problem_of_marker(); !problem.empty()) return problem;
    const std::vector<Seen> seen = node_.take();
    if (seen.size() != 2) return "the node saw " + std::to_string(seen.size()) + " requests";
    const bool dropped = one.verdict != Verdict::passed || one.then == "dropped";
    if (dropped && seen[0].connection == seen[1].connection) return "its connection is used again";
    const bool kept = one.then == "open";
    if (kept && seen[0].connection != seen[1].connection) return "its connection is not used again";
    return "";
  }

 private:
  std::string problem_of_answer(const Case& one) {
    HttpClient client{bonedry_.address()};
    client.send(one.asked + "\r\nHost: shop.example\r\n\r\n");
    std::optional<Response> response;
    try {
      response = client.read_response(one.method());
    } catch (const test::TimedOut&) {
      return "no answer, and no end";
    } catch (const SocketError& error) {
      return one.verdict == Verdict::aborted ? "" : std::string("no answer: ") + error.what();
    }
    const int status = response->status;
    if (one.verdict == Verdict::aborted) {
      return response->complete() ? "a whole answer: " + shown(response->raw_head) : "";
    }
    if (!response->complete()) return "an answer that breaks off";
    if (one.verdict == Verdict::bad && status != 502) return "answered " + std::to_string(status);
    if (one.verdict == Verdict::passed && status == 502) return "answered 502";
    std::string text;
    for (const Response& interim : response->interim) text += interim.raw_head;
    text += response->raw_head + response->body + response->trailers.to_wire();
    if (std::string problem = problem_of_text(one, text); !problem.empty()) return problem;
    const bool over =
        one.asked.ends_with("1.0") ? client.closed_by_peer() : client.is_idle_and_open();
    return over ? "" : "something follows the answer";
  }
};

INSTANTIATE_TEST_SUITE_P(Corpus, ResponsesOnTheWire, testing::ValuesIn(files_of("responses")),
                         wire_name_of);

TEST_P(ResponsesOnTheWire, ReachAClientOnlyAsTheCorpusSays) {
  for (const Case& one : read_cases(GetParam())) {
    for (const Pace pace : {Pace::at_once, Pace::byte_by_byte}) {
      // Bytes that arrive after the response was consumed cannot be told apart from the next
      // response.
      if (pace == Pace::byte_by_byte && one.then == "dropped") continue;
      std::string problem;
      try {
        problem = problem_of(one, pace);
      } catch (const std::exception& error) {
        problem = error.what();
      }
      if (problem.empty()) continue;
      ADD_FAILURE() << one.where << ": [" << one.name << "] "
                    << (pace == Pace::at_once ? "whole" : "byte by byte") << ": " << problem
                    << "\nof " << shown(one.bytes);
      (void)node_.take();
    }
  }
}

}  // namespace
}  // namespace bonedry::corpus
