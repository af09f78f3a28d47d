#pragma once

#include "tests/support/browser.h"
#include "tests/support/child_process.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace bonedry::test {

/// The accessibility checker axe-core, from npm, outside of the repository; "" if it is missing.
inline std::string axe_core() {
  const char* const given = std::getenv("BONEDRY_AXE");
  for (const std::string& path : {std::string(given == nullptr ? "" : given),
                                  std::string("/usr/local/lib/node_modules/axe-core/axe.min.js"),
                                  std::string("/usr/lib/node_modules/axe-core/axe.min.js")}) {
    if (!path.empty() && ::access(path.c_str(), R_OK) == 0) return read_file(path);
  }
  return "";
}

constexpr const char* kNoAxe = "takes axe-core: npm install -g axe-core, or $BONEDRY_AXE";

/// Finds nothing wrong with the page, light and dark. `what`: of the page, for people.
inline void expect_accessible(Page& page, const std::string& axe, const std::string& what) {
  for (const ColourScheme scheme : {ColourScheme::light, ColourScheme::dark}) {
    page.prefer(scheme);
    page.run(axe + "; 0");
    const nlohmann::json found = page.value(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => v.id + "
        "': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))");
    EXPECT_EQ(found, nlohmann::json::array())
        << what << (scheme == ColourScheme::dark ? ", dark" : ", light");
  }
}

}  // namespace bonedry::test
