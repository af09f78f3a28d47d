#include "session/exemption.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::session {
namespace {

using conf::Exemption;
using conf::TextPattern;
using Match = conf::TextPattern::Match;

/// A check of a monitor; the tests change parts of it.
RequestTraits a_check() {
  return {"GET", "/healthz", "kube-probe/1.29", parse_ip("10.1.2.3")};
}

bool matches(const Exemption& exemption, const RequestTraits& request) {
  return matches_any(std::vector{exemption}, request);
}

bool path_matches(const TextPattern& pattern, std::string_view target) {
  RequestTraits request = a_check();
  request.target = target;
  return matches({.method = "", .path = pattern, .user_agent = {}, .client = {}}, request);
}

bool user_agent_matches(const TextPattern& pattern, std::string_view user_agent) {
  RequestTraits request = a_check();
  request.user_agent = user_agent;
  return matches({.method = "", .path = {}, .user_agent = pattern, .client = {}}, request);
}

TEST(ExemptionTest, AllConditionsOfAnEntryMustHold) {
  const Exemption all{.method = "GET",
                      .path = TextPattern{"/healthz", Match::whole},
                      .user_agent = TextPattern{"kube-probe/", Match::prefix},
                      .client = conf::parse_network("10.0.0.0/8")};
  EXPECT_TRUE(matches(all, a_check()));
  RequestTraits request = a_check();
  request.method = "HEAD";
  EXPECT_FALSE(matches(all, request));
  request = a_check();
  request.target = "/";
  EXPECT_FALSE(matches(all, request));
  request = a_check();
  request.user_agent = "curl/8.0";
  EXPECT_FALSE(matches(all, request));
  request = a_check();
  request.client = parse_ip("192.0.2.1");
  EXPECT_FALSE(matches(all, request));
}

TEST(ExemptionTest, OneEntryIsEnough) {
  const std::vector<Exemption> two{
      {.method = "HEAD", .path = {}, .user_agent = {}, .client = {}},
      {.method = "", .path = TextPattern{"/healthz"}, .user_agent = {}, .client = {}}};
  RequestTraits request = a_check();
  EXPECT_TRUE(matches_any(two, request));
  request.target = "/";
  EXPECT_FALSE(matches_any(two, request));
  request.method = "HEAD";
  EXPECT_TRUE(matches_any(two, request));
  EXPECT_FALSE(matches_any({}, request));
}

TEST(ExemptionTest, APathIsComparedWithoutItsQueryAndWithRegardToCase) {
  const TextPattern whole{"/healthz", Match::whole};
  EXPECT_TRUE(path_matches(whole, "/healthz"));
  EXPECT_TRUE(path_matches(whole, "/healthz?verbose=1"));
  for (const char* other : {"/healthz/", "/health", "/Healthz", "/x?/healthz", "*", ""}) {
    EXPECT_FALSE(path_matches(whole, other)) << other;
  }
  const TextPattern prefix{"/static/", Match::prefix};
  EXPECT_TRUE(path_matches(prefix, "/static/"));
  EXPECT_TRUE(path_matches(prefix, "/static/a.css?v=1"));
  for (const char* other : {"/static", "/x/static/", "/x?/static/", "/STATIC/a"}) {
    EXPECT_FALSE(path_matches(prefix, other)) << other;
  }
}

TEST(ExemptionTest, AUserAgentIsComparedWithoutRegardToCase) {
  EXPECT_TRUE(user_agent_matches({"Pingdom", Match::whole}, "pINGDOM"));
  EXPECT_FALSE(user_agent_matches({"Pingdom", Match::whole}, "Pingdom/1"));
  EXPECT_TRUE(user_agent_matches({"kube-probe/", Match::prefix}, "Kube-Probe/1.29"));
  EXPECT_FALSE(user_agent_matches({"kube-probe/", Match::prefix}, "my kube-probe/1"));
  EXPECT_TRUE(user_agent_matches({"monitor", Match::suffix}, "The Monitor"));
  EXPECT_FALSE(user_agent_matches({"monitor", Match::suffix}, "monitor/2"));
  for (const char* text : {"bot", "Googlebot/2.1", "(compatible; BOT)", "bobot"}) {
    EXPECT_TRUE(user_agent_matches({"bot", Match::part}, text)) << text;
  }
  for (const char* text : {"", "bo", "b o t"}) {
    EXPECT_FALSE(user_agent_matches({"bot", Match::part}, text)) << text;
  }
}

TEST(ExemptionTest, AUserAgentWithoutBoundMatchesNothing) {
  const std::string long_one(1024, 'a');
  EXPECT_TRUE(user_agent_matches({"aab", Match::part}, long_one.substr(3) + "aab"));
  EXPECT_FALSE(user_agent_matches({"aab", Match::part}, long_one + "aab"));
}

TEST(ExemptionTest, AClientIsComparedByItsAddress) {
  Exemption exemption;
  exemption.client = conf::parse_network("10.0.0.0/8");
  RequestTraits request = a_check();
  EXPECT_TRUE(matches(exemption, request));
  request.client = parse_ip("::ffff:10.9.9.9");
  EXPECT_TRUE(matches(exemption, request));
  for (const char* other : {"11.0.0.1", "::1", "unknown"}) {
    request.client = parse_ip(other);
    EXPECT_FALSE(matches(exemption, request)) << other;
  }
}

}  // namespace
}  // namespace bonedry::session
