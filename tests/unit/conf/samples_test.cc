// The sample files in conf/ must load, and the example must state the real defaults.
#include "config_text.h"
#include "proxy/base/file.h"

#include <filesystem>
#include <sstream>

namespace bonedry::conf::test {
namespace {

Loaded load_sample(const std::string& name) {
  const Result<Loaded> loaded = load_file(std::string{SAMPLES} + "/" + name);
  if (loaded) return *loaded;
  ADD_FAILURE() << loaded.error();
  return {};
}

TEST(SamplesTest, EverySampleLoads) {
  for (const auto& file : std::filesystem::directory_iterator{SAMPLES}) {
    if (file.path().extension() == ".toml") load_sample(file.path().filename());
  }
}

TEST(SamplesTest, MinimalLoadsWithoutAWarning) {
  const Loaded loaded = load_sample("minimal.toml");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  ASSERT_EQ(loaded.config.listeners.size(), 1U);
  EXPECT_EQ(to_string(loaded.config.listeners[0].address), "127.0.0.1:8080");
  ASSERT_EQ(loaded.config.pools.size(), 1U);
  ASSERT_EQ(loaded.config.pools[0].nodes.size(), 2U);
  EXPECT_EQ(to_string(loaded.config.pools[0].nodes[0].address), "127.0.0.1:9001");
  EXPECT_EQ(to_string(loaded.config.pools[0].nodes[1].address), "127.0.0.1:9002");
  EXPECT_FALSE(loaded.config.pools[0].health.active);
}

TEST(SamplesTest, ExampleShowsTheDefaults) {
  const Loaded loaded = load_sample("example.toml");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  Config expected;
  expected.listeners = {{{"0.0.0.0", 8080}, "shop"}};
  Pool pool;
  pool.name = "shop";
  pool.health.active = true;
  pool.session.cookie_named = NameSource::in_file;
  pool.nodes = {{"alice", {"127.0.0.1", 9001}}, {"bob", {"127.0.0.1", 9002}}};
  expected.pools = {pool};
  EXPECT_EQ(loaded.config, expected);
}

// The keys that the loader accepts in a table, taken from its error about an unknown key.
std::vector<std::string> keys_of(const std::string& table) {
  const std::string intro = "unknown key; expected one of: ";
  std::vector<std::string> keys;
  for (const std::string& error : errors_of(table + "\nxyzzyxyzzy = 1\n")) {
    const std::size_t at = error.find(intro);
    if (at == std::string::npos) continue;
    std::istringstream words{error.substr(at + intro.size())};
    for (std::string key; words >> key;) keys.push_back(key.substr(0, key.find(',')));
  }
  return keys;
}

TEST(SamplesTest, ExampleShowsEveryKeyOfEveryTable) {
  const auto text = read_file(std::string{SAMPLES} + "/example.toml");
  ASSERT_TRUE(text) << text.error();
  for (const std::string table :
       {"[server]", "[admin]", "[hooks]", "[log]", "[limits]", "[timeouts]", "[ledger]",
        "[[listener]]", "[[pool]]", "[[pool]]\n[pool.session]", "[[pool]]\n[pool.health]",
        "[[pool]]\n[[pool.node]]"}) {
    const auto keys = keys_of(table);
    EXPECT_FALSE(keys.empty()) << table;
    const std::string header = table.substr(table.rfind('\n') + 1);
    const std::size_t begin = text->find(header + "\n");
    ASSERT_NE(begin, std::string::npos) << header;
    const std::string body = text->substr(begin, text->find("\n\n", begin) - begin);
    for (const std::string& key : keys) {
      const bool sub_table = key == "session" || key == "health" || key == "node" || key == "token";
      EXPECT_TRUE(sub_table || body.find(key + " = ") != std::string::npos) << header << " " << key;
    }
  }
}

// Lines that are commented out must be as correct as the rest.
TEST(SamplesTest, ExampleLoadsWithItsOptionalKeys) {
  const auto text = read_file(std::string{SAMPLES} + "/example.toml");
  ASSERT_TRUE(text) << text.error();
  std::string all = *text;
  for (const std::string key :
       {"secrets = ", "http = ", "tls = ", "path = ", "logout = ", "exempt = ", "health_path = "}) {
    std::size_t comment = all.find("# " + key);
    ASSERT_NE(comment, std::string::npos) << key;
    for (; comment != std::string::npos; comment = all.find("# " + key)) all.erase(comment, 2);
  }
  const Loaded loaded = load(all);
  EXPECT_EQ(loaded.config.server.secrets.size(), 1U);
  EXPECT_TRUE(loaded.config.listeners.at(0).tls);
  EXPECT_TRUE(loaded.config.pools.at(0).tls);
  EXPECT_EQ(loaded.config.pools.at(0).health.path, "/healthz");
  EXPECT_EQ(loaded.config.listeners.at(0).health_path, "/-/health");
  EXPECT_EQ(loaded.config.pools.at(0).session.logout.size(), 1U);
  EXPECT_EQ(loaded.config.pools.at(0).session.exempt.size(), 2U);
  ASSERT_TRUE(loaded.config.admin.http);
  EXPECT_TRUE(loaded.config.admin.http->tls);
  EXPECT_TRUE(loaded.warnings.empty());
}

}  // namespace
}  // namespace bonedry::conf::test
