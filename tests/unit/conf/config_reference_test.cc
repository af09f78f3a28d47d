// Compares docs/config.md with the loader: same sections, same keys, same defaults.
#include "config_text.h"
#include "proxy/base/file.h"

#include <map>
#include <set>

namespace bonedry::conf::test {
namespace {

/// A row of a section's table: | `key` | type | default | meaning |
struct DocumentedKey {
  std::string name;
  std::string default_cell;
};

/// The content below a heading such as "## `[[pool.node]]`".
struct DocumentedSection {
  std::string header;  ///< "[[pool.node]]"
  std::string path;    ///< "pool.node"
  std::vector<DocumentedKey> keys;
};

using Page = std::vector<DocumentedSection>;

/// The text between the first two backquotes; empty if there are none.
std::string code_in(const std::string& text) {
  const std::size_t begin = text.find('`');
  const std::size_t end = begin == std::string::npos ? begin : text.find('`', begin + 1);
  return end == std::string::npos ? "" : text.substr(begin + 1, end - begin - 1);
}

std::string path_of(const std::string& header) {
  const std::size_t begin = header.find_first_not_of('[');
  return header.substr(begin, header.find(']') - begin);
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  for (std::size_t begin = 1; begin < row.size();) {
    const std::size_t end = std::min(row.find('|', begin), row.size());
    cells.push_back(row.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

Page parse(const std::string& text) {
  Page page;
  bool in_section = false;
  for (const std::string& line : split_lines(text)) {
    if (line.starts_with("## ")) {
      in_section = line.starts_with("## `[");
      const std::string header = code_in(line);
      if (in_section) page.push_back({header, path_of(header), {}});
    } else if (in_section && line.starts_with("| `")) {
      const std::vector<std::string> cells = cells_of(line);
      if (cells.size() != 4) ADD_FAILURE() << "not four cells: " << line;
      page.back().keys.push_back({code_in(cells.at(0)), cells.at(2)});
    }
  }
  return page;
}

Page load_page() {
  const auto text = read_file(std::string{SOURCE_ROOT} + "/docs/config.md");
  if (text) return parse(*text);
  ADD_FAILURE() << text.error();
  return {};
}

const char* const kRequired = " required ";

/// A valid value for each required key.
std::string required_value(const std::string& key) {
  static const std::map<std::string, std::string> kValues{{"address", "'127.0.0.1:9001'"},
                                                          {"certificate", "'shop.pem'"},
                                                          {"key", "'shop.key'"},
                                                          {"method", "'POST'"},
                                                          {"name", "'shop'"},
                                                          {"path", "'/logout'"},
                                                          {"pool", "'shop'"},
                                                          {"scope", "['read']"},
                                                          {"store", "'redis://127.0.0.1'"}};
  const auto found = kValues.find(key);
  if (found != kValues.end()) return found->second;
  ADD_FAILURE() << "no value here for the required key " << key;
  return "''";
}

/// A line for sections that may not be empty, although none of their keys is required.
std::string line_for_empty(const std::string& path) {
  if (path == "admin.token") return "token_file = '/etc/bonedry/ci.token'\n";
  return path == "pool.session.exempt" ? "path = '/healthz'\n" : "";
}

/// A config with every section of the page and all required keys except `omitted`, and with `line`
/// in the section `path`; the path of the root is "".
std::string config_with(const Page& page, const std::string& path, const std::string& line,
                        const std::string& omitted = "") {
  std::string text = path.empty() ? line + "\n" : "";
  for (const DocumentedSection& section : page) {
    text += section.header + "\n";
    // Members of a cluster need one.
    if (section.path == "server") text += "secrets = ['0123456789abcdef0123456789abcdef']\n";
    const bool here = section.path == path;
    for (const DocumentedKey& key : section.keys) {
      if (key.default_cell != kRequired || (here && key.name == omitted)) continue;
      text += key.name + " = " + required_value(key.name) + "\n";
    }
    text += here && !line.empty() ? line + "\n" : line_for_empty(section.path);
  }
  return text;
}

/// The keys that the loader accepts in a section, taken from its error about an unknown key.
std::set<std::string> known_keys(const Page& page, const std::string& path) {
  const std::string intro = "unknown key; expected one of: ";
  std::set<std::string> keys;
  for (const std::string& error : errors_of(config_with(page, path, "xyzzyxyzzy = 1"))) {
    std::size_t begin = error.find(intro);
    if (begin == std::string::npos) continue;
    for (begin += intro.size(); begin < error.size();) {
      const std::size_t end = std::min(error.find(", ", begin), error.size());
      keys.insert(error.substr(begin, end - begin));
      begin = end + 2;
    }
  }
  return keys;
}

/// The keys of a section's table, and the sections directly below it, which are also keys.
std::set<std::string> documented_keys(const Page& page, const std::string& path) {
  std::set<std::string> keys;
  for (const DocumentedSection& section : page) {
    if (section.path == path) {
      for (const DocumentedKey& key : section.keys) keys.insert(key.name);
    }
    const std::size_t dot = section.path.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : section.path.substr(0, dot);
    if (parent == path) keys.insert(section.path.substr(dot == std::string::npos ? 0 : dot + 1));
  }
  return keys;
}

TEST(ConfigReferenceTest, TheKeysAreThoseOfTheLoader) {
  const Page page = load_page();
  EXPECT_EQ(documented_keys(page, ""), known_keys(page, "")) << "sections";
  for (const DocumentedSection& section : page) {
    EXPECT_EQ(documented_keys(page, section.path), known_keys(page, section.path))
        << section.header;
  }
}

TEST(ConfigReferenceTest, NoKeyIsDocumentedTwice) {
  std::set<std::string> seen;
  for (const DocumentedSection& section : load_page()) {
    EXPECT_TRUE(seen.insert(section.path).second) << section.header;
    for (const DocumentedKey& key : section.keys) {
      EXPECT_TRUE(seen.insert(section.path + "/" + key.name).second)
          << section.header << " " << key.name;
    }
  }
}

TEST(ConfigReferenceTest, WhatIsRequiredIsRequiredAndNothingElse) {
  const Page page = load_page();
  EXPECT_THAT(errors_of(config_with(page, "", "")), IsEmpty());
  for (const DocumentedSection& section : page) {
    for (const DocumentedKey& key : section.keys) {
      if (key.default_cell != kRequired) continue;
      const auto errors = errors_of(config_with(page, section.path, "", key.name));
      EXPECT_THAT(errors, ::testing::Contains(
                              ::testing::HasSubstr("." + key.name + ": required, but missing")))
          << section.header;
    }
  }
}

/// Clears whether a cookie name was written or is the default: that is not a value of the config.
Config without_origins(Config config) {
  for (Pool& pool : config.pools) pool.session.cookie_named = NameSource::by_default;
  return config;
}

// Writing a documented default value changes nothing. Defaults that are not values begin with a
// word ("same as ...") or a dash.
TEST(ConfigReferenceTest, DefaultsAreThoseOfTheLoader) {
  const Page page = load_page();
  const Config expected = without_origins(load(config_with(page, "", "")).config);
  unsigned compared = 0;
  for (const DocumentedSection& section : page) {
    for (const DocumentedKey& key : section.keys) {
      if (!key.default_cell.starts_with(" `")) continue;
      const std::string line = key.name + " = " + code_in(key.default_cell);
      const Config config = load(config_with(page, section.path, line)).config;
      EXPECT_EQ(without_origins(config), expected) << section.header << " " << line;
      ++compared;
    }
  }
  EXPECT_GT(compared, 40U);
}

}  // namespace
}  // namespace bonedry::conf::test
