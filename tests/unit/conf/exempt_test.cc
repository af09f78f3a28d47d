// The values of [pool.session] exempt.
#include "config_text.h"

namespace bonedry::conf::test {
namespace {

TEST(ExemptTest, Values) {
  using Match = TextPattern::Match;
  const std::string path_expected =
      R"( is not a path or the beginning of paths; expected one such as "/healthz" or )"
      R"("/static/*", of at most 1024 characters, without spaces, "?" and "#"; not "/*", which is )"
      "every path";
  const std::string agent_expected =
      R"( is not a user agent or a part of one; expected printable ASCII such as "kube-probe/*" )"
      R"(or "*bot*", of at most 128 characters, with "*" only at its ends; not "*", which is every )"
      "user agent";
  const std::string entry = "f:6:19: pool[shop].session.exempt[#1]: ";
  std::vector<Row> rows{
      {"session.exempt = '/healthz'",
       "f:6:18: pool[shop].session.exempt: expected an array of tables (double brackets), got a "
       "string"},
      {"session.exempt = [{}]",
       entry + "empty, so that no request would begin a session; expected at least one of method, "
               "path, user_agent, client"},
      {"session.exempt = [{ pth = '/x' }]",
       R"(f:6:21: pool[shop].session.exempt[#1].pth: unknown key; did you mean "path"?)"},
      {"session.exempt = [{ method = 'GET ' }]",
       R"(f:6:30: pool[shop].session.exempt[#1].method: "GET " is not a token; expected letters, )"
       "digits and !#$%&'*+-.^_`|~"},
      {"session.exempt = [{ client = '10.0.0.1/8' }]",
       R"(f:6:30: pool[shop].session.exempt[#1].client: "10.0.0.1/8" has host bits set; did you )"
       R"(mean "10.0.0.0/8"?)"},
      {"session.exempt = [{ path = 7 }]",
       "f:6:28: pool[shop].session.exempt[#1].path: expected a string, got an integer"}};
  for (const std::string all : {"0.0.0.0/0", "::/0"}) {
    rows.push_back({"session.exempt = [{ client = '" + all + "' }]",
                    R"(f:6:30: pool[shop].session.exempt[#1].client: ")" + all +
                        R"(" is every client; expected a smaller network, e.g. "10.0.0.0/8")"});
  }
  for (const std::string path : {"", "healthz", "/*", "/a*b", "*", "/**", "/a?b", "/a b", "/a#b"}) {
    rows.push_back(
        {"session.exempt = [{ path = '" + path + "' }]",
         R"(f:6:28: pool[shop].session.exempt[#1].path: ")" + path + "\"" + path_expected});
  }
  for (const std::string agent : {"", "*", "**", "a*b", "*a*b*", "***", "\xc3\xa9"}) {
    rows.push_back(
        {"session.exempt = [{ user_agent = '" + agent + "' }]",
         R"(f:6:34: pool[shop].session.exempt[#1].user_agent: ")" + agent + "\"" + agent_expected});
  }
  expect_errors(in_a_pool, rows);

  const auto exempt = load(in_a_pool("session.exempt = [{ path = '/healthz' }, "
                                     "{ path = '/static/*' }, { user_agent = '*monitor' }, "
                                     "{ user_agent = 'kube-probe/*' }, { user_agent = '*bot*' }, "
                                     "{ client = '10.0.0.0/8', method = 'HEAD' }]"))
                          .config.pools[0]
                          .session.exempt;
  ASSERT_EQ(exempt.size(), 6U);
  EXPECT_EQ(exempt[0].path, (TextPattern{"/healthz", Match::whole}));
  EXPECT_TRUE(exempt[0].method.empty() && !exempt[0].user_agent && !exempt[0].client);
  EXPECT_EQ(exempt[1].path, (TextPattern{"/static/", Match::prefix}));
  EXPECT_EQ(exempt[2].user_agent, (TextPattern{"monitor", Match::suffix}));
  EXPECT_EQ(exempt[3].user_agent, (TextPattern{"kube-probe/", Match::prefix}));
  EXPECT_EQ(exempt[4].user_agent, (TextPattern{"bot", Match::part}));
  EXPECT_EQ(exempt[5].client, parse_network("10.0.0.0/8"));
  EXPECT_EQ(exempt[5].method, "HEAD");
  EXPECT_THAT(warnings_of(in_a_pool("session.sticky = 'none'\n"
                                    "session.exempt = [{ path = '/healthz' }]")),
              ElementsAre(R"(f:7:18: pool[shop].session.exempt: ignored: with sticky = "none" no )"
                          "request begins a session"));
}

TEST(ExemptTest, Bounds) {
  const auto entries = [](std::size_t count) {
    std::string text = "session.exempt = [";
    for (std::size_t i = 0; i < count; ++i) text += "{ path = '/healthz' }, ";
    return in_a_pool(text + "]");
  };
  EXPECT_THAT(errors_of(entries(64)), IsEmpty());
  EXPECT_THAT(errors_of(entries(65)),
              ElementsAre("f:6:18: pool[shop].session.exempt: 65 entries; expected at most 64"));
  const auto errors_with = [](const std::string& key, std::size_t size) {
    return errors_of(in_a_pool("session.exempt = [{ " + key + " = '/" + std::string(size - 1, 'x') +
                               "' }]"))
        .size();
  };
  EXPECT_EQ(errors_with("path", 1024), 0U);
  EXPECT_EQ(errors_with("path", 1025), 1U);
  EXPECT_EQ(errors_with("user_agent", 128), 0U);
  EXPECT_EQ(errors_with("user_agent", 129), 1U);
}

}  // namespace
}  // namespace bonedry::conf::test
