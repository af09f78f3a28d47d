// Refused requests appear in the access log: with what was read of them, and the reason.
#include "tests/scenario/story.h"

#include <nlohmann/json.hpp>

#include <sstream>
#include <string>

namespace bonedry::test {
namespace {

class RefusalLogStory : public ShopStory {
 protected:
  RefusalLogStory() {
    TestConfig settings = config();
    settings.timeouts = {"header = \"300ms\""};
    settings.limits = {"header_bytes = 2048", "headers = 10", "body_bytes = 1000"};
    launch(std::move(settings));
  }

  /// The log line of the refusal with this status and target; null until it is there.
  [[nodiscard]] nlohmann::json line_of(int status, const std::string& target) const {
    std::istringstream lines(bonedry_->out());
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_object() && json.value("status", 0) == status &&
          json.value("target", "") == target) {
        return json;
      }
    }
    return nullptr;
  }

  /// Sends the bytes; expects the refusal in the response and in the log.
  void refused(const std::string& raw, int status, const std::string& method,
               const std::string& target, const std::string& reason,
               const std::string& end = "bad_request") const {
    HttpClient client{bonedry_->address()};
    client.send(raw);
    EXPECT_EQ(client.read_head().status, status) << raw.substr(0, 40);
    ASSERT_TRUE(eventually([&] { return !line_of(status, target).is_null(); })) << bonedry_->out();
    const nlohmann::json line = line_of(status, target);
    EXPECT_EQ(line.value("method", ""), method);
    EXPECT_NE(line.value("reason", "").find(reason), std::string::npos) << line;
    EXPECT_EQ(line.value("end", ""), end);
  }
};

TEST_P(RefusalLogStory, WhatWasReadAndWhyAreInTheLog) {
  refused("GET /bad-field HTTP/1.1\r\nHost: a\r\nbad field: 1\r\n\r\n", 400, "GET", "/bad-field",
          "malformed header field");
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "PRI", "*", "HTTP/2");
  refused("B@D /method HTTP/1.1\r\nHost: a\r\n\r\n", 400, "B@D", "/method", "method");
  refused("GET /no-host HTTP/1.1\r\n\r\n", 400, "GET", "/no-host", "no Host");
  refused("GET /large HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(3000, 'x') + "\r\n\r\n", 431,
          "GET", "/large", "[limits] header_bytes");
  std::string many = "GET /many HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 20; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  refused(many + "\r\n", 431, "GET", "/many", "[limits] headers");
  refused("POST /slow HTTP/1.1\r\nHost:", 408, "POST", "/slow", "[timeouts] header");
}

TEST_P(RefusalLogStory, SoIsWhatIsWrongWithABody) {
  const auto post = [](const std::string& target, const std::string& framing) {
    return "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + framing;
  };
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  refused(post("/chunk", chunked + "zz\r\n"), 400, "POST", "/chunk", "chunk");
  refused(post("/trailers", chunked + "0\r\nX: " + std::string(3000, 'x') + "\r\n\r\n"), 431,
          "POST", "/trailers", "[limits] header_bytes");
  refused(post("/body", "Content-Length: 1001\r\n\r\n"), 413, "POST", "/body",
          "[limits] body_bytes", "body_too_large");
}

INSTANTIATE_TEST_SUITE_P(Workers, RefusalLogStory, worker_counts(), name_of_workers);

}  // namespace
}  // namespace bonedry::test
