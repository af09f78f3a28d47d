// HTTP/2 with clients that are not ours: curl, nghttp and h2load, each skipped where it is missing.
#include "tests/scenario/http2_story.h"
#include "tests/support/can_run.h"
#include "tests/support/temporary_directory.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

/// For clients that know the proxy by its address alone, which is in no certificate.
constexpr const char* kAuthority = ":authority: shop.example";

class Http2ClientsStory : public Http2Story {
 protected:
  Http2ClientsStory() {
    if (const auto tls = story_tls_files()) files_.write("ca.pem", tls->ca);
    launch_http2(config());
  }

  [[nodiscard]] static bool has_tls() { return story_client_tls().has_value(); }
  [[nodiscard]] std::string port() const { return address().substr(address().rfind(':') + 1); }
  [[nodiscard]] std::string url(const std::string& target) const {
    return (has_tls() ? "https://" : "http://") + address() + target;
  }
  /// Runs curl with HTTP/2 and the options.
  [[nodiscard]] RunResult curl(const std::string& target,
                               const std::vector<std::string>& options) const {
    std::vector<std::string> all{"/usr/bin/curl", "-sS",
                                 "--noproxy",     "*",
                                 "--resolve",     "shop.example:" + port() + ":127.0.0.1"};
    if (has_tls()) {
      all.insert(all.end(), {"--http2", "--cacert", files_ / "ca.pem"});
    } else {
      all.emplace_back("--http2-prior-knowledge");
    }
    all.insert(all.end(), options.begin(), options.end());
    all.push_back((has_tls() ? "https://shop.example:" : "http://shop.example:") + port() + target);
    return run_program(all, {}, kDeadline * 3);
  }

  TemporaryDirectory files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2ClientsStory, worker_counts(), name_of_workers);

TEST_P(Http2ClientsStory, CurlDownloadsAndUploads) {
  if (!can_run("/usr/bin/curl")) GTEST_SKIP() << "curl is not installed";
  constexpr std::uint64_t kSize = 8 << 20;
  for (FakeNode* each : {&alice_, &bob_}) each->on("/big", sending_pattern(1, kSize));
  const RunResult down =
      curl("/big", {"-o", files_ / "big", "-w", "%{http_code} %{http_version} %{size_download}"});
  EXPECT_EQ(down.out, "200 2 " + std::to_string(kSize)) << down.err;
  EXPECT_EQ(sha256(read_file(files_ / "big")), PatternBody::checksum(1, kSize));
  const RunResult up = curl("/up", {"--data-binary", "@" + (files_ / "big")});
  EXPECT_THAT(up.out, HasSubstr(PatternBody::checksum(1, kSize))) << up.err;
}

TEST_P(Http2ClientsStory, CurlKeepsItsCookieAndItsNode) {
  if (!can_run("/usr/bin/curl")) GTEST_SKIP() << "curl is not installed";
  const std::string jar = files_ / "jar";
  const auto click = [&] {
    return curl("/", {"-b", jar, "-c", jar, "-o", "/dev/null", "-w", "%header{x-node}"}).out;
  };
  const std::string first = click();
  EXPECT_THAT(first, testing::AnyOf("alice", "bob"));
  order("bleed " + first);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(click(), first);
  EXPECT_EQ(node(first == "alice" ? alice_ : bob_).live, 1);
}

TEST_P(Http2ClientsStory, CurlSendsManyRequestsOnOneConnection) {
  if (!can_run("/usr/bin/curl")) GTEST_SKIP() << "curl is not installed";
  if (!has_tls()) GTEST_SKIP() << "curl 7.88 uses no connection twice with prior knowledge";
  const RunResult many = curl("/many/[1-100]", {"-Z", "--parallel-max", "50", "-o", "/dev/null",
                                                "-w", "%{http_code} %{http_version}\n"});
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "200 2\n";
  EXPECT_EQ(many.out, expected) << many.err;
}

TEST_P(Http2ClientsStory, CurlSeesThatABodyWasCut) {
  if (!can_run("/usr/bin/curl")) GTEST_SKIP() << "curl is not installed";
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/cut", answering_and_closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                           "4\r\nhalf\r\n"));
  }
  const RunResult cut = curl("/cut", {});
  EXPECT_NE(cut.code, 0);
  EXPECT_THAT(cut.err, HasSubstr("HTTP/2 stream")) << "was reset";
}

TEST_P(Http2ClientsStory, NghttpGetsAPageAndItsTrailers) {
  if (!can_run("/usr/bin/nghttp")) GTEST_SKIP() << "nghttp is not installed";
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/page", answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "4\r\npage\r\n0\r\nX-Sum: 42\r\n\r\n"));
  }
  const RunResult page = run_program({"/usr/bin/nghttp", "-v", "-y", "--no-verify-peer", "-H",
                                      kAuthority, "-H", "te: trailers", url("/page")});
  EXPECT_EQ(page.code, 0) << page.err;
  EXPECT_THAT(page.out, HasSubstr("page"));
  EXPECT_THAT(page.out, HasSubstr(":status: 103"));
  EXPECT_THAT(page.out, HasSubstr(":status: 200"));
  EXPECT_THAT(page.out, HasSubstr("x-sum: 42"));
  EXPECT_THAT(page.out, testing::Not(HasSubstr("PROTOCOL_ERROR"))) << page.out;
}

TEST_P(Http2ClientsStory, NghttpUploads) {
  if (!can_run("/usr/bin/nghttp")) GTEST_SKIP() << "nghttp is not installed";
  const std::string body(3'000'000, 'x');
  files_.write("body", body);
  const RunResult up = run_program({"/usr/bin/nghttp", "-y", "--no-verify-peer", "-H", kAuthority,
                                    "-d", files_ / "body", url("/up")});
  EXPECT_THAT(up.out, HasSubstr(sha256(body))) << up.err;
}

TEST_P(Http2ClientsStory, H2loadIsServedWithoutAFailure) {
  if (!can_run("/usr/bin/h2load")) GTEST_SKIP() << "h2load is not installed";
  const RunResult load = run_program(
      {"/usr/bin/h2load", "-n", "1000", "-c", "10", "-m", "10", "-H", kAuthority, url("/load")}, {},
      kDeadline * 6);
  EXPECT_EQ(load.code, 0) << load.err;
  EXPECT_THAT(load.out, HasSubstr("1000 succeeded, 0 failed, 0 errored, 0 timeout")) << load.out;
  EXPECT_THAT(load.out, HasSubstr("status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx"));
  EXPECT_EQ(alice_.requests_for("/load") + bob_.requests_for("/load"), 1000U);
  EXPECT_TRUE(eventually_idle());
}

}  // namespace
}  // namespace bonedry::test
